"""Names set by hand of people whose last grant ended: the staff decides whether each is kept or removed.

The machine never removes them by itself (unless `hand_tags.after_end` says so), because there may be a ground that we
do not know. Until a decision, and if it is kept, such a name blocks its photograph.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, or_, select

from plugin.errors import NotFound
from plugin.flows.clearance import photo_answers
from plugin.flows.common import roster
from plugin.flows.common.batches import chunked, run_batches
from plugin.flows.common.services import Services
from plugin.flows.tags import removals, tag_rows
from plugin.flows.tags.removals import PersonTag
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action

_CHUNK = 200


@dataclass(frozen=True)
class HandName:
    """One such name; `kept_by` is who decided to keep it after the last grant ended."""

    tag_id: int
    ref: str
    person_id: str
    name: str
    since: datetime
    kept_at: datetime | None
    kept_by: str


def _select_hand_names() -> Select[object]:
    return (
        select(t.tag, t.resource.c.ref, t.person.c.display_name, t.person.c.ended_at)
        .join(t.resource, t.resource.c.id == t.tag.c.resource_id)
        .join(t.person, t.person.c.id == t.tag.c.person_id)
        .where(t.tag.c.origin == "hand", t.person.c.ended_at.is_not(None), t.resource.c.deleted_at.is_(None))
    )


_UNDECIDED = or_(t.tag.c.kept_at.is_(None), t.tag.c.kept_at < t.person.c.ended_at)


def count_undecided(services: Services, *only: ColumnElement[bool]) -> int:
    """How many wait for a decision; `only` filters."""
    waiting = _select_hand_names().where(_UNDECIDED, *only).subquery()
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(waiting)) or 0


def list_hand_names(
    services: Services,
    person_id: str | None = None,
    kept: bool = False,
    after: int = 0,
    limit: int = 1000,
    *only: ColumnElement[bool],
) -> list[HandName]:
    """Those that wait for a decision, or with `kept` those that an editor keeps, in the order of their ids;
    `only` filters."""
    query = _select_hand_names().where(~_UNDECIDED if kept else _UNDECIDED, t.tag.c.id > after, *only)
    if person_id is not None:
        query = query.where(t.tag.c.person_id == person_id)
    with services.store.read() as conn:
        rows = conn.execute(query.order_by(t.tag.c.id).limit(limit)).all()
    names = []
    for row in rows:
        since = max(filter(None, (row.listed_at, row.ended_at)))
        by = (row.kept_at, row.kept_by) if kept else (None, "")
        names.append(HandName(row.id, row.ref, row.person_id, row.display_name, since, *by))
    return names


def keep_names(services: Services, tag_ids: Sequence[int], actor: str) -> int:
    """Keep the names; they are listed again only if the person signs and ends again. Raises NotFound."""
    for some in chunked(sorted(set(tag_ids)), _CHUNK):
        with services.store.write() as tx:
            for row in _refuse_missing(tx.execute(_select_hand_names().where(t.tag.c.id.in_(some))).all(), some):
                tag_rows.change(tx, t.tag.c.id == row.id, kept_at=tx.now, kept_by=actor)
                subject = roster.subject(services, tx, row.person_id)
                tx.audit(Action.TAG_KEEP, actor, subject=subject, resource_id=row.resource_id)
    return len(set(tag_ids))


def count_kept(services: Services, tag_ids: Sequence[int]) -> int:
    """How many of these are kept already."""
    return sum(one.tag_id in set(tag_ids) for one in list_hand_names(services, kept=True, limit=1_000_000))


def count_standing(services: Services, tag_ids: Sequence[int]) -> int:
    """How many of these names are still there."""
    query = select(func.count()).where(t.tag.c.id.in_(tag_ids))
    with services.store.read() as conn:
        return conn.scalar(query) or 0


def remove_names(services: Services, tag_ids: Sequence[int], actor: str) -> int:
    """Remove the names from the DAM, wherever we can write, through intents of `actor`.

    Raises NotFound, and DamError if the DAM failed: the rest is retried automatically.
    """
    rows: list[PersonTag] = []
    with services.store.read() as conn:
        for some in chunked(sorted(set(tag_ids)), _CHUNK):
            rows += _refuse_missing(conn.execute(_select_hand_names().where(t.tag.c.id.in_(some))).all(), some)
    try:
        run_batches(rows, lambda some: removals.remove(services, some, actor), services.dam.at_once)
    finally:
        photo_answers.recompute_many(services, sorted({row.resource_id for row in rows}))
    return len(rows)


def _refuse_missing(rows: Sequence[PersonTag], ids: Sequence[int]) -> Sequence[PersonTag]:
    missing = set(ids) - {row.id for row in rows}
    if missing:
        raise NotFound(
            f"{min(missing)} is no name by hand of somebody who ended: facelease tags list shows those that are"
        )
    return rows
