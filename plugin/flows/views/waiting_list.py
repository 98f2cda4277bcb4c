"""What waits for the staff, by kind: how much, for whom, and whether something is wrong.

A new kind needs a line in `SOURCES`, a query in `waiting_items`, and sentences in the catalogues of
`sidecar.words.staff_words`. A kind is listed while its count is not 0; nothing is ticked off by hand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from sqlalchemy import ColumnElement, Select, func, select

from plugin.errors import DamError
from plugin.flows.access import sight
from plugin.flows.access.programs import api_tokens
from plugin.flows.access.staff_sessions import Role, Staff
from plugin.flows.common import overdue
from plugin.flows.common.overdue import OverdueFigure
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


class WaitingKind(StrEnum):
    """What waits."""

    HAND_NAMES = "hand_names"  # names set by hand of people whose last grant ended
    RETURNED_NAMES = "returned_names"  # names of ours that a restored DAM brought back
    FAILED_WRITES = "failed_writes"  # names that the DAM refused for good
    DEAD_JOBS = "dead_jobs"  # jobs that were given up
    LOST_RULINGS = "lost_rulings"  # collections with a ruling that moved or are gone
    UNREAD_NAMES = "unread_names"  # photographs that may have names that could not be read
    DISMISSED_BEFORE = "dismissed_before"  # faces dismissed by a reason that is not valid any more
    HELD_PHOTOGRAPHS = "held_photographs"  # photographs that came from under a stricter ruling
    NAMES_AGAIN = "names_again"  # names that we removed and that somebody set again
    COME_OF_AGE = "come_of_age"  # young adults without an address of their own
    NEAR_SETS = "near_sets"  # declared pictures that resemble somebody enrolled
    MISSED_SETS = "missed_sets"  # people enrolled whom the engine that serves cannot recognise
    DECLARED_SETS = "declared_sets"  # pictures that came by a link and that nobody vouched for
    OWN_INVITATIONS = "own_invitations"  # pictures vouched for by the account that made the link
    SELF_CONFIRMED = "self_confirmed"  # an address confirmed by the account that entered it
    OWED_REVOCATIONS = "owed_revocations"  # withdrawals that are not carried out in the DAM
    OWED_ERASURES = "owed_erasures"  # erasures that are not finished
    OWED_DATES = "owed_dates"  # photographs with a wrong date in the DAM
    OWED_WRITES = "owed_writes"  # names to be written or removed
    OWED_LETTERS = "owed_letters"  # letters that were not delivered
    OWED_JOBS = "owed_jobs"  # any other job that is late
    DOUBTED_NAMES = "doubted_names"  # people whose name may be where nobody could read it
    UNKNOWN_AGE = "unknown_age"  # people who gave neither a birth date nor that they are of age
    ENDLESS_TOKENS = "endless_tokens"  # API tokens that never expire
    LOOKED_BEFORE = "looked_before"  # photographs examined by earlier, less thorough rules
    SMALL_PREVIEWS = "small_previews"  # photographs of which only a preview was examined
    LEFT_OUT = "left_out"  # files and folders that are not added to the library
    OUT_OF_REACH = "out_of_reach"  # files and folders that cannot be read
    SET_ASIDE = "set_aside"  # single rows, letters and changes that failed and were skipped


@dataclass(frozen=True)
class WaitingCount:
    """How many of a kind wait. `wrong`: something failed; else it is work that waits. `roles` may act on it.

    `age`: for how long the oldest of them is owed, if known.
    """

    kind: WaitingKind
    count: int
    wrong: bool
    roles: tuple[Role, ...]
    age: timedelta | None = None


@dataclass(frozen=True)
class WaitingItem:
    """One item of a list: the person, the photograph or collection, by whom, since when and why, as far as known."""

    person_id: str = ""
    name: str = ""
    ref: str = ""
    by: str = ""
    at: datetime | None = None
    why: str = ""


_READERS = (Role.ADMINISTRATOR, Role.OFFICER, Role.EDITOR)
_EDITORS = (Role.ADMINISTRATOR, Role.EDITOR)
_OFFICERS = (Role.ADMINISTRATOR, Role.OFFICER)
_ADMINISTRATORS = (Role.ADMINISTRATOR,)
_Query = Callable[[], Select[object]]


def list_counts(services: Services, role: Role | None = None, staff: Staff | None = None) -> list[WaitingCount]:
    """What waits now, what is wrong first; with a role, only what it may act on; of an account that is limited to
    collections, only what lies there."""
    if staff is not None and staff.collections is not None:
        return _list_limited(services, staff)
    found = []
    for kind, count, wrong, roles in SOURCES:
        number = count(services) if role is None or role in roles else 0
        if isinstance(number, OverdueFigure):
            age = services.clock.now() - number.since if number.since else None
            found += [WaitingCount(kind, number.count, wrong, roles, age)] if number.count else []
        elif number:
            found.append(WaitingCount(kind, number, wrong, roles))
    return found


def _list_limited(services: Services, staff: Staff) -> list[WaitingCount]:
    """The kinds that an editor decides, counted in what the account may see."""
    seen = sight.photographs(staff)
    with services.store.read() as conn:
        declared = len(declared_sets.list_declared(conn, "", None, sight.people(conn, staff)))
    counts = (
        (WaitingKind.HAND_NAMES, names_by_hand.count_undecided(services, seen), True, _EDITORS),
        (WaitingKind.DISMISSED_BEFORE, dismissals.count_waiting(services, seen), False, _EDITORS),
        (WaitingKind.NAMES_AGAIN, returned_names.count_by_hand_again(services, seen), False, _EDITORS),
        (WaitingKind.DECLARED_SETS, declared, False, _READERS),
    )
    return [WaitingCount(*one) for one in counts if one[1]]


def list_items(
    services: Services, kind: WaitingKind, limit: int = 200, *only: ColumnElement[bool]
) -> Sequence[WaitingItem]:
    """The first items of a kind that has a list here; none of a kind that is shown elsewhere. `only` filters the
    photographs of a kind that is about them."""
    if kind in _LISTS:
        return _LISTS[kind](services)[:limit]
    if kind not in _QUERIES:
        return ()
    with services.store.read() as conn:
        return [WaitingItem(**row) for row in conn.execute(_QUERIES[kind]().where(*only).limit(limit)).mappings()]


def read_items(services: Services, kind: WaitingKind, actor: str, *only: ColumnElement[bool]) -> Sequence[WaitingItem]:
    """The same for the staff; if it names people, the look is audited."""
    found = list_items(services, kind, 200, *only)
    note_look(services, kind, actor, sum(bool(one.person_id) for one in found))
    return found


def note_look(services: Services, kind: WaitingKind, actor: str, people: int) -> None:
    """Audit a look at a list that names so many people; nothing if it names nobody."""
    if people:
        with services.store.write() as tx:
            tx.audit(Action.WAITING_LOOK, actor, list=kind.value, rows=people)


def _list_own_invitations(services: Services) -> list[WaitingItem]:
    """Accounts that vouched for pictures that came by a link which they made themselves."""
    with services.store.read() as conn:
        found = declared_sets.list_own_vouchings(conn)
    return [WaitingItem(one.person_id, one.name, by=one.by, at=one.at, why=one.how) for one in found]


def _list_self_confirmed(services: Services) -> list[WaitingItem]:
    with services.store.read() as conn:
        found = recognitions.list_self_confirmed(services, conn)
    return [WaitingItem(one.person_id, one.name, by=one.account, at=one.at, why=one.reason) for one in found]


def _list_come_of_age(services: Services) -> list[WaitingItem]:
    """Only if there are guardians, because it reads the grants of everybody."""
    with services.store.read() as conn:
        if conn.execute(select(t.guardian.c.id).limit(1)).first() is None:
            return []
    return [WaitingItem(one.person_id, one.name, at=one.day) for one in coming_of_age.list_without_address(services)]


def _list_endless_tokens(services: Services) -> list[WaitingItem]:
    return [WaitingItem(name=row.label, at=row.created_at) for row in api_tokens.list_endless(services)]


def _list_left_out(services: Services, unread: bool = False) -> list[WaitingItem]:
    """Nothing if the DAM does not answer, which is reported elsewhere."""
    try:
        found = services.dam.left_out()
    except DamError:
        return []
    return [WaitingItem(ref=one.ref, why=one.kind) for one in found if (one.why in OUT_OF_REACH) == unread]


def list_set_aside(services: Services, kind: WaitingKind, most: int = 3) -> list[WaitingItem]:
    """The first items set aside, without names: what it is and the class of its error (`why`), its number (`ref`)."""
    return _list_set_aside(services)[:most] if kind is WaitingKind.SET_ASIDE else []


def _list_set_aside(services: Services) -> list[WaitingItem]:
    found = set_aside.list_set_aside(services.store)
    return [WaitingItem(ref=one.key, at=one.at, why=f"{one.what}: {one.why}") for one in found]


_QUERIES: dict[WaitingKind, _Query] = {
    WaitingKind.FAILED_WRITES: waiting_items.select_failed_writes,
    WaitingKind.LOST_RULINGS: waiting_items.select_lost_rulings,
    WaitingKind.UNREAD_NAMES: waiting_items.select_unread_names,
    WaitingKind.RETURNED_NAMES: waiting_items.select_returned_names,
    WaitingKind.NEAR_SETS: waiting_items.select_near_sets,
    WaitingKind.MISSED_SETS: waiting_items.select_missed_sets,
    WaitingKind.DECLARED_SETS: waiting_items.select_declared_sets,
    WaitingKind.UNKNOWN_AGE: waiting_items.select_unknown_age,
    WaitingKind.SMALL_PREVIEWS: waiting_items.select_small_previews,
    WaitingKind.DOUBTED_NAMES: waiting_items.select_doubted_names,
}

_LISTS: dict[WaitingKind, Callable[[Services], list[WaitingItem]]] = {
    WaitingKind.OWN_INVITATIONS: _list_own_invitations,
    WaitingKind.SELF_CONFIRMED: _list_self_confirmed,
    WaitingKind.COME_OF_AGE: _list_come_of_age,
    WaitingKind.ENDLESS_TOKENS: _list_endless_tokens,
    WaitingKind.LEFT_OUT: _list_left_out,
    WaitingKind.OUT_OF_REACH: partial(_list_left_out, unread=True),
    WaitingKind.SET_ASIDE: _list_set_aside,
}


def _counter(kind: WaitingKind) -> Callable[[Services], int]:
    def count(services: Services) -> int:
        if kind in _LISTS:
            return len(_LISTS[kind](services))
        with services.store.read() as conn:
            return conn.scalar(select(func.count()).select_from(_QUERIES[kind]().subquery())) or 0

    return count


def _owed_counter(kind: WaitingKind) -> Callable[[Services], OverdueFigure]:
    return partial(overdue.measure, kind=kind.value)


SOURCES: tuple[tuple[WaitingKind, Callable[[Services], int | OverdueFigure], bool, tuple[Role, ...]], ...] = (
    (WaitingKind.OWED_REVOCATIONS, _owed_counter(WaitingKind.OWED_REVOCATIONS), True, _OFFICERS),
    (WaitingKind.OWED_ERASURES, _owed_counter(WaitingKind.OWED_ERASURES), True, _OFFICERS),
    (WaitingKind.OWED_DATES, _owed_counter(WaitingKind.OWED_DATES), True, _ADMINISTRATORS),
    (WaitingKind.OWED_WRITES, _owed_counter(WaitingKind.OWED_WRITES), True, _ADMINISTRATORS),
    (WaitingKind.OWED_LETTERS, _owed_counter(WaitingKind.OWED_LETTERS), True, _OFFICERS),
    (WaitingKind.OWED_JOBS, _owed_counter(WaitingKind.OWED_JOBS), True, _ADMINISTRATORS),
    (WaitingKind.HAND_NAMES, names_by_hand.count_undecided, True, _EDITORS),
    (WaitingKind.RETURNED_NAMES, _counter(WaitingKind.RETURNED_NAMES), True, _ADMINISTRATORS),
    (WaitingKind.FAILED_WRITES, _counter(WaitingKind.FAILED_WRITES), True, _EDITORS),
    (WaitingKind.DEAD_JOBS, _owed_counter(WaitingKind.DEAD_JOBS), True, _ADMINISTRATORS),
    (WaitingKind.LOST_RULINGS, _counter(WaitingKind.LOST_RULINGS), True, _OFFICERS),
    (WaitingKind.UNREAD_NAMES, _counter(WaitingKind.UNREAD_NAMES), True, _ADMINISTRATORS),
    (WaitingKind.DOUBTED_NAMES, _counter(WaitingKind.DOUBTED_NAMES), False, _READERS),
    (WaitingKind.SET_ASIDE, _counter(WaitingKind.SET_ASIDE), True, _ADMINISTRATORS),
    (WaitingKind.DISMISSED_BEFORE, dismissals.count_waiting, False, _EDITORS),
    (WaitingKind.HELD_PHOTOGRAPHS, held_photos.count_held, False, _OFFICERS),
    (WaitingKind.NAMES_AGAIN, returned_names.count_by_hand_again, False, _EDITORS),
    (WaitingKind.COME_OF_AGE, _counter(WaitingKind.COME_OF_AGE), True, _READERS),
    (WaitingKind.NEAR_SETS, _counter(WaitingKind.NEAR_SETS), False, _READERS),
    (WaitingKind.MISSED_SETS, _counter(WaitingKind.MISSED_SETS), False, _READERS),
    (WaitingKind.DECLARED_SETS, _counter(WaitingKind.DECLARED_SETS), False, _READERS),
    (WaitingKind.OWN_INVITATIONS, _counter(WaitingKind.OWN_INVITATIONS), False, _OFFICERS),
    (WaitingKind.SELF_CONFIRMED, _counter(WaitingKind.SELF_CONFIRMED), False, _OFFICERS),
    (WaitingKind.UNKNOWN_AGE, _counter(WaitingKind.UNKNOWN_AGE), False, _OFFICERS),
    (WaitingKind.ENDLESS_TOKENS, _counter(WaitingKind.ENDLESS_TOKENS), False, _OFFICERS),
    (WaitingKind.LOOKED_BEFORE, reexamination.count_waiting, False, _ADMINISTRATORS),
    (WaitingKind.SMALL_PREVIEWS, _counter(WaitingKind.SMALL_PREVIEWS), False, _ADMINISTRATORS),
    (WaitingKind.OUT_OF_REACH, _counter(WaitingKind.OUT_OF_REACH), False, _ADMINISTRATORS),
    (WaitingKind.LEFT_OUT, _counter(WaitingKind.LEFT_OUT), False, _ADMINISTRATORS),
)
"""In the order in which they are shown, failures first: kind, counter, `wrong` and roles."""
