"""Coming of age: the young person gets a letter some days ahead, and is asked on the day, at an address of their own.

Their own is one that no guardian gave, that no holder of a link typed, and that is no guardian's too. The link goes
nowhere else. Without such an address the guardians get a letter without a link, and the staff a task.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from plugin.flows.access.links import Link, LinkKind
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.mail import renewals
from plugin.flows.people import addresses, contacts, outbox
from plugin.flows.people.outbox import Letter
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent import calendar, rules
from plugin.quitclaim.consent.model import Person, Quitclaim
from plugin.quitclaim.consent.standing import Standing


@dataclass(frozen=True)
class Unreached:
    """Somebody who decides alone from `day` on, and cannot be asked: they have no address of their own."""

    person_id: str
    name: str
    day: datetime


def find_own_address(services: Services, conn: Connection, person_id: str) -> str | None:
    """The id of the address on file, if it is the young person's own."""
    row = addresses.find_on_file(conn, person_id)
    if row is None or not addresses.is_own(conn, person_id):
        return None
    mine = contacts.email_of(services, conn, person_id)
    return None if addresses.is_guardian_mailbox(services, conn, person_id, mine) else str(row.id)


def may_reach(services: Services, conn: Connection, person: Person, at: datetime) -> bool:
    """Whether a link for the person may go to the address on file: after guardians, only to their own."""
    grown = person.birth_date is not None and bool(person.guardians) and not rules.is_minor(person, services.ages, at)
    return not grown or find_own_address(services, conn, person.id) is not None


def queue_letters(services: Services, standing: Standing, now: datetime) -> int:
    """Queue the letter ahead, or the question on the day; returns how many letters."""
    person, claims = standing.person, standing.quitclaims
    birthday = calendar.coming_of_age(person, claims, services.ages)
    if birthday is None:
        return 0
    since = min(claim.recorded_at for claim in claims)
    ahead = (*services.config.minors.warn_days, 0)
    days = calendar.find_due_alert(birthday, ahead, now, since, renewals.max_delay(services))
    if days is None:
        return 0
    with services.store.write() as tx:
        address_id = find_own_address(services, tx.connection, person.id)
        if address_id is None:
            return _tell_guardians(services, tx, person, days)
        letter = Letter(f"majority:{person.id}:{days}", "majority", person.language, person.id)
        if not outbox.is_due(services, tx, letter):
            return 0
        link = _plan_link(tx, person, claims, address_id) if days == 0 else None
        return int(outbox.put(services, tx, replace(letter, secret=renewals.make_link(services, tx, link))))


def _tell_guardians(services: Services, tx: Tx, person: Person, days: int) -> int:
    """A letter to each, without a link: it is not theirs."""
    letters = [
        Letter(f"majority:{person.id}:{days}:{one}", "majority", person.language, person.id, one)
        for one in person.guardians
    ]
    return sum(outbox.is_due(services, tx, one) and outbox.put(services, tx, one) for one in letters)


def _plan_link(tx: Tx, person: Person, claims: Sequence[Quitclaim], address_id: str) -> Link | None:
    form = renewals.find_successor(tx, claims[-1].id)
    if form is None:
        return None
    language = renewals.choose_language(form, person.language)
    return Link(LinkKind.MAJORITY, language, person.id, form.id, by_mail=True, most_uses=1, address_id=address_id)


def _list_grown(services: Services, conn: Connection, soon: datetime) -> list[str]:
    """People with guardians who may be of age by then, give or take a day."""
    born = soon.date() - timedelta(days=365 * services.ages.age)
    young = select(t.guardian.c.person_id).join(t.person, t.person.c.id == t.guardian.c.person_id)
    return list(conn.scalars(young.where(t.person.c.birth_date <= born).distinct()))


def list_without_address(services: Services) -> list[Unreached]:
    """The staff's task: everybody who comes of age within the days of warning, or has, and has no own address.

    Whoever signs, gets an address, or is forgotten leaves the list.
    """
    now = services.clock.now()
    soon = now + timedelta(days=max(services.config.minors.warn_days, default=0))
    with services.store.read() as conn:
        found = [
            Unreached(one.person.id, one.person.display_name, birthday)
            for one in roster.load_many(services, conn, _list_grown(services, conn, soon)).values()
            if (birthday := calendar.coming_of_age(one.person, one.quitclaims, one.ages)) is not None
            and birthday <= soon
            and services.vault.has_key(conn, one.person.id, "record")
            and find_own_address(services, conn, one.person.id) is None
        ]
    return sorted(found, key=lambda one: (one.day, one.name))
