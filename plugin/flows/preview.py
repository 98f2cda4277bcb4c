"""The photograph on which a face waits for a decision, small, for whoever decides."""

from plugin.errors import NotFound
from plugin.flows import faces, review
from plugin.flows.services import Services
from plugin.recognizer import preview
from plugin.recognizer.decode import Limits

LONGEST_PX = 900


def of_face(services: Services, face_id: int, close: bool = False) -> bytes:
    """A JPEG: the whole photograph, or what is around the face.

    Raises NotFound where the face is gone or the file is another one now, so that its box would lie
    elsewhere; DamError; PictureError.
    """
    face = review.face_by_id(services, face_id)
    picture = services.dam.picture(face.ref)
    if picture.file_version != face.file_version:
        raise NotFound("the photograph was replaced since: it is examined anew")
    source = picture.path if picture.path is not None else picture.data or b""
    recognizer = services.config.recognizer
    limits = Limits(recognizer.max_megapixels, recognizer.max_megabytes)
    if close:
        return preview.close(source, faces.box_of(face), limits)
    return preview.whole(source, LONGEST_PX, limits)
