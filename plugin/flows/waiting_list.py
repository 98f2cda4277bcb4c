"""What waits for somebody of the staff, by kind: how much, for whom, and whether something is wrong.

Each kind has one function that counts; whoever adds one adds a line to `SOURCES` and its sentences to the catalogues
of `sidecar.staff_words`. An entry is there while its number is not 0: nothing is ticked off by hand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, select

from plugin.flows import hand_names
from plugin.flows.services import Services
from plugin.flows.signin import Role
from plugin.ledger import tables as t
from plugin.ledger.audit import Action


class Kind(StrEnum):
    """What waits."""

    HAND_NAMES = "hand_names"  # names by hand of people who ended
    FAILED_WRITES = "failed_writes"  # names that the DAM refused for good
    DEAD_JOBS = "dead_jobs"  # work that was given up
    LOST_RULINGS = "lost_rulings"  # collections with a ruling that are not where they were
    UNKNOWN_AGE = "unknown_age"  # people who gave neither a birth date nor that they are of age
    ENDLESS_TOKENS = "endless_tokens"  # API tokens without an end


@dataclass(frozen=True)
class Entry:
    """So many of a kind. `wrong`: something did not come about; else it is work that waits. `roles` may act on it."""

    kind: Kind
    count: int
    wrong: bool
    roles: tuple[Role, ...]


@dataclass(frozen=True)
class Item:
    """One of what waits, for a list: whose, where, since when, by whom and why, as far as it has that."""

    person_id: str = ""
    name: str = ""
    ref: str = ""
    by: str = ""
    at: Any = None
    why: str = ""


_EDITORS = (Role.ADMINISTRATOR, Role.EDITOR)
_OFFICERS = (Role.ADMINISTRATOR, Role.OFFICER)
_ADMINISTRATORS = (Role.ADMINISTRATOR,)
_Query = Callable[[], Select[Any]]


def entries(services: Services, role: Role | None = None) -> list[Entry]:
    """What waits at this moment, what is wrong first; with a role, only what it may act on."""
    found = [
        Entry(kind, number, wrong, roles)
        for kind, count, wrong, roles in SOURCES
        if (role is None or role in roles) and (number := count(services))
    ]
    return sorted(found, key=lambda one: not one.wrong)


def items(services: Services, kind: Kind, limit: int = 200) -> Sequence[Item]:
    """The first few of a kind that has a list of its own here; none of a kind that is shown elsewhere."""
    make = _LISTS.get(kind)
    if make is None:
        return ()
    with services.store.read() as conn:
        return [Item(**row) for row in conn.execute(make().limit(limit)).mappings()]


def read(services: Services, kind: Kind, actor: str) -> Sequence[Item]:
    """The same for somebody of the staff; where it names people, with an audit row for the look."""
    found = items(services, kind)
    if any(one.person_id for one in found):
        with services.store.write() as tx:
            tx.audit(Action.WAITING_LOOK, actor, list=kind.value, rows=len(found))
    return found


def _number(query: _Query) -> Callable[[Services], int]:
    def count(services: Services) -> int:
        with services.store.read() as conn:
            return conn.scalar(select(func.count()).select_from(query().subquery())) or 0

    return count


def _failed_writes() -> Select[Any]:
    """The last word on this name and resource was a refusal, and it does not stand there by now."""
    i, later = t.intent.c, t.intent.alias()
    newer = select(later.c.id).where(
        later.c.resource_id == i.resource_id, later.c.person_id == i.person_id, later.c.action != "release",
        later.c.id > i.id,
    )  # fmt: skip
    stands = select(t.tag.c.id).where(t.tag.c.resource_id == i.resource_id, t.tag.c.person_id == i.person_id)
    return (
        select(
            i.person_id, t.person.c.display_name.label("name"), t.resource.c.ref, i.finished_at.label("at"),
            func.coalesce(i.error, "").label("why"),
        )
        .join(t.person, t.person.c.id == i.person_id)
        .join(t.resource, t.resource.c.id == i.resource_id)
        .where(
            i.state == "failed", i.action == "add", t.resource.c.deleted_at.is_(None), t.person.c.ended_at.is_(None),
            ~newer.exists(), ~stands.exists(),
        )
        .order_by(i.id.desc())
    )  # fmt: skip


def _lost_rulings() -> Select[Any]:
    c = t.collection.c
    return (
        select(c.ref, c.title.label("name"), c.lost_at.label("at"), c.mode.label("why"), c.set_by.label("by"))
        .where(c.lost_at.is_not(None))
        .order_by(c.lost_at)
    )


def _unknown_age() -> Select[Any]:
    p = t.person.c
    agreed = select(t.grant.c.id).where(t.grant.c.person_id == p.id, t.grant.c.ended_at.is_(None))
    return (
        select(p.id.label("person_id"), p.display_name.label("name"), p.created_at.label("at"))
        .where(p.birth_date.is_(None), p.of_age_at.is_(None), p.ended_at.is_(None), agreed.exists())
        .order_by(p.name_key)
    )


def _endless_tokens() -> Select[Any]:
    k = t.api_token.c
    return (
        select(k.label.label("name"), k.created_by.label("by"), k.created_at.label("at"))
        .where(k.expires_at.is_(None), k.revoked_at.is_(None))
        .order_by(k.created_at)
    )


_LISTS: dict[Kind, _Query] = {
    Kind.FAILED_WRITES: _failed_writes, Kind.LOST_RULINGS: _lost_rulings, Kind.UNKNOWN_AGE: _unknown_age,
    Kind.ENDLESS_TOKENS: _endless_tokens,
}  # fmt: skip

SOURCES: tuple[tuple[Kind, Callable[[Services], int], bool, tuple[Role, ...]], ...] = (
    (Kind.HAND_NAMES, hand_names.count, True, _EDITORS),
    (Kind.FAILED_WRITES, _number(_failed_writes), True, _EDITORS),
    (Kind.DEAD_JOBS, lambda services: len(services.queue.dead()), True, _ADMINISTRATORS),
    (Kind.LOST_RULINGS, _number(_lost_rulings), True, _OFFICERS),
    (Kind.UNKNOWN_AGE, _number(_unknown_age), False, _OFFICERS),
    (Kind.ENDLESS_TOKENS, _number(_endless_tokens), False, _OFFICERS),
)
