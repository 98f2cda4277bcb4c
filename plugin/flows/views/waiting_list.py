"""What waits for somebody of the staff, by kind: how much, for whom, and whether something is wrong.

Whoever adds a kind adds a line to `SOURCES`, a query to `waiting_items`, and sentences to the catalogues of
`sidecar.words.staff_words`. An entry is there while its number is not 0: nothing is ticked off by hand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import Select, func, select

from plugin.errors import DamError
from plugin.flows.access import api_tokens
from plugin.flows.access.staff_sessions import Role
from plugin.flows.common import overdue
from plugin.flows.common.overdue import Figure
from plugin.flows.common.services import Services
from plugin.flows.mail import coming_of_age
from plugin.flows.matching import declared_sets
from plugin.flows.people import recognitions
from plugin.flows.photos import reexamination
from plugin.flows.review import dismissals, held_photos, names_by_hand
from plugin.flows.tags import returned_names
from plugin.flows.views import waiting_items
from plugin.hooks.left_out import OUT_OF_REACH
from plugin.ledger import tables as t
from plugin.ledger.queue import set_aside
from plugin.ledger.store.audit import Action


class Kind(StrEnum):
    """What waits."""

    HAND_NAMES = "hand_names"  # names by hand of people who ended
    RETURNED_NAMES = "returned_names"  # names of ours that a restored DAM brought back
    FAILED_WRITES = "failed_writes"  # names that the DAM refused for good
    DEAD_JOBS = "dead_jobs"  # work that was given up
    LOST_RULINGS = "lost_rulings"  # collections with a ruling that are not where they were
    UNREAD_NAMES = "unread_names"  # photographs on which there may be names that could not be read
    DISMISSED_BEFORE = "dismissed_before"  # faces left out by a reason that does not hold any more
    HELD_PHOTOGRAPHS = "held_photographs"  # photographs that came from under a stricter ruling
    NAMES_AGAIN = "names_again"  # names that we took off and that somebody put there again
    COME_OF_AGE = "come_of_age"  # young people whom nobody can ask: they have no address of their own
    NEAR_SETS = "near_sets"  # declared pictures that resemble somebody enrolled
    DECLARED_SETS = "declared_sets"  # pictures that came by a link, and that nobody vouched for
    OWN_INVITATIONS = "own_invitations"  # vouched for by whoever had made the link
    SELF_CONFIRMED = "self_confirmed"  # an address confirmed by the account that entered it
    OWED_REVOCATIONS = "owed_revocations"  # withdrawals that are not carried out in the DAM
    OWED_ERASURES = "owed_erasures"  # erasures that are not finished
    OWED_DATES = "owed_dates"  # photographs of which the DAM shows a date that is not so
    OWED_WRITES = "owed_writes"  # names that were to be written or taken off
    OWED_LETTERS = "owed_letters"  # letters that were not delivered
    OWED_JOBS = "owed_jobs"  # any other work that is late
    DOUBTED_NAMES = "doubted_names"  # people whose name may stand where nobody could read it
    UNKNOWN_AGE = "unknown_age"  # people who gave neither a birth date nor that they are of age
    ENDLESS_TOKENS = "endless_tokens"  # API tokens without an end
    LOOKED_BEFORE = "looked_before"  # photographs that were examined by rules that looked less closely
    SMALL_PREVIEWS = "small_previews"  # photographs of which only a preview was looked at
    LEFT_OUT = "left_out"  # files and folders that are not taken up into the library
    OUT_OF_REACH = "out_of_reach"  # files and folders that cannot be read
    SET_ASIDE = "set_aside"  # single rows, letters and changes that broke, and were passed over


@dataclass(frozen=True)
class Entry:
    """So many of a kind. `wrong`: something did not come about; else it is work that waits. `roles` may act on it.

    `age`: for how long the oldest of them is owed, where that is known.
    """

    kind: Kind
    count: int
    wrong: bool
    roles: tuple[Role, ...]
    age: timedelta | None = None


@dataclass(frozen=True)
class Item:
    """One of what waits, for a list: whose, where, since when, by whom and why, as far as it has that."""

    person_id: str = ""
    name: str = ""
    ref: str = ""
    by: str = ""
    at: Any = None
    why: str = ""


_READERS = (Role.ADMINISTRATOR, Role.OFFICER, Role.EDITOR)
_EDITORS = (Role.ADMINISTRATOR, Role.EDITOR)
_OFFICERS = (Role.ADMINISTRATOR, Role.OFFICER)
_ADMINISTRATORS = (Role.ADMINISTRATOR,)
_Query = Callable[[], Select[Any]]


def entries(services: Services, role: Role | None = None) -> list[Entry]:
    """What waits at this moment, what is wrong first; with a role, only what it may act on."""
    found = []
    for kind, count, wrong, roles in SOURCES:
        number = count(services) if role is None or role in roles else 0
        if isinstance(number, Figure):
            age = services.clock.now() - number.since if number.since else None
            found += [Entry(kind, number.count, wrong, roles, age)] if number.count else []
        elif number:
            found.append(Entry(kind, number, wrong, roles))
    return found


def items(services: Services, kind: Kind, limit: int = 200) -> Sequence[Item]:
    """The first few of a kind that has a list of its own here; none of a kind that is shown elsewhere."""
    if kind in _FOUND:
        return _FOUND[kind](services)[:limit]
    if kind not in _QUERIES:
        return ()
    with services.store.read() as conn:
        return [Item(**row) for row in conn.execute(_QUERIES[kind]().limit(limit)).mappings()]


def read(services: Services, kind: Kind, actor: str) -> Sequence[Item]:
    """The same for somebody of the staff; where it names people, with an audit row for the look."""
    found = items(services, kind)
    note_look(services, kind, actor, sum(bool(one.person_id) for one in found))
    return found


def note_look(services: Services, kind: Kind, actor: str, people: int) -> None:
    """The audit row for a look at a list that names so many people; none for one that names nobody."""
    if people:
        with services.store.write() as tx:
            tx.audit(Action.WAITING_LOOK, actor, list=kind.value, rows=people)


def _own_invitations(services: Services) -> list[Item]:
    """Who vouched for the pictures that came by a link which they had made themselves."""
    with services.store.read() as conn:
        found = declared_sets.own_invitations(conn)
    return [Item(one.person_id, one.name, by=one.by, at=one.at, why=one.how) for one in found]


def _self_confirmed(services: Services) -> list[Item]:
    with services.store.read() as conn:
        found = recognitions.self_confirmed(services, conn)
    return [Item(one.person_id, one.name, by=one.account, at=one.at, why=one.reason) for one in found]


def _come_of_age(services: Services) -> list[Item]:
    """Asked only where there are guardians: it reads everybody's grants."""
    with services.store.read() as conn:
        if conn.execute(select(t.guardian.c.id).limit(1)).first() is None:
            return []
    return [Item(one.person_id, one.name, at=one.day) for one in coming_of_age.without_address(services)]


