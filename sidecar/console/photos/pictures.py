"""`/console/photographs/<id>/<size>.jpg`: a photograph, as far as this account may see it."""

from flask import Response
from flask.typing import ResponseReturnValue

from plugin.flows.views.photos import photo_picture
from plugin.flows.views.photos.photo_picture import PictureSize
from sidecar.console import page_base
from sidecar.console.page_base import READERS, console
from sidecar.web.staff_sign_in import require


@console.get("/photographs/<int:photo_id>/<any(thumb, large):size>.jpg", endpoint="photo_picture")
@require(*READERS, limited=True)
def show_picture(photo_id: int, size: str) -> ResponseReturnValue:
    """Streamed through us and kept nowhere: the browser is told to keep nothing either."""
    body = photo_picture.render_photo(page_base.house(), page_base.staff(), photo_id, PictureSize(size))
    return Response(body, mimetype="image/jpeg")
