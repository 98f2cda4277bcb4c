"""The faces of one page of the review, each with what there is to say of it: of a person, a photograph, a shoot."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select, true

from plugin.errors import NotFound
from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common import face_rows, reference_sets
from plugin.flows.common.services import Services
from plugin.flows.review import dismissals, face_decisions
from plugin.flows.review.dismissals import SmallFaces
from plugin.flows.review.face_decisions import WaitingFace
from plugin.flows.views.review import proposals, unnamed_faces
from plugin.flows.views.review.proposals import Kind, PersonWaiting
from plugin.hooks.dam import Box
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.dismissal import Dismissal, is_small
from plugin.quitclaim.clearance.scope import Mode

_MOST_SHOOTS = 300
_MOST_ON_ONE = 1000  # faces of a photograph


@dataclass(frozen=True)
class TableFace:
    """A face on the table: `person_id` and `name` of who is proposed, None if nobody is.

    `distance` and `limits` as the comparison left them. `declared`: nobody vouched for the pictures of the proposal.
    `tiny`: it may be called too small to be recognised. `dismissal` and `said`: how it was left out before.
    """

    id: int
    resource_id: int
    ref: str
    box: Box
    width_px: int
    file_px: int | None
    state: str
    person_id: str | None
    name: str | None
    found_at: datetime
    distance: float | None
    limits: dict[str, object] | None = field(repr=False)
    declared: bool
    tiny: bool
    dismissal: Dismissal | None
    said: str


@dataclass(frozen=True)
class TablePage:
    """Faces, and after what the next page begins; None if there is none."""

    faces: tuple[TableFace, ...]
    next: int | None = None


@dataclass(frozen=True)
class PersonTable:
    """Who is proposed, a page of the faces, and who comes next."""

    name: str
    page: TablePage
    following: PersonWaiting | None


@dataclass(frozen=True)
class Shoot:
    """A collection in which faces are looked for."""

    ref: str
    title: str


def list_people(services: Services, kind: Kind, after: str, limit: int, staff: Staff) -> list[PersonWaiting]:
    """A page of people for whom faces wait that the account may see."""
    with services.store.read() as conn:
        return proposals.list_people(conn, kind, after, limit, sight.photographs(staff))


def load_person(services: Services, kind: Kind, person_id: str, after: int, size: int, staff: Staff) -> PersonTable:
    """A page of the faces that are proposed for a person. Raises NotFound where there is no such person, or not for
    this account."""
    with services.store.read() as conn:
        name = conn.scalar(select(t.person.c.display_name).where(t.person.c.id == person_id))
        if name is None or not sight.may_see_person(services, conn, staff, person_id):
            raise NotFound(f"no person {person_id}: facelease person list shows them")
        rows = proposals.list_faces(conn, kind, person_id, after, size + 1, sight.photographs(staff))
        following = proposals.find_next_person(conn, kind, person_id, sight.photographs(staff))
        return PersonTable(name, _cut(services, conn, rows, size), following)


def load_photo(services: Services, photo_id: int, staff: Staff) -> TablePage:
    """All faces of a photograph that wait, from left to right, but for figures that count nowhere."""
    here = t.face.c.resource_id == photo_id
    with services.store.read() as conn:
        rows = [*face_decisions.list_waiting(conn, "suggested", 0, _MOST_ON_ONE, here, sight.photographs(staff))]
        rows += unnamed_faces.list_unnamed(services, conn, 0, _MOST_ON_ONE, here, sight.photographs(staff))
        return TablePage(_describe(services, conn, sorted(rows, key=lambda row: (row.left, row.id))))


def load_unnamed(services: Services, after: int, size: int, staff: Staff, shoot: str = "") -> TablePage:
    """A page of faces without a name: as they came, from after face `after`; of a shoot photograph by photograph, all
    of each, from after the photograph `after`."""
    seen = sight.photographs(staff)
    with services.store.read() as conn:
        if not shoot:
            return _cut(services, conn, [*unnamed_faces.list_unnamed(services, conn, after, size + 1, seen)], size)
        photos = unnamed_faces.list_photographs(services, conn, shoot, after, size + 1, seen)
        rows: list[WaitingFace] = []
        last = None
        for number, photo in enumerate(photos):
            if len(rows) >= size:
                last = photos[number - 1]
                break
            rows += unnamed_faces.list_unnamed(services, conn, 0, _MOST_ON_ONE, t.face.c.resource_id == photo)
        return TablePage(_describe(services, conn, rows), last)


def load_again(services: Services, after: int, size: int, staff: Staff, shoot: str = "") -> TablePage:
    """A page of faces that were left out by a reason that does not hold, from after face `after`."""
    here = true() if not shoot else unnamed_faces.lies_in(shoot)
    with services.store.read() as conn:
        return _cut(
            services,
            conn,
            [*dismissals.list_waiting(services, conn, after, size + 1, sight.photographs(staff), here)],
            size,
        )


def load_face(services: Services, face_id: int, staff: Staff) -> TableFace:
    """One face, in whatever state. Raises NotFound, also where the account may not see it."""
    f = t.face.c
    with services.store.read() as conn:
        query = select(*face_rows.select_columns(conn), t.resource.c.ref, t.person.c.display_name)
        query = query.select_from(t.face).join(t.resource, t.resource.c.id == f.resource_id)
        query = query.outerjoin(t.person, t.person.c.id == f.person_id)
        rows = conn.execute(query.where(f.id == face_id, sight.photographs(staff))).all()
        if not rows:
            raise NotFound(f"no face {face_id}: facelease review list shows them")
        return _describe(services, conn, rows)[0]


def list_shoots(services: Services, staff: Staff) -> list[Shoot]:
    """The collections in which faces are looked for, by title, of those that the account may see."""
    c = t.collection.c
    looked = select(c.ref, c.title).where(c.mode.not_in((Mode.OFF.value, Mode.NEVER.value)))
    if staff.collections is not None:
        looked = looked.where(c.ref.in_(staff.collections))
    with services.store.read() as conn:
        return [Shoot(row.ref, row.title) for row in conn.execute(looked.order_by(c.title, c.ref).limit(_MOST_SHOOTS))]


def count_figures(services: Services, photo_ids: Iterable[int]) -> tuple[dict[int, SmallFaces], dict[int, int]]:
    """By photograph: the small faces that one act may leave out, and how many figures are not asked about."""
    ids = list(photo_ids)
    with services.store.read() as conn:
        small = dismissals.count_small(services, conn, ids)
        return small, unnamed_faces.count_small_figures(services, conn, ids)


def _cut(services: Services, conn: Connection, rows: Sequence[WaitingFace], size: int) -> TablePage:
    """The first `size` of them: one more was asked for."""
    some = rows[:size]
    return TablePage(_describe(services, conn, some), some[-1].id if len(rows) > size else None)


def _describe(services: Services, conn: Connection, rows: Sequence[WaitingFace]) -> tuple[TableFace, ...]:
    vouched = {None, *reference_sets.find_vouched(conn, {row.set_id for row in rows})}
    texts, px = services.texts(conn), services.config.clearance.recognisable_px
    return tuple(
        TableFace(
            row.id,
            row.resource_id,
            row.ref,
            face_rows.box_of(row),
            row.width_px,
            row.file_px,
            row.state,
            row.person_id,
            row.display_name,
            row.created_at,
            row.distance,
            row.thresholds,
            declared=row.set_id not in vouched,
            tiny=is_small(row.file_px, px),
            dismissal=face_rows.dismissal_of(row),
            said=face_rows.reason_of(texts, row),
        )
        for row in rows
    )
