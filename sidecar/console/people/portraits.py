"""`/console/people/<id>/portrait.jpg`: a face by which the staff knows somebody again in a list."""

from flask import Response
from flask.typing import ResponseReturnValue

from plugin.flows.views.people import portraits
from sidecar.console import page_base
from sidecar.console.page_base import READERS, console
from sidecar.web.staff_sign_in import require

_NOTHING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'
"""Where there is no portrait: the initial beneath it is seen."""


@console.get("/people/<person_id>/portrait.jpg")
@require(*READERS, limited=True)
def portrait(person_id: str) -> ResponseReturnValue:
    """From a photograph of the DAM on which somebody named them; an empty picture where there is none to be seen."""
    body = portraits.render_portrait(page_base.house(), person_id, page_base.staff())
    if body is None:
        return Response(_NOTHING, mimetype="image/svg+xml")
    return Response(body, mimetype="image/jpeg")
