"""May this photo be used, for this purpose, on this channel, on this day?

Stored as half-open intervals, so that days pass without a write; asked anew with its reasons.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from plugin.clock import FOREVER
from plugin.errors import ConsentError, NotFound
from plugin.flows import faces, roster, statements
from plugin.flows.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store import Tx
from plugin.quitclaim.answers import (
    Answer,
    Examined,
    FaceFact,
    FaceState,
    Facts,
    GrantsOf,
    NameFact,
    Origin,
    Status,
    Use,
    answer,
    spans,
)

CHUNK = 200


def facts_of(conn: Connection, resource_id: int) -> Facts:
    """What the ledger knows of one photograph. Raises NotFound."""
    row = conn.execute(select(t.resource).where(t.resource.c.id == resource_id)).first()
    if row is None:
        raise NotFound(f"no resource {resource_id} in the ledger: facelease scan enters them")
    seen = tuple(
        FaceFact(FaceState(face.state), face.person_id, face.width_px, face.reason)
        for face in faces.of(conn, resource_id)
    )
    named = tuple(
        NameFact(tag.person_id, Origin(tag.origin), tag.node)
        for tag in conn.execute(
            select(t.tag).where(t.tag.c.resource_id == resource_id).order_by(t.tag.c.node_key)
        )
    )
    return Facts(Examined(row.examined), row.examined_reason, seen, named)


def people_in(facts: Facts) -> set[str]:
    """The ids of everybody named on the photograph or matched in it."""
    matched = {f.person_id for f in facts.faces if f.state is FaceState.MATCHED}
    return {person for person in matched | {n.person_id for n in facts.names} if person}


def _grants(
    services: Services, standings: dict[str, roster.Standing], purpose: str, channel: str
) -> GrantsOf:
    return {
        person: roster.publication(services, standing, purpose, channel)
        for person, standing in standings.items()
    }


def recompute(services: Services, tx: Tx, resource_ids: Iterable[int]) -> None:
    """Store the intervals in which each of these photographs is cleared, for every purpose and channel."""
    cleared = services.config.clearance
    ids = list(resource_ids)
    for resource_id in ids:
        facts = facts_of(tx.connection, resource_id)
        standings = roster.load_many(tx.connection, people_in(facts))
        tx.execute(delete(t.clearance).where(t.clearance.c.resource_id == resource_id))
        rows = [
            {
                "resource_id": resource_id, "purpose": purpose, "channel": channel,
                "valid_from": start, "valid_until": end or FOREVER,
            }
            for purpose in cleared.purposes
            for channel in cleared.channels
            for start, end in spans(facts, _grants(services, standings, purpose, channel), services.policy)
        ]  # fmt: skip
        if rows:
            tx.execute(insert(t.clearance), rows)
    statements.wish(services, tx, ids)


def recompute_many(services: Services, resource_ids: Sequence[int]) -> None:
    """The same in chunks, each its own short transaction."""
    for start in range(0, len(resource_ids), CHUNK):
        with services.store.write() as tx:
            recompute(services, tx, resource_ids[start : start + CHUNK])


def resources_naming(conn: Connection, person_id: str) -> list[int]:
    """The ids of the photographs in which the person is named or matched."""
    tagged = select(t.tag.c.resource_id).where(t.tag.c.person_id == person_id)
    shown = select(t.face.c.resource_id).where(t.face.c.person_id == person_id, t.face.c.state == "matched")
    return sorted(set(conn.scalars(tagged.union(shown))))


def ask(services: Services, ref: str, purpose: str, channel: str, day: date | None = None) -> Answer:
    """The answer for one photograph, with its reasons; `day` in the organisation's zone, default now.

    A day to come is cleared only if the whole of it is. Raises NotFound, ConsentError for a purpose
    or channel that the configuration does not list.
    """
    cleared = services.config.clearance
    if purpose not in cleared.purposes or channel not in cleared.channels:
        raise ConsentError(
            f"{purpose!r} on {channel!r} is not configured: purposes are {', '.join(cleared.purposes)}; "
            f"channels are {', '.join(cleared.channels)}"
        )
    with services.store.read() as conn:
        resource_id = conn.scalar(
            select(t.resource.c.id).where(t.resource.c.ref == ref, t.resource.c.deleted_at.is_(None))
        )
        if resource_id is None:
            raise NotFound(f"no photograph {ref!r} in the ledger: facelease scan enters them")
        facts = facts_of(conn, resource_id)
        standings = roster.load_many(conn, people_in(facts))
    grants = _grants(services, standings, purpose, channel)
    return _on(services, facts, grants, Use(purpose, channel), day)


def _on(services: Services, facts: Facts, grants: GrantsOf, use: Use, day: date | None) -> Answer:
    now = services.clock.now()
    if day is None or day == services.today():
        return answer(facts, grants, services.policy, now, use)
    first, last = _ends_of(services, day)
    morning = answer(facts, grants, services.policy, first, use)
    if morning.status is Status.CLEARED and morning.until is not None and morning.until <= last:
        return answer(facts, grants, services.policy, last, use)
    return morning


def _ends_of(services: Services, day: date) -> tuple[datetime, datetime]:
    zone = services.config.site.zone
    first = datetime.combine(day, time(), zone)
    return first, datetime.combine(day + timedelta(days=1), time(), zone) - timedelta(microseconds=1)


def answers(services: Services, ref: str, purpose: str) -> dict[str, Answer]:
    """The answer on every channel, now."""
    return {channel: ask(services, ref, purpose, channel) for channel in services.config.clearance.channels}


def cleared_at(
    conn: Connection, purpose: str, channel: str, at: datetime, after: str = "", limit: int = 100
) -> list[Row[Any]]:
    """Photographs (ref, valid_until) cleared at `at`, by ref from after `after`: one page."""
    query = (
        select(t.resource.c.ref, t.clearance.c.valid_until)
        .join(t.resource, t.resource.c.id == t.clearance.c.resource_id)
        .where(*_at(purpose, channel, at), t.resource.c.ref > after, t.resource.c.deleted_at.is_(None))
        .order_by(t.resource.c.ref)
        .limit(limit)
    )
    return list(conn.execute(query))


def count_cleared(conn: Connection, purpose: str, channel: str, at: datetime) -> int:
    """How many photographs are cleared at `at`."""
    return conn.scalar(select(func.count()).select_from(t.clearance).where(*_at(purpose, channel, at))) or 0


def _at(purpose: str, channel: str, at: datetime) -> list[Any]:
    return [
        t.clearance.c.purpose == purpose, t.clearance.c.channel == channel,
        t.clearance.c.valid_from <= at, t.clearance.c.valid_until > at,
    ]  # fmt: skip
