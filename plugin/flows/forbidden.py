"""A mode that forbids more counts from the commit that set it; what it forbids goes by job (`mode_change`).

Until that job has gone through the photographs, here is which they are: what the machine alone decided on those of a
*never* collection counts as little as if it were gone, and no suggestion is shown.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, exists, select, union

from plugin.ledger import tables as t
from plugin.ledger.jobs import OPEN
from plugin.quitclaim.scope import COMPARING, Mode


def refs(conn: Connection, modes: Collection[Mode] = (Mode.NEVER,)) -> Sequence[str]:
    """The collections in these modes whose photographs are gone through now, or never were because that failed."""
    j, c = t.job.c, t.collection.c
    asked = union(
        select(j.key).where(j.kind == "remode", OPEN),
        select(j.key).where(j.state == "dead", j.kind == "remode"),
    )
    keys = list(conn.scalars(asked))
    if not keys:
        return ()
    found = select(c.ref).where(c.ref.in_(keys), c.mode.in_([mode.value for mode in modes]))
    return list(conn.scalars(found))


def among(conn: Connection, resource_ids: Sequence[int]) -> set[int]:
    """Those of these photographs on which the machine's names do not count any more."""
    never, mine = refs(conn), t.resource_collection.c
    if not never:
        return set()
    query = select(mine.resource_id).where(mine.resource_id.in_(resource_ids), mine.collection_ref.in_(never))
    return set(conn.scalars(query))


def rests_on_the_machine(conn: Connection, resource_id: ColumnElement[int]) -> ColumnElement[bool] | None:
    """Selects photographs of these on which the machine alone named a face; None where there are none of these."""
    never, f = refs(conn), t.face.c
    if not never:
        return None
    named = exists().where(f.resource_id == resource_id, f.state == "matched", f.decided_by.is_(None))
    return _lies(resource_id, never) & named


def shown(conn: Connection) -> list[ColumnElement[bool]]:
    """Selects the suggestions that may be shown; nothing to select by while no mode is followed."""
    closed = refs(conn, [mode for mode in Mode if mode not in COMPARING])
    return [~_lies(t.face.c.resource_id, closed)] if closed else []


def _lies(resource_id: ColumnElement[int], collections: Sequence[str]) -> ColumnElement[bool]:
    mine = t.resource_collection.c
    return exists().where(mine.resource_id == resource_id, mine.collection_ref.in_(collections))
