"""Which stored clearances are valid now (rules 46, 47). Read `clearance` only under this condition.

Not those that an end has cut, not those of photographs that are still to be recomputed, and not those that rest on
machine-made names in a collection that is becoming *never*: jobs update the rows later, in portions.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, exists, func, insert, select, true, union

from plugin.flows.common import face_rows, narrowed_modes
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx


class Interval(NamedTuple):
    """A row of `clearance`."""

    resource_id: int
    purpose: str
    channel: str
    valid_from: datetime
    valid_until: datetime


def is_valid(conn: Connection) -> ColumnElement[bool]:
    """Selects the rows of `clearance` that are valid; cheap while nothing is cut and nothing is being recomputed.

    For a page, or the rows of some photographs: each row is checked by its photograph. `count` is for all of them.
    """
    return and_(_turn(conn), is_uncut()) if face_rows.has_open_cuts(conn) else _turn(conn)


def is_uncut() -> ColumnElement[bool]:
    """Selects rows that no end has cut."""
    c = t.clearance.c
    hits = (
        exists().where(table.c.resource_id == c.resource_id, here).correlate(t.clearance)
        for table, here in _ways(t.cut.c.person_id, c.purpose, c.channel)
    )
    return and_(*(~hit for hit in hits))


def count(conn: Connection, purpose: str, channel: str, holds: ColumnElement[bool]) -> int:
    """How many valid rows this use has, among those that `holds` selects.

    Counts all in the index and subtracts the cut ones, found from the people's side: no photograph is checked alone.
    """
    c = t.clearance.c
    rows = select(func.count()).select_from(t.clearance).where(holds, _turn(conn))
    whole = conn.scalar(rows.where(c.purpose == purpose, c.channel == channel)) or 0
    if not whole or not face_rows.has_open_cuts(conn):
        return whole
    # Texts that no index has: the store then goes from the people to their photographs, not through the library.
    ways = _ways(t.cut.c.person_id.concat(""), purpose, channel)
    hit = union(*(select(table.c.resource_id).where(here) for table, here in ways)).subquery()
    use = c.purpose.concat("\n").concat(c.channel) == f"{purpose}\n{channel}"
    return whole - (conn.scalar(rows.join(hit, hit.c.resource_id == c.resource_id).where(use)) or 0)


def select_hit_by(person_id: str) -> "Select[int]":
    """Ids of the photographs whose stored clearances, or faces, the person's ends may have cut."""
    tagged = select(t.tag.c.resource_id).where(t.tag.c.person_id == person_id)
    shown = select(t.face.c.resource_id).where(t.face.c.person_id == person_id)
    return select(union(tagged, shown).subquery().c.resource_id)


def apply_cuts(tx: Tx, resource_ids: Sequence[int]) -> None:
    """Delete what is cut of these photographs.

    Call it also before deleting a name or a face that shows the hit: else the stored rows would be valid again.
    """
    if not resource_ids or not face_rows.has_open_cuts(tx.connection):
        return
    tx.execute(delete(t.clearance).where(t.clearance.c.resource_id.in_(resource_ids), ~is_uncut()))
    face_rows.unname_cut(tx, resource_ids)


def replace(tx: Tx, resource_ids: Collection[int], rows: Sequence[Interval]) -> None:
    """What was computed of these photographs takes the place of what was stored."""
    tx.execute(delete(t.clearance).where(t.clearance.c.resource_id.in_(resource_ids)))
    if rows:
        tx.execute(insert(t.clearance), [row._asdict() for row in rows])


def drop(tx: Tx, resource_id: int) -> None:
    """Nothing is known of the photograph any more."""
    replace(tx, [resource_id], [])


def _turn(conn: Connection) -> ColumnElement[bool]:
    after = conn.scalar(select(t.state.c.anew_after))
    turn = true() if after is None else t.clearance.c.resource_id <= after
    machine = narrowed_modes.rests_on_the_machine(conn, t.clearance.c.resource_id)
    return turn if machine is None else and_(turn, ~machine)


def _ways(
    who: ColumnElement[str], purpose: ColumnElement[str] | str, channel: ColumnElement[str] | str
) -> list[tuple[Table, ColumnElement[bool]]]:
    """How a row of `cut` hits a photograph: by a name or a face on it. Each a table, and the condition on it."""
    cut, tag, face = t.cut.c, t.tag, t.face
    use = and_(cut.purpose == purpose, cut.channel == channel)
    theirs = {one: one.c.person_id == who for one in (tag, face)}
    matched = face.c.state.concat("") == "matched"  # there are millions of one state
    return [
        (tag, and_(theirs[tag], use)),
        (face, and_(theirs[face], use, matched)),
        (tag, and_(theirs[tag], cut.set_id == tag.c.set_id)),
        (face, and_(theirs[face], matched, face_rows.is_cut_by(face))),
    ]
