"""`/console/requests`: who asked to be forgotten, until when it is to be done, and what the officer decides."""

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows.consent import consequences
from plugin.flows.rights import erasure_register
from plugin.flows.rights import erasure_requests as asked
from sidecar.console import confirming, desk
from sidecar.console.desk import OFFICERS, console
from sidecar.web.staff_door import require


@console.get("/requests")
@require(*OFFICERS)
def requests() -> ResponseReturnValue:
    """What waits, the most urgent first."""
    services = desk.house()
    waiting = asked.list_waiting(services)
    ends = {
        one.id: confirming.describe_ending(consequences.preview_erasure(services, one.person_id)) for one in waiting
    }
    return desk.render_page("requests", waiting=waiting, ends=ends)


@console.post("/requests/<request_id>/<any(grant, refuse):act>")
@require(*OFFICERS)
def request_decide(request_id: str, act: str) -> ResponseReturnValue:
    """Forget the person, or refuse for a reason that they read."""
    if act == "grant" and request.form.get("sure") != "yes":
        raise ConsentError("confirm that everything of this person is to be destroyed: it cannot be brought back")
    reason = request.form.get("reason", "")
    number = asked.decide(desk.house(), request_id, act == "grant", desk.staff().actor, reason)
    if number is None:
        return desk.redirect_done("done_refuse", "requests")
    return desk.redirect_done("done_grant", "certificate", number=number)


@console.get("/requests/certificate")
@require(*OFFICERS)
def certificate_find() -> ResponseReturnValue:
    """To the certificate whose number somebody has."""
    number = erasure_register.spell_number(request.args.get("number", ""))
    return redirect(url_for("console.certificate", number=number), 303)


@console.get("/requests/certificate/<number>")
@require(*OFFICERS)
def certificate(number: str) -> ResponseReturnValue:
    """The certificate of an erasure, in the language of whoever reads it."""
    made = erasure_register.read_certificate(desk.house(), number, desk.staff().actor)
    return desk.render_page("certificate", made=made, text=made.text(desk.staff().language))
