"""Need to know: an account that is limited to collections sees their photographs, the people in them, nothing else.

`Staff.collections` says to which; None is no limit, as for programs and the command line. What may not be seen is
refused in the words of what is not there.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, Select, exists, select, true, union

from plugin.errors import NotFound
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.collections import shoots
from plugin.flows.common import face_rows, narrowed_modes, roster
from plugin.flows.common.services import Services
from plugin.ledger import tables as t

_PROPOSED = ("suggested", "matched")


def photographs(staff: Staff | None) -> ColumnElement[bool]:
    """Selects the rows of `resource` that the account may see: a condition for lists and counts."""
    refs = _limit_of(staff)
    return true() if refs is None else lies_in(t.resource.c.id, refs)


def people(conn: Connection, staff: Staff | None) -> ColumnElement[bool]:
    """Selects the rows of `person` that the account may see, as `photographs`."""
    refs = _limit_of(staff)
    if refs is None:
        return true()
    found = union(*(query for query, _ in _ways_to_be_seen(conn, refs)))
    return t.person.c.id.in_(select(found.subquery().c.person_id))


def lies_in(resource_id: ColumnElement[int], refs: Collection[str]) -> ColumnElement[bool]:
    """Whether the photograph lies in one of the collections, one above its own among them where the DAM says so."""
    places = t.resource_collection.alias().c
    return exists().where(places.resource_id == resource_id, places.collection_ref.in_(refs))


def may_see(services: Services, conn: Connection, staff: Staff | None, resource_id: int) -> bool:
    """Whether the account may see the photograph."""
    r = t.resource.c
    return conn.execute(select(r.id).where(r.id == resource_id, photographs(staff))).first() is not None


def may_see_person(services: Services, conn: Connection, staff: Staff | None, person_id: str) -> bool:
    """Whether somebody is named or proposed on a photograph that the account may see, or takes part in a shoot there;
    of an account without limits, whether there is such a person."""
    refs = _limit_of(staff)
    if refs is None:
        return conn.execute(select(t.person.c.id).where(t.person.c.id == person_id)).first() is not None
    ways = (query.where(column == person_id).limit(1) for query, column in _ways_to_be_seen(conn, refs))
    return any(conn.execute(query).first() is not None for query in ways)


def find_person(services: Services, conn: Connection, staff: Staff | None, text: str) -> str:
    """As `roster.find`, among those whom the account may see. Raises NotFound."""
    person_id = roster.find(conn, text)
    if not may_see_person(services, conn, staff, person_id):
        raise roster.nobody_called(text)
    return person_id


def check_photograph(services: Services, staff: Staff, resource_id: int) -> None:
    """Raises NotFound where the account may not see the photograph."""
    with services.store.read() as conn:
        if not may_see(services, conn, staff, resource_id):
            raise NotFound("there is no such photograph")


def check_face(services: Services, staff: Staff, face_id: int) -> None:
    """Raises NotFound where the account may not see the face's photograph."""
    f = t.face.c
    query = select(f.id).join(t.resource, t.resource.c.id == f.resource_id).where(f.id == face_id, photographs(staff))
    with services.store.read() as conn:
        if conn.execute(query).first() is None:
            raise NotFound(f"no face {face_id}: facelease review list shows them")


def check_tags(services: Services, staff: Staff, tag_ids: Collection[int]) -> None:
    """Raises NotFound where the account may not see the photograph of one of these names."""
    if staff.collections is None:
        return
    here = select(t.tag.c.id).join(t.resource, t.resource.c.id == t.tag.c.resource_id).where(photographs(staff))
    with services.store.read() as conn:
        missing = set(tag_ids) - set(conn.scalars(here.where(t.tag.c.id.in_(tag_ids))))
    if missing:
        raise NotFound(
            f"{min(missing)} is no name by hand of somebody who ended: facelease tags list shows those that are"
        )


def check_person(services: Services, staff: Staff, person_id: str) -> None:
    """Raises NotFound where the account may not see the person."""
    with services.store.read() as conn:
        if not may_see_person(services, conn, staff, person_id):
            raise NotFound(f"no person {person_id}: facelease person list shows them")


def check_set(services: Services, staff: Staff, set_id: str) -> None:
    """Raises NotFound where the account may not see whom the reference pictures show, or whom they resemble."""
    if staff.collections is None:
        return
    s = t.reference_set.c
    with services.store.read() as conn:
        row = conn.execute(select(s.person_id, s.near_id).where(s.id == set_id)).first()
        shown = row is not None and all(
            may_see_person(services, conn, staff, one) for one in (row.person_id, row.near_id) if one is not None
        )
    if not shown:
        raise NotFound("there is no such picture: it was replaced or destroyed")


def check_collection(staff: Staff, ref: str) -> None:
    """Raises NotFound where the account is limited to other collections."""
    if not may_see_collection(staff, ref):
        raise NotFound("there is no such collection")


def may_see_collection(staff: Staff | None, ref: str) -> bool:
    """Whether the account is not limited to other collections."""
    refs = _limit_of(staff)
    return refs is None or ref in refs


def _limit_of(staff: Staff | None) -> Collection[str] | None:
    return None if staff is None or staff.collections is None else sorted(staff.collections)


def _ways_to_be_seen(conn: Connection, refs: Collection[str]) -> list[tuple[Select[str], ColumnElement[str]]]:
    """How a person belongs to the collections: queries for `person_id`, each with that column.

    From the collections' side, whose photographs are few, and not from the people's, who are many.
    """
    places, tag, face, sets = t.resource_collection.c, t.tag.c, t.face.c, t.reference_set.c
    lies = select(tag.person_id).join(t.resource_collection, places.resource_id == tag.resource_id)
    shown = select(face.person_id).join(t.resource_collection, places.resource_id == face.resource_id)
    signed = select(sets.person_id).join(t.invitation, t.invitation.c.id == sets.invitation_id)
    proposed = (face.state.in_(_PROPOSED), ~face_rows.is_cut(), *narrowed_modes.may_be_shown(conn))
    return [
        (lies.where(places.collection_ref.in_(refs), tag.person_id.is_not(None)), tag.person_id),
        (shown.where(places.collection_ref.in_(refs), face.person_id.is_not(None), *proposed), face.person_id),
        (signed.where(t.invitation.c.collection_ref.in_(refs)), sets.person_id),
        (shoots.select_members(refs), shoots.MEMBER),
    ]
