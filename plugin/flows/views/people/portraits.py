"""The portrait of a person: their face on a photograph on which somebody named them, made small, kept nowhere.

Never a reference picture: those were given to be compared by, and are shown only to whoever vouches or reviews.
"""

from sqlalchemy import Connection, exists, select

from plugin.errors import DamError, NotFound, PictureError
from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common import face_rows, reference_sets
from plugin.flows.common.services import Services
from plugin.flows.review.face_decisions import FaceOnPhoto
from plugin.flows.views.photos import photo_sight
from plugin.flows.views.review import face_preview
from plugin.hooks.picture import Sight
from plugin.ledger import tables as t

_ASKED = 24  # photographs of which the DAM says whether the account may see them
_TRIED = 4  # of those, that cannot be opened, before there is no portrait


def render_portrait(services: Services, person_id: str, staff: Staff) -> bytes | None:
    """A JPEG of the face and its surroundings; None if nobody named them on a photograph that the account may see
    whole, or if the DAM does not say so."""
    with services.store.read() as conn:
        faces = _list_faces(conn, person_id, staff)
    try:
        shown = photo_sight.find_sight(services, staff, [face.ref for face in faces])
    except DamError:
        return None
    for face in [one for one in faces if shown[one.ref] is Sight.WHOLE][:_TRIED]:
        try:
            return face_preview.render_face(services, face.id, close=True)
        except (DamError, NotFound, PictureError):  # one that is away, or was replaced since: the next
            continue
    return None


def _list_faces(conn: Connection, person_id: str, staff: Staff) -> list[FaceOnPhoto]:
    """Faces that somebody named, where the name stands; the largest first. None that rests on unvouched pictures."""
    f = t.face.c
    named = exists().where(t.tag.c.resource_id == f.resource_id, t.tag.c.person_id == person_id)
    query = (
        select(t.face, t.resource.c.ref)
        .join(t.resource, t.resource.c.id == f.resource_id)
        .where(f.person_id == person_id, f.state == "matched", f.decided_by.is_not(None), ~face_rows.is_cut())
        .where(named, sight.photographs(staff), t.resource.c.deleted_at.is_(None), reference_sets.is_sound(f.set_id))
        .order_by(f.width_px.desc(), f.id.desc())
        .limit(_ASKED)
    )
    return list(conn.execute(query))
