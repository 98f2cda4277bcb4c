"""Whose answer would clear most photographs: those on which everything else is settled, and theirs alone is missing.

Counted each hour by a worker and kept, because it looks at every name in the library; the first page of the staff reads
what was kept, and says how old it is. Who said no, or ended what they had agreed to, is not asked again by a list.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, delete, exists, func, insert, or_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from plugin.flows.access.staff_sessions import Staff
from plugin.flows.clearance import policy_fingerprint
from plugin.flows.common import reference_sets
from plugin.flows.common.batches import chunked
from plugin.flows.common.services import Services
from plugin.flows.review import download_gate
from plugin.flows.views.people import people_filters
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.dismissal import SETTLING
from plugin.quitclaim.consent.model import GrantKind

KEPT = 50
"""How many people are kept: a page shows fewer."""

_AT_ONCE = 500
_R, _TAG, _F = t.resource.c, t.tag.c, t.face.c
Uses = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class AwaitedAnswer:
    """Somebody, how many photographs their answer alone would clear for a use at least, and when that was counted."""

    person_id: str
    name: str
    photographs: int
    counted_at: datetime
    asked: bool


def list_most(services: Services, staff: Staff | None, most: int) -> Sequence[AwaitedAnswer]:
    """The first so many, as they were kept, without those who have answered since. For an account that is limited to
    collections none: the numbers are the whole library's."""
    if staff is not None and staff.collections is not None:
        return ()
    kept, p, now = t.awaited_answer.c, t.person.c, services.clock.now()
    query = select(p.id, p.display_name, kept.photographs, kept.counted_at, people_filters.is_asked(now).label("asked"))
    query = query.join(t.awaited_answer, kept.person_id == p.id).where(*_may_be_asked(now))
    with services.store.read() as conn:
        rows = conn.execute(query.order_by(kept.photographs.desc(), p.name_key).limit(most)).all()
    return [AwaitedAnswer(row.id, row.display_name, row.photographs, row.counted_at, row.asked) for row in rows]


def note(services: Services) -> None:
    """Count, and keep it in the place of what was kept."""
    found = count(services, KEPT)
    with services.store.write() as tx:
        tx.execute(delete(t.awaited_answer))
        there = set(tx.connection.scalars(select(t.person.c.id).where(t.person.c.id.in_(list(found)))))
        rows = [
            {"person_id": one, "photographs": number, "counted_at": tx.now}
            for one, number in found.items()
            if one in there
        ]
        if rows:
            tx.execute(insert(t.awaited_answer), rows)


def count(services: Services, most: int) -> dict[str, int]:
    """By person, for the first so many, how many photographs would be cleared; the most first.

    People are gone through by the number of photographs that name them: who is on no more of them than the last of
    those found can clear no more either. Each is a short read of its own.
    """
    now = services.clock.now()
    with services.store.read() as conn:
        named: dict[str, int] = {row.person_id: row.number for row in conn.execute(_count_names())}
        asked = set(conn.scalars(select(t.person.c.id).where(*_may_be_asked(now))))
        agreed = _read_agreed(conn, now)
    found: list[tuple[int, str]] = []
    for person_id in sorted(asked & named.keys(), key=lambda one: (-named[one], one)):
        if len(found) >= most and named[person_id] <= found[most - 1][0]:
            break
        with services.store.read() as conn:
            number = _count_cleared(services, conn, person_id, agreed)
        if number:
            found = sorted([*found, (number, person_id)], key=lambda one: (-one[0], one[1]))[:most]
    return {person_id: number for number, person_id in found}


def _count_names() -> "Select[str, int]":
    return (
        select(_TAG.person_id, func.count().label("number")).where(_TAG.person_id.is_not(None)).group_by(_TAG.person_id)
    )


def _may_be_asked(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """People who agree to no publication now, and have not said no."""
    agrees = people_filters.is_in_force(now, GrantKind.PUBLICATION)
    return ~agrees, ~people_filters.is_stopped(now), ~people_filters.is_refused()


def _read_agreed(conn: Connection, now: datetime) -> dict[str, Uses]:
    """By person, the uses to which they agree now, as the rows say."""
    g = t.grant.c
    alive = g.ended_at.is_(None) & (g.valid_from <= now) & or_(g.valid_until.is_(None), g.valid_until > now)
    found: dict[str, set[tuple[str, str]]] = {}
    query = select(g.person_id, g.purpose, g.channel).where(g.kind == GrantKind.PUBLICATION.value, alive)
    for person_id, purpose, channel in conn.execute(query):
        found.setdefault(person_id, set()).add((purpose, channel))
    return {person_id: frozenset(uses) for person_id, uses in found.items()}


def _count_cleared(services: Services, conn: Connection, person_id: str, agreed: dict[str, Uses]) -> int:
    """Photographs that name the person, on which all is settled and all others agree to one use at least."""
    listed = services.config.clearance
    every = frozenset(product(listed.purposes, listed.channels))
    mine = select(_R.id).join(t.tag, _TAG.resource_id == _R.id).where(_TAG.person_id == person_id)
    photos = set(conn.scalars(mine.where(*_is_settled(services))))
    left = dict.fromkeys(photos, every)
    for some in chunked(sorted(photos), _AT_ONCE):
        others = select(_TAG.resource_id, _TAG.person_id).where(_TAG.resource_id.in_(some), _TAG.person_id != person_id)
        for photo, other in conn.execute(others):
            left[photo] &= agreed.get(other, frozenset())
    return sum(bool(uses) for uses in left.values())


def _is_settled(services: Services) -> Collection[ColumnElement[bool]]:
    """Selects photographs that wait for nothing but agreements: examined, every face and name decided."""
    names, faces = t.tag.alias(), t.face
    policy = services.policy_for("", None)  # at the file's own size, at which most faces count
    named = (names.c.resource_id == _R.id, or_(*_is_unclear(names.c, policy.needs_confirmed)))
    return (
        _R.deleted_at.is_(None),
        _R.unread.is_(None),
        _R.examined == "whole",
        policy_fingerprint.is_examined(services),
        ~exists().where(*named),
        ~exists().where(faces.c.resource_id == _R.id, _is_open(download_gate.is_counted(policy))),
    )


def _is_unclear(
    names: "ReadOnlyColumnCollection[str, Column[Any]]", needs_confirmed: bool
) -> list[ColumnElement[bool]]:
    """Whether a name is nobody's, rests on pictures that nobody vouched for, or was confirmed by nobody."""
    knows = exists().where(t.person.c.id == names.person_id, t.person.c.self_entered)
    by_spelling = and_(names.origin == "hand", names.set_id.is_(None), knows)
    found = [names.person_id.is_(None), names.origin == "returned", by_spelling, ~reference_sets.is_sound(names.set_id)]
    return [*found, names.origin == "machine"] if needs_confirmed else found


def _is_open(counted: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a face keeps its photograph from being cleared: undecided, or named in a way that settles nothing."""
    tagged = exists().where(_TAG.resource_id == _F.resource_id, _TAG.person_id == _F.person_id).correlate(t.face)
    matched = and_(_F.state == "matched", or_(_F.person_id.is_(None), ~tagged, ~reference_sets.is_sound(_F.set_id)))
    settling = [one.value for one in SETTLING]
    dismissed = and_(_F.state == "dismissed", or_(_F.dismissal.is_(None), _F.dismissal.not_in(settling)))
    undecided = and_(_F.state.in_(("unmatched", "suggested", "rejected")), counted)
    return or_(undecided, matched, dismissed)
