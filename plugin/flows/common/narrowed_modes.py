"""A mode that forbids more is in force from its commit; a job (`mode_change`) updates the rows later.

Until then this module selects the rows that are not valid any more: machine decisions on photographs of a *never*
collection, and suggestions in any collection that does not compare.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, exists, select, union

from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import IS_OPEN
from plugin.ledger.tables.rows import FaceRow
from plugin.quitclaim.clearance.scope import COMPARING, Mode

_CLOSED = tuple(mode for mode in Mode if mode not in COMPARING)
"""The modes under which nothing is proposed."""


def list_collections(conn: Connection, modes: Collection[Mode] = (Mode.NEVER,)) -> Sequence[str]:
    """Collections in these modes whose job has not finished, or failed for good."""
    j, c = t.job.c, t.collection.c
    remode = j.kind == "remode"
    asked = union(select(j.key).where(remode, IS_OPEN), select(j.key).where(remode, j.state == "dead"))
    keys = list(conn.scalars(asked))
    if not keys:
        return ()
    found = select(c.ref).where(c.ref.in_(keys), c.mode.in_([mode.value for mode in modes]))
    return list(conn.scalars(found))


def find_among(conn: Connection, resource_ids: Collection[int], modes: Collection[Mode] = (Mode.NEVER,)) -> set[int]:
    """Those of these photographs on which machine names are not valid any more; proposals, for `_CLOSED`."""
    closed, mine = list_collections(conn, modes), t.resource_collection.c
    if not closed:
        return set()
    query = select(mine.resource_id).where(mine.resource_id.in_(resource_ids), mine.collection_ref.in_(closed))
    return set(conn.scalars(query))


def find_unnamed(conn: Connection, faces: Sequence[FaceRow]) -> set[int]:
    """Those of these faces whose name is not valid any more: matched by the machine alone, or proposed."""
    ids = {face.resource_id for face in faces}
    gone = {"matched": find_among(conn, ids), "suggested": find_among(conn, ids, _CLOSED)}
    return {face.id for face in faces if face.decided_by is None and face.resource_id in gone.get(face.state, ())}


def rests_on_the_machine(conn: Connection, resource_id: ColumnElement[int]) -> ColumnElement[bool] | None:
    """Selects photographs of such collections on which the machine alone named a face; None if there is none."""
    never, f = list_collections(conn), t.face.c
    if not never:
        return None
    named = exists().where(f.resource_id == resource_id, f.state == "matched", f.decided_by.is_(None))
    return _lies(resource_id, never) & named


def may_be_shown(conn: Connection, modes: Collection[Mode] = _CLOSED) -> list[ColumnElement[bool]]:
    """Conditions on the suggestions that may be shown, for NEVER alone on the machine's matches; none while no job is
    open."""
    closed = list_collections(conn, modes)
    return [~_lies(t.face.c.resource_id, closed)] if closed else []


def _lies(resource_id: ColumnElement[int], collections: Sequence[str]) -> ColumnElement[bool]:
    mine = t.resource_collection.c
    return exists().where(mine.resource_id == resource_id, mine.collection_ref.in_(collections))
