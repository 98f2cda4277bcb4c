"""`/console/requests`: who asked to be forgotten, until when it is to be done, and what the officer decides."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows import requests as asked
from sidecar.auth import require
from sidecar.console import desk
from sidecar.console.desk import OFFICERS, console


@console.get("/requests")
@require(*OFFICERS)
def requests() -> ResponseReturnValue:
    """What waits, the most urgent first."""
    return desk.page("requests", waiting=asked.open(desk.house()))


@console.post("/requests/<request_id>/<any(grant, refuse):act>")
@require(*OFFICERS)
def request_decide(request_id: str, act: str) -> ResponseReturnValue:
    """Forget the person, or refuse for a reason that they read."""
    if act == "grant" and request.form.get("sure") != "yes":
        raise ConsentError(
            "confirm that everything of this person is to be destroyed: it cannot be brought back"
        )
    reason = request.form.get("reason", "")
    asked.decide(desk.house(), request_id, act == "grant", desk.staff().actor, reason)
    return desk.done(f"done_{act}", "requests")
