"""The photographs with a person's name, for that person: a small picture, and where each may be used.

Matches on reference pictures that nobody has vouched for are left out. Nothing is shown of other people in a
photograph: no name, no file name, no reason and no face.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, Row, Select, func, select

from plugin.clock import NO_END
from plugin.errors import NotFound
from plugin.flows.common import closed_house, face_rows, reference_sets, valid_clearances
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.tables.rows import FaceRow
from plugin.quitclaim.consent.intervals import last_day
from plugin.recognizer.examination.view import build_view

PAGE_SIZE = 12

PurposeChannel = tuple[str, str]
"""Purpose and channel."""

Tagged = tuple[int, str, str, str]
"""Id, ref and file version of a photograph, and the origin of the name."""


@dataclass(frozen=True)
class OwnPhoto:
    """One photograph: the origin of the name (machine, confirmed, hand), and where it is cleared now.

    `number` counts this person's photographs from the oldest on; the id would disclose how many others there are.
    `cleared`: the last day by (purpose, channel), None without a known end. `shown`: whether a picture can be shown
    without showing anybody else.
    """

    id: int
    number: int
    origin: str
    shown: bool
    cleared: Mapping[PurposeChannel, date | None] = field(default_factory=dict)


@dataclass(frozen=True)
class PhotoPage:
    """One page of photographs, the latest first; `after` opens the next page, None if this is the last."""

    photos: tuple[OwnPhoto, ...]
    total: int
    after: int | None


def list_photos(services: Services, conn: Connection, person_id: str, after: int | None = None) -> PhotoPage:
    """One page of the photographs with the person's name, below the id `after`."""
    tagged = _select_tagged(person_id)
    query = tagged if after is None else tagged.where(t.resource.c.id < after)
    total, left = _count(conn, tagged), _count(conn, query)
    rows = conn.execute(query.order_by(t.resource.c.id.desc()).limit(PAGE_SIZE + 1)).all()
    here = rows[:PAGE_SIZE]
    cleared = _find_cleared(services, conn, [row.id for row in here])
    photos = []
    for place, row in enumerate(here):
        shown = _find_own_face(conn, row, person_id) is not None
        photos.append(OwnPhoto(row.id, left - place, row.origin, shown, cleared.get(row.id, {})))
    return PhotoPage(tuple(photos), total, here[-1].id if len(rows) > PAGE_SIZE else None)


def find_photo(services: Services, conn: Connection, person_id: str, resource_id: int) -> OwnPhoto:
    """One of them. Raises NotFound for a photograph without this person's name."""
    row = _find_row(conn, person_id, resource_id)
    cleared = _find_cleared(services, conn, [resource_id])
    shown = _find_own_face(conn, row, person_id) is not None
    number = _count(conn, _select_tagged(person_id).where(t.resource.c.id <= resource_id))
    return OwnPhoto(resource_id, number, row.origin, shown, cleared.get(resource_id, {}))


def render_photo(services: Services, person_id: str, resource_id: int) -> bytes:
    """A small JPEG of the person in the photograph, every other known face painted over or cropped away.

    Raises NotFound if the photograph does not have this person's name, if it is not known which face is theirs, or if
    the file was replaced; DamError, PictureError.
    """
    with services.store.read() as conn:
        row = _find_row(conn, person_id, resource_id)
        own = _find_own_face(conn, row, person_id)
        seen = face_rows.list_of(conn, resource_id)
    if own is None:
        raise NotFound("it is not known which face on this photograph is theirs: nothing is shown")
    others = [face_rows.box_of(face) for face in seen if face.id != own.id]
    view = build_view(face_rows.box_of(own), others)
    found = services.timed_calls.ask(lambda: services.dam.preview(row.ref))
    if found.file_version != own.file_version:
        raise NotFound("the photograph was replaced since it was examined: it is shown when that is done")
    return services.faces.likeness(found, view)


def _count(conn: Connection, query: Select[Tagged]) -> int:
    return conn.scalar(select(func.count()).select_from(query.subquery())) or 0


def _select_tagged(person_id: str) -> Select[Tagged]:
    r = t.resource.c
    return (
        select(r.id, r.ref, r.file_version, t.tag.c.origin)
        .join(t.tag, t.tag.c.resource_id == t.resource.c.id)
        .join(t.person, t.person.c.id == t.tag.c.person_id)
        .where(t.tag.c.person_id == person_id, t.resource.c.deleted_at.is_(None))
        .where(reference_sets.is_theirs_to_see())
    )


def _find_row(conn: Connection, person_id: str, resource_id: int) -> Row[Tagged]:
    row = conn.execute(_select_tagged(person_id).where(t.resource.c.id == resource_id)).first()
    if row is None:
        raise NotFound("no such photograph bears this person's name")
    return row


def _find_own_face(conn: Connection, row: Row[Tagged], person_id: str) -> FaceRow | None:
    """The face that is known to be this person's in the current file; None if none is.

    Reference pictures may show somebody else: a match on pictures that nobody vouched for shows no face.
    """
    f = t.face.c
    mine = (f.resource_id == row.id) & (f.person_id == person_id) & (f.state == "matched")
    sound = (f.file_version == row.file_version) & reference_sets.is_sound(f.set_id) & ~face_rows.is_cut()
    return conn.execute(select(t.face).where(mine, sound)).first()


def _find_cleared(services: Services, conn: Connection, ids: list[int]) -> dict[int, dict[PurposeChannel, date | None]]:
    """Where each photograph is cleared now, from the stored intervals that count."""
    now, c = services.clock.now(), t.clearance.c
    in_force = (c.valid_from <= now) & (c.valid_until > now)
    query = select(t.clearance).where(c.resource_id.in_(ids), in_force, valid_clearances.is_valid(conn))
    found: dict[int, dict[PurposeChannel, date | None]] = {}
    if closed_house.find_reason_in(services, conn) is not None:
        return found
    for row in conn.execute(query):
        last = None if row.valid_until >= NO_END else last_day(row.valid_until, services.config.site.zone)
        found.setdefault(row.resource_id, {})[row.purpose, row.channel] = last
    return found
