"""Small pictures for a decision, never stored: a face in its photograph, and the reference pictures of a person."""

from sqlalchemy import Connection, select

from plugin.errors import NotFound
from plugin.flows.common import face_rows, reference_sets, roster
from plugin.flows.common.services import Services
from plugin.flows.review import face_decisions
from plugin.hooks.dam import Box, Picture
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.tables.rows import ReferenceSetRow
from plugin.recognizer.examination.view import PictureView

LONGEST_PX = 900
CLOSE_PX = 320
_AROUND = 0.6  # margin on each side, in widths and heights of the face
_ALL: Box = (0.0, 0.0, 1.0, 1.0)


def render_face(services: Services, face_id: int, close: bool = False) -> bytes:
    """A JPEG without metadata: the whole photograph, or with `close` the face and its surroundings.

    Raises NotFound if the face is gone or the file was replaced, so that the box would not fit; DamError; PictureError.
    """
    face = face_decisions.find_face(services, face_id)
    picture = services.timed_calls.ask(lambda: services.dam.preview(face.ref))
    if picture.file_version != face.file_version:
        raise NotFound("the photograph was replaced since: it is examined anew")
    view = _close_view(face_rows.box_of(face)) if close else PictureView(_ALL, _ALL, longest=LONGEST_PX)
    return services.faces.likeness(picture, view)


def render_reference(services: Services, set_id: str, number: int, actor: str | None) -> bytes:
    """A JPEG of picture `number` (from 0) of a set; the look of `actor` is audited; None where it was.

    Raises NotFound.
    """
    with services.store.write() as tx:
        row = reference_sets.find(tx.connection, set_id)
        kept = [] if row is None else _list_references(tx.connection, row)
        if row is None or not 0 <= number < len(kept):
            raise NotFound("there is no such picture: it was replaced or destroyed")
        body = services.vault.open(tx.connection, kept[number])
        if actor is not None:
            subject = roster.subject(services, tx, row.person_id)
            tx.audit(Action.REFERENCE_LOOK, actor, subject=subject, photos=1, set=set_id)
    return services.faces.likeness(Picture(set_id, data=body), PictureView(_ALL, _ALL, longest=CLOSE_PX))


def count_references(conn: Connection, set_id: str) -> int:
    """How many pictures a set has."""
    row = reference_sets.find(conn, set_id)
    return 0 if row is None else len(_list_references(conn, row))


def _list_references(conn: Connection, row: ReferenceSetRow) -> list[str]:
    mine = reference_sets.pictures_of(row) & (t.sealed.c.kind == "reference")
    query = select(t.sealed.c.id).where(mine).order_by(t.sealed.c.created_at, t.sealed.c.id)
    return list(conn.scalars(query))


def _close_view(box: Box) -> PictureView:
    left, top, width, height = box
    around = (left - _AROUND * width, top - _AROUND * height)
    return PictureView((*around, (1 + 2 * _AROUND) * width, (1 + 2 * _AROUND) * height), box, longest=CLOSE_PX)