def _endless_tokens(services: Services) -> list[Item]:
    return [Item(name=row.label, at=row.created_at) for row in api_tokens.without_end(services)]


def _left_out(services: Services, unread: bool = False) -> list[Item]:
    """Nothing where the DAM does not answer: that has a line of its own wherever this is shown."""
    try:
        found = services.dam.left_out()
    except DamError:
        return []
    return [Item(ref=one.ref, why=one.kind) for one in found if (one.why in OUT_OF_REACH) == unread]


def broken(services: Services, kind: Kind, most: int = 3) -> list[Item]:
    """The first few of what was set aside, by what it is with the class of its error (`why`), and its number (`ref`):
    nobody is named in it."""
    return _set_aside(services)[:most] if kind is Kind.SET_ASIDE else []


def _set_aside(services: Services) -> list[Item]:
    found = set_aside.list_set_aside(services.store)
    return [Item(ref=one.key, at=one.at, why=f"{one.what}: {one.why}") for one in found]


_QUERIES: dict[Kind, _Query] = {
    Kind.FAILED_WRITES: waiting_items.failed_writes, Kind.LOST_RULINGS: waiting_items.lost_rulings,
    Kind.UNREAD_NAMES: waiting_items.unread_names,
    Kind.RETURNED_NAMES: waiting_items.returned_names, Kind.NEAR_SETS: waiting_items.near_sets,
    Kind.DECLARED_SETS: waiting_items.declared_sets, Kind.UNKNOWN_AGE: waiting_items.unknown_age,
    Kind.SMALL_PREVIEWS: waiting_items.small_previews, Kind.DOUBTED_NAMES: waiting_items.doubted_names,
}  # fmt: skip

