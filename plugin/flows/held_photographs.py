"""What waits for a decision because a ruling moved: lost rulings, and photographs that came from under one."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from plugin.flows import modes
from plugin.flows.services import Services
from plugin.ledger import tables as t
from plugin.quitclaim.scope import COMPARING


def lost(conn: Connection) -> list[Row[Any]]:
    """Rulings that nobody could follow: `ref`, `title`, `mode`, `lost_at`, `lost_below`."""
    c = t.collection.c
    query = select(c.ref, c.title, c.mode, c.lost_at, c.lost_below).where(c.lost_at.is_not(None))
    return list(conn.execute(query.order_by(c.lost_at, c.ref)))


def held(services: Services, conn: Connection, ref: str | None = None) -> list[str]:
    """The photographs (of one collection, or all) that their collections would have compared, and that wait for a
    decision on those: they came from under a stricter ruling, or a ruling around them is lost."""
    rc = t.resource_collection.c
    query = (
        select(t.resource.c.id, t.resource.c.ref)
        .join(t.resource_collection, rc.resource_id == t.resource.c.id)
        .join(t.collection, t.collection.c.ref == rc.collection_ref)
        .where(t.collection.c.mode.in_([mode.value for mode in COMPARING]), t.resource.c.deleted_at.is_(None))
        .where(_in_question())
        .distinct()
        .order_by(t.resource.c.ref)
    )
    if ref is not None:
        query = query.where(t.resource.c.id.in_(select(rc.resource_id).where(rc.collection_ref == ref)))
    return [row.ref for row in conn.execute(query).all() if modes.is_held(services, conn, row.id)]


def _in_question() -> ColumnElement[bool]:
    """Those few for which it is worth asking."""
    r, twin = t.resource.c, t.resource.alias()
    lost_ones = t.collection.alias()
    around = (
        select(t.resource_collection.c.resource_id)
        .join(
            lost_ones,
            or_(
                lost_ones.c.ref == t.resource_collection.c.collection_ref,
                lost_ones.c.lost_below == t.resource_collection.c.collection_ref,
            ),
        )
        .where(lost_ones.c.lost_at.is_not(None))
    )
    return or_(
        r.file_version.in_(select(t.former_place.c.file_version)),
        select(twin.c.id)
        .where(twin.c.file_version == r.file_version, twin.c.id != r.id, twin.c.deleted_at.is_(None))
        .exists(),
        r.id.in_(around),
    )


def count(services: Services) -> int:
    """How many photographs wait."""
    with services.store.read() as conn:
        return len(held(services, conn)) if services.dam.named_collections else 0
