"""Small pictures of a photograph: made for one answer, with the rights of the account that asks, kept nowhere."""

from enum import StrEnum

from plugin.errors import NotFound
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common.services import Services
from plugin.flows.views.photos import photo_sight
from plugin.hooks.picture import Sight
from plugin.recognizer.examination.view import PictureView


class PictureSize(StrEnum):
    """Which picture."""

    THUMB = "thumb"
    LARGE = "large"


_LONGEST = {PictureSize.THUMB: 240, PictureSize.LARGE: 1400}  # px of the longer side
_SMALL = 540
"""px: of a photograph that the DAM shows the account as a small preview only."""


def render_photo(services: Services, staff: Staff, photo_id: int, size: PictureSize) -> bytes:
    """A JPEG without metadata, decoded in the confined child.

    Raises NotFound as `photo_sight.find_photo`, and of a large picture whose file was replaced since its faces were
    found; DamError; PictureError.
    """
    photo = photo_sight.find_photo(services, staff, photo_id)
    picture = services.timed_calls.ask(lambda: services.dam.preview(photo.ref))
    if size is PictureSize.LARGE and picture.file_version != photo.file_version:
        raise NotFound("the photograph was replaced since: it is examined anew")
    longest = _LONGEST[size] if photo.sight is Sight.WHOLE else min(_LONGEST[size], _SMALL)
    whole = (0.0, 0.0, 1.0, 1.0)
    return services.faces.likeness(picture, PictureView(whole, whole, longest=longest))