_FOUND: dict[Kind, Callable[[Services], list[Item]]] = {
    Kind.OWN_INVITATIONS: _own_invitations, Kind.SELF_CONFIRMED: _self_confirmed,
    Kind.COME_OF_AGE: _come_of_age, Kind.ENDLESS_TOKENS: _endless_tokens, Kind.LEFT_OUT: _left_out,
    Kind.OUT_OF_REACH: lambda services: _left_out(services, unread=True), Kind.SET_ASIDE: _set_aside,
}  # fmt: skip


def _number(kind: Kind) -> Callable[[Services], int]:
    def count(services: Services) -> int:
        if kind in _FOUND:
            return len(_FOUND[kind](services))
        with services.store.read() as conn:
            return conn.scalar(select(func.count()).select_from(_QUERIES[kind]().subquery())) or 0

    return count


def _owed(kind: Kind) -> Callable[[Services], Figure]:
    return partial(overdue.figure, kind=kind.value)


SOURCES: tuple[tuple[Kind, Callable[[Services], int | Figure], bool, tuple[Role, ...]], ...] = (
    (Kind.OWED_REVOCATIONS, _owed(Kind.OWED_REVOCATIONS), True, _OFFICERS),
    (Kind.OWED_ERASURES, _owed(Kind.OWED_ERASURES), True, _OFFICERS),
    (Kind.OWED_DATES, _owed(Kind.OWED_DATES), True, _ADMINISTRATORS),
    (Kind.OWED_WRITES, _owed(Kind.OWED_WRITES), True, _ADMINISTRATORS),
    (Kind.OWED_LETTERS, _owed(Kind.OWED_LETTERS), True, _OFFICERS),
    (Kind.OWED_JOBS, _owed(Kind.OWED_JOBS), True, _ADMINISTRATORS),
    (Kind.HAND_NAMES, names_by_hand.count, True, _EDITORS),
    (Kind.RETURNED_NAMES, _number(Kind.RETURNED_NAMES), True, _ADMINISTRATORS),
    (Kind.FAILED_WRITES, _number(Kind.FAILED_WRITES), True, _EDITORS),
    (Kind.DEAD_JOBS, _owed(Kind.DEAD_JOBS), True, _ADMINISTRATORS),
    (Kind.LOST_RULINGS, _number(Kind.LOST_RULINGS), True, _OFFICERS),
    (Kind.UNREAD_NAMES, _number(Kind.UNREAD_NAMES), True, _ADMINISTRATORS),
    (Kind.DOUBTED_NAMES, _number(Kind.DOUBTED_NAMES), False, _READERS),
    (Kind.SET_ASIDE, _number(Kind.SET_ASIDE), True, _ADMINISTRATORS),
    (Kind.DISMISSED_BEFORE, dismissals.count_waiting, False, _EDITORS),
    (Kind.HELD_PHOTOGRAPHS, held_photos.count, False, _OFFICERS),
    (Kind.NAMES_AGAIN, returned_names.count_again, False, _EDITORS),
    (Kind.COME_OF_AGE, _number(Kind.COME_OF_AGE), True, _READERS),
    (Kind.NEAR_SETS, _number(Kind.NEAR_SETS), False, _READERS),
    (Kind.DECLARED_SETS, _number(Kind.DECLARED_SETS), False, _READERS),
    (Kind.OWN_INVITATIONS, _number(Kind.OWN_INVITATIONS), False, _OFFICERS),
    (Kind.SELF_CONFIRMED, _number(Kind.SELF_CONFIRMED), False, _OFFICERS),
    (Kind.UNKNOWN_AGE, _number(Kind.UNKNOWN_AGE), False, _OFFICERS),
    (Kind.ENDLESS_TOKENS, _number(Kind.ENDLESS_TOKENS), False, _OFFICERS),
    (Kind.LOOKED_BEFORE, reexamination.count, False, _ADMINISTRATORS),
    (Kind.SMALL_PREVIEWS, _number(Kind.SMALL_PREVIEWS), False, _ADMINISTRATORS),
    (Kind.OUT_OF_REACH, _number(Kind.OUT_OF_REACH), False, _ADMINISTRATORS),
    (Kind.LEFT_OUT, _number(Kind.LEFT_OUT), False, _ADMINISTRATORS),
)
"""In the order in which they are shown, what went wrong first."""
