"""Faces that wait for a yes or a no, person by person: those suggested, and those that the machine alone has named."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, func, literal, select

from plugin.flows.common import face_rows, narrowed_modes
from plugin.flows.review.face_decisions import WaitingFace
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode

Kind = Literal["suggested", "machine"]
MOST_COUNTED = 500
"""A count ends there: `500` is that many or more."""


@dataclass(frozen=True)
class PersonWaiting:
    """Somebody for whom faces are proposed, how many (see MOST_COUNTED), and the first of them. `name_key`: their
    place in the list."""

    person_id: str
    name: str
    name_key: str
    count: int
    first: int


def list_people(conn: Connection, kind: Kind, after: str, limit: int, only: ColumnElement[bool]) -> list[PersonWaiting]:
    """A page of people in the order of their names, from after the key `after`; `only` of these photographs."""
    p = t.person.c
    waits = _select_faces(conn, kind, only).where(t.face.c.person_id == p.id).exists()
    query = select(p.id, p.display_name, p.name_key).where(p.name_key > after, waits)
    rows = conn.execute(query.order_by(p.name_key).limit(limit)).all()
    return [PersonWaiting(row.id, row.display_name, row.name_key, *_count(conn, kind, row.id, only)) for row in rows]


def list_faces(
    conn: Connection, kind: Kind, person_id: str, after: int, limit: int, only: ColumnElement[bool]
) -> Sequence[WaitingFace]:
    """A page of the faces proposed for a person, as they came, from after face `after`."""
    f = t.face.c
    query = _select_faces(conn, kind, only, *t.face.c, t.resource.c.ref, t.person.c.display_name)
    query = query.join(t.person, t.person.c.id == f.person_id).where(f.person_id == person_id, f.id > after)
    return conn.execute(query.order_by(f.id).limit(limit)).all()


def find_next_person(conn: Connection, kind: Kind, person_id: str, only: ColumnElement[bool]) -> PersonWaiting | None:
    """Who comes after this person; after the last the first, but not they themselves."""
    key = conn.scalar(select(t.person.c.name_key).where(t.person.c.id == person_id)) or ""
    found = list_people(conn, kind, key, 1, only) or list_people(conn, kind, "", 1, only)
    return next((one for one in found if one.person_id != person_id), None)


def count_faces(conn: Connection, kind: Kind, person_id: str, only: ColumnElement[bool]) -> int:
    """How many are proposed for the person (see MOST_COUNTED)."""
    return _count(conn, kind, person_id, only)[0]


def _count(conn: Connection, kind: Kind, person_id: str, only: ColumnElement[bool]) -> tuple[int, int]:
    """How many, and the first."""
    some = _select_faces(conn, kind, only, t.face.c.id).where(t.face.c.person_id == person_id)
    counted = some.order_by(t.face.c.id).limit(MOST_COUNTED).subquery()
    row = conn.execute(select(func.count(), func.min(counted.c.id)).select_from(counted)).one()
    return row[0], row[1] or 0


def _select_faces(conn: Connection, kind: Kind, only: ColumnElement[bool], *columns: ColumnElement[object]) -> Any:
    f, r = t.face.c, t.resource.c
    query = select(*(columns or (literal(1),))).select_from(t.face).join(t.resource, r.id == f.resource_id)
    query = query.where(r.deleted_at.is_(None), ~face_rows.is_cut(), only)
    if kind == "suggested":
        return query.where(f.state == "suggested", *narrowed_modes.may_be_shown(conn))
    tag = t.tag.c
    query = query.join(t.tag, (tag.resource_id == f.resource_id) & (tag.person_id == f.person_id))
    return query.where(f.state == "matched", tag.origin == _MACHINE, *narrowed_modes.may_be_shown(conn, (Mode.NEVER,)))


_MACHINE = literal("machine", literal_execute=True)  # in the statement itself: a partial index serves no parameter


def list_unconfirmed(
    conn: Connection, limit: int = 100, after: int = 0, *only: ColumnElement[bool]
) -> Iterator[WaitingFace]:
    """Matched faces with a tag that only the machine set: a confirmation lets them clear; columns as `WaitingFace`."""
    query = (
        select(t.face, t.resource.c.ref, t.person.c.display_name)
        .join(t.resource, t.resource.c.id == t.face.c.resource_id)
        .join(t.person, t.person.c.id == t.face.c.person_id)
        .join(t.tag, (t.tag.c.resource_id == t.face.c.resource_id) & (t.tag.c.person_id == t.face.c.person_id))
        .where(t.face.c.state == "matched", t.tag.c.origin == "machine", t.face.c.id > after)
        .where(~face_rows.is_cut(), *narrowed_modes.may_be_shown(conn, (Mode.NEVER,)), *only)
        .order_by(t.face.c.id)
        .limit(limit)
    )
    yield from conn.execute(query)
