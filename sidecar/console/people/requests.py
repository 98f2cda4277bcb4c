"""`/console/requests`: who asked to be forgotten, until when it is to be done, and what the officer decides."""

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows.consent import consequences
from plugin.flows.rights import erasure_register
from plugin.flows.rights import erasure_requests as asked
from plugin.flows.views.photos import photo_list
from sidecar.console import confirmation, page_base
from sidecar.console.page_base import OFFICERS, console
from sidecar.web.staff_sign_in import require

_SHOWN = 8  # photographs of each person


@console.get("/requests")
@require(*OFFICERS)
def requests() -> ResponseReturnValue:
    """What waits, the most urgent first."""
    services = page_base.house()
    waiting = asked.list_waiting(services)
    endings = {one.id: consequences.preview_erasure(services, one.person_id) for one in waiting}
    ends = {number: confirmation.describe_ending(ending) for number, ending in endings.items()}
    me = page_base.staff()
    photos = {one.id: photo_list.list_of_person(services, me, one.person_id, _SHOWN) for one in waiting}
    return page_base.render_page("requests", waiting=waiting, ends=ends, photos=photos)


@console.post("/requests/<request_id>/<any(grant, refuse):act>")
@require(*OFFICERS, proves=True)
def request_decide(request_id: str, act: str) -> ResponseReturnValue:
    """Forget the person, or refuse for a reason that they read."""
    if act == "grant" and request.form.get("sure") != "yes":
        raise ConsentError("confirm that everything of this person is to be destroyed: it cannot be brought back")
    reason = request.form.get("reason", "")
    number = asked.decide(page_base.house(), request_id, act == "grant", page_base.staff().actor, reason)
    if number is None:
        return page_base.redirect_done("done_refuse", "requests")
    return page_base.redirect_done("done_grant", "certificate", number=number)


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
    made = erasure_register.read_certificate(page_base.house(), number, page_base.staff().actor)
    return page_base.render_page("certificate", made=made, text=made.text(page_base.staff().language))
