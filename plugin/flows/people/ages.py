"""The age of a person, as declared: a birth date, or only that they are of age. Never guessed.

Somebody without either is listed, and is never named without a human decision (`rules.may_auto`). A birth date
overrides a declaration: nothing switches off that somebody is a child.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, update

from plugin.errors import ConsentError
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent import rules
from plugin.quitclaim.consent.model import OLDEST_BIRTH_YEAR


@dataclass(frozen=True)
class Age:
    """What is said of an age: that somebody is of age, or when they were born; of both the birth date counts."""

    of_age: bool = False
    birth_date: date | None = None


def refuse_invalid(services: Services, said: Age) -> None:
    """Raise ConsentError for an age that cannot be, or contradicts itself."""
    born = said.birth_date
    if born is None:
        return
    if not born.year >= OLDEST_BIRTH_YEAR or born > services.today():
        raise ConsentError("that birth date cannot be right: correct it")
    if said.of_age and is_under_age(services, born, services.clock.now()):
        raise ConsentError("this is the birth date of a child: correct it, or do not say that they are of age")


def is_under_age(services: Services, born: date, at: datetime) -> bool:
    """Whether guardians decide, at `at`, for somebody born on this day."""
    return rules.birthday(born, services.ages.age, services.ages.zone) > at


def declare(services: Services, person_id: str, said: Age, actor: str) -> bool:
    """Record the age of a person without a birth date; False: it was recorded already.

    Raises NotFound, ConsentError if nothing is given, it cannot be, or a birth date is known.
    """
    refuse_invalid(services, said)
    if not said.of_age and said.birth_date is None:
        raise ConsentError("say a birth date, or that the person is of age")
    with services.store.write() as tx:
        person = roster.load(services, tx.connection, person_id).person
        if person.birth_date is not None:
            raise ConsentError("the birth date of this person is known: nothing else is said of their age")
        return declare_in(services, tx, person_id, said, actor)


def declare_in(services: Services, tx: Tx, person_id: str, said: Age, actor: str) -> bool:
    """The same in the caller's transaction; what is recorded already stays."""
    this = t.person.c.id == person_id
    values: dict[ColumnElement[bool], dict[str, object]] = {}
    if said.birth_date is not None:
        values[t.person.c.birth_date.is_(None)] = {"birth_date": said.birth_date}
    if said.of_age:
        unknown = t.person.c.birth_date.is_(None) & t.person.c.of_age_at.is_(None)
        values[unknown] = {"of_age_at": tx.now, "of_age_by": actor}
    changed = sum(tx.execute(update(t.person).where(this, when).values(**new)).rowcount for when, new in values.items())
    if not changed:
        return False
    tx.move_generation()  # whether they may be named automatically hangs on it
    services.queue.put(tx, "recompute", person_id)
    tx.audit(Action.RECORD_CHANGE, actor, subject=roster.subject(services, tx, person_id))
    return True
