"""Lists reference pictures that wait for somebody who knows the face.

They came by a link, and nobody of the staff has vouched for them yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, Select, func, select

from plugin.flows.common import narrowed_modes, reference_sets, roster
from plugin.flows.people import accounts
from plugin.ledger import tables as t
from plugin.ledger.tables.rows import ReferenceSetRow

_SET = t.reference_set.c
DECLARED = reference_sets.LIVE & _SET.vouched_at.is_(None)


@dataclass(frozen=True)
class DeclaredSet:
    """A set that waits for somebody who knows the face.

    `key`: sort key of the name. `near`: the name it resembles. `shoot`: the collection where it came.
    """

    id: str
    person_id: str
    name: str
    key: str
    added_at: datetime
    mark: str | None
    near_id: str | None
    near: str | None
    shoot: str | None


class _DeclaredRow(ReferenceSetRow, Protocol):
    display_name: str
    name_key: str
    collection_ref: str | None


@dataclass(frozen=True)
class OwnVouching:
    """A set that was vouched for by whoever had made the link: for the officer to look at."""

    id: str
    person_id: str
    name: str
    by: str
    how: str
    at: datetime


def list_declared(
    conn: Connection, after: str = "", limit: int | None = None, *only: ColumnElement[bool]
) -> list[DeclaredSet]:
    """Every set that waits for somebody who knows the face, by name: one page after the person's key `after`; `only`
    filters."""
    query = _select_declared().where(t.person.c.name_key > after, *only).order_by(t.person.c.name_key)
    return [_build_declared(conn, row) for row in conn.execute(query.limit(limit) if limit else query).all()]


def list_near(conn: Connection, *only: ColumnElement[bool]) -> list[DeclaredSet]:
    """Those held out of the gallery, because they resemble somebody enrolled."""
    query = _select_declared().where(_SET.near_id.is_not(None), *only)
    return [_build_declared(conn, row) for row in conn.execute(query).all()]


def list_of_shoot(conn: Connection, collection_ref: str) -> list[DeclaredSet]:
    """Who signed up at this shoot and waits to be seen: the latest first."""
    query = _select_declared().where(t.invitation.c.collection_ref == collection_ref)
    return [_build_declared(conn, row) for row in conn.execute(query.order_by(_SET.added_at.desc())).all()]


def find_waiting(conn: Connection, person_id: str) -> DeclaredSet | None:
    """The person's set that waits."""
    row = conn.execute(_select_declared().where(_SET.person_id == person_id).order_by(_SET.added_at.desc())).first()
    return None if row is None else _build_declared(conn, row)


def list_own_vouchings(conn: Connection) -> list[OwnVouching]:
    """Sets vouched for by the account that had made their link, the latest first."""
    query = (
        select(t.reference_set, t.person.c.display_name)
        .join(t.person, t.person.c.id == _SET.person_id)
        .where(_SET.invited_by.is_not(None), reference_sets.VOUCHED)
        .order_by(_SET.vouched_at.desc())
    )
    return [
        OwnVouching(row.id, row.person_id, row.display_name, row.vouched_by, row.vouched_how, row.vouched_at)
        for row in conn.execute(query).all()
        if accounts.is_same(row.vouched_by, row.invited_by)
    ]


@dataclass(frozen=True)
class VouchProposal:
    """A set supported by photographs with one face, suggested by it, and one name, older than the link."""

    set_id: str
    person_id: str
    name: str
    refs: tuple[str, ...]


class _SupportingPhoto(Protocol):
    set_id: str
    person_id: str
    display_name: str
    ref: str


def list_proposals(
    conn: Connection, set_ids: Sequence[str] | None = None, *only: ColumnElement[bool]
) -> list[VouchProposal]:
    """Sets (of these, if given) that photographs support, by name: to be looked through and confirmed; `only` filters
    the photographs."""
    found: dict[str, list[_SupportingPhoto]] = {}
    for row in _find_supporting(conn, set_ids, *only):
        found.setdefault(row.set_id, []).append(row)
    made = [
        VouchProposal(set_id, rows[0].person_id, rows[0].display_name, tuple(row.ref for row in rows))
        for set_id, rows in found.items()
    ]
    return sorted(made, key=lambda one: one.name.casefold())


def _find_supporting(
    conn: Connection, set_ids: Sequence[str] | None = None, *only: ColumnElement[bool]
) -> list[_SupportingPhoto]:
    """Photographs with one face and one name, set by hand in the DAM before the link was made; the engine suggested
    the face from this set, and nobody named it."""
    face, tag = t.face.alias(), t.tag.alias()
    faces = select(func.count()).where(face.c.resource_id == t.resource.c.id).scalar_subquery()
    names = select(func.count()).where(tag.c.resource_id == t.resource.c.id).scalar_subquery()
    query = (
        select(_SET.id.label("set_id"), _SET.person_id, t.person.c.display_name, t.resource.c.ref, t.tag.c.places)
        .join(t.person, t.person.c.id == _SET.person_id)
        .join(t.invitation, t.invitation.c.id == _SET.invitation_id)
        .join(t.face, (t.face.c.set_id == _SET.id) & (t.face.c.person_id == _SET.person_id))
        .join(t.resource, t.resource.c.id == t.face.c.resource_id)
        .join(t.tag, (t.tag.c.resource_id == t.resource.c.id) & (t.tag.c.person_id == _SET.person_id))
        .where(DECLARED, _SET.near_id.is_(None), ~t.person.c.self_entered, t.face.c.state == "suggested")
        .where(t.face.c.file_version == t.resource.c.file_version, t.resource.c.deleted_at.is_(None))
        .where(t.resource.c.examined == "whole", t.tag.c.origin == "hand", t.tag.c.set_id.is_(None))
        .where(t.tag.c.created_at < t.invitation.c.created_at, faces == 1, names == 1)
        .where(*narrowed_modes.may_be_shown(conn), *only)
        .order_by(t.resource.c.id)
    )
    if set_ids is not None:
        query = query.where(_SET.id.in_(set_ids))
    # By hand and with places is what an editor confirmed once, of somebody whose recognition ended.
    return [row for row in conn.execute(query) if not row.places]


def _select_declared() -> Select[object]:
    return (
        select(t.reference_set, t.person.c.display_name, t.person.c.name_key, t.invitation.c.collection_ref)
        .join(t.person, t.person.c.id == _SET.person_id)
        .outerjoin(t.invitation, t.invitation.c.id == _SET.invitation_id)
        .where(DECLARED)
    )


def _build_declared(conn: Connection, row: _DeclaredRow) -> DeclaredSet:
    near = roster.labels(conn, [row.near_id]).get(row.near_id) if row.near_id else None
    who = (row.id, row.person_id, row.display_name, row.name_key)
    return DeclaredSet(*who, row.added_at, row.mark, row.near_id, near, row.collection_ref)
