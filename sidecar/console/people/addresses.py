"""A person's addresses: where they are written to, how we know that it is them, and a letter with a new link."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Role
from plugin.flows.consent import consequences
from plugin.flows.people import recognitions, register
from plugin.flows.signing import lost_links
from sidecar.console import confirmation, page_base
from sidecar.console.page_base import READERS, console
from sidecar.web.staff_sign_in import require


@console.post("/people/<person_id>/address")
@require(*READERS, limited=True)
def person_address(person_id: str) -> ResponseReturnValue:
    """Another address, of the person or of a guardian; the former address is notified."""
    services, email = page_base.house(), request.form.get("email", "")
    sight.check_person(services, page_base.staff(), person_id)
    gone = not email and consequences.preview_address(services, person_id, _read_guardian())
    asked = confirmation.confirm([confirmation.describe("address")] if gone else [], "person", person_id=person_id)
    if asked is not None:
        return asked
    changed = register.change_address(services, person_id, email, page_base.staff().actor, _read_guardian())
    return page_base.redirect_done("done_address" if changed else "done_before", "person", person_id=person_id)


@console.post("/people/<person_id>/recognised")
@require(*READERS, limited=True)
def person_recognised(person_id: str) -> ResponseReturnValue:
    """How somebody was recognised: the address on file is theirs."""
    form, me = request.form, page_base.staff()
    how, reason, officer = form.get("how", ""), form.get("reason", ""), me.role is Role.OFFICER
    sight.check_person(page_base.house(), me, person_id)
    whose = page_base.house(), person_id, _read_guardian()
    confirmed = recognitions.recognise(*whose, how, me.actor, reason=reason, officer=officer)
    return page_base.redirect_done("done_recognised" if confirmed else "done_known", "person", person_id=person_id)


@console.post("/people/<person_id>/letter")
@require(*READERS, limited=True)
def person_letter(person_id: str) -> ResponseReturnValue:
    """A letter with a new link, which nobody here sees."""
    sight.check_person(page_base.house(), page_base.staff(), person_id)
    lost_links.send_letter(page_base.house(), person_id, _read_guardian(), page_base.staff().actor)
    return page_base.redirect_done("done_letter", "person", person_id=person_id)


def _read_guardian() -> str | None:
    return request.form.get("guardian") or None
