"""The photograph on which a face waits for a decision, small, for whoever decides. Kept nowhere."""

from plugin.errors import NotFound
from plugin.flows import faces, review
from plugin.flows.services import Services
from plugin.hooks.dam import Box
from plugin.recognizer.likeness import View

LONGEST_PX = 900
CLOSE_PX = 320
_AROUND = 0.6  # of the face's width and height, on each side of it
_ALL: Box = (0.0, 0.0, 1.0, 1.0)


def of_face(services: Services, face_id: int, close: bool = False) -> bytes:
    """A JPEG without metadata: the whole photograph, or what is around the face.

    Raises NotFound where the face is gone or the file is another one now, so that its box would lie
    elsewhere; DamError; PictureError.
    """
    face = review.face_by_id(services, face_id)
    picture = services.dam.picture(face.ref)
    if picture.file_version != face.file_version:
        raise NotFound("the photograph was replaced since: it is examined anew")
    view = _close(faces.box_of(face)) if close else View(_ALL, _ALL, longest=LONGEST_PX)
    return services.faces.likeness(picture, view)


def _close(box: Box) -> View:
    left, top, width, height = box
    around = (left - _AROUND * width, top - _AROUND * height)
    return View((*around, (1 + 2 * _AROUND) * width, (1 + 2 * _AROUND) * height), box, longest=CLOSE_PX)
