"""Which stored clearances count at this moment (rules 46, 47).

Not those that an end has cut, not those of photographs whose turn to be computed anew has not come, and not what rests
on names of the machine where a *never* is being followed: the rows themselves follow by job, in portions. Whoever reads
`clearance` reads it under this condition.
"""

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, true

from plugin.flows import faces, forbidden
from plugin.ledger import tables as t


def now(conn: Connection) -> ColumnElement[bool]:
    """Selects the rows of `clearance` that count; cheap while nothing is cut, followed or computed anew."""
    c = t.clearance.c
    after = conn.scalar(select(t.state.c.anew_after))
    turn = true() if after is None else c.resource_id <= after
    machine = forbidden.rests_on_the_machine(conn, c.resource_id)
    turn = turn if machine is None else and_(turn, ~machine)
    if conn.execute(select(t.cut.c.id).limit(1)).first() is None:
        return turn
    return and_(turn, ~_cut())


def _cut() -> ColumnElement[bool]:
    """Rows of photographs that name somebody whose end cut this use, or on which the machine alone named them."""
    c, cut = t.clearance.c, t.cut.c
    use = (cut.purpose == c.purpose) & (cut.channel == c.channel)
    tagged = exists().where(t.tag.c.resource_id == c.resource_id, t.tag.c.person_id == cut.person_id)
    shown = (t.face.c.resource_id == c.resource_id) & (t.face.c.person_id == cut.person_id)
    matched = exists().where(shown, t.face.c.state == "matched")
    alone = exists().where(shown, faces.by_machine())
    return exists().where(or_(and_(use, or_(tagged, matched)), and_(cut.purpose.is_(None), alone)))
