"""`/console/sessions`: who of the staff is signed in, and ending it: one session, an account's, or all."""

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows.access import staff_sessions
from plugin.flows.consent import consequences
from sidecar.console import confirmation, page_base
from sidecar.console.page_base import OFFICERS, console
from sidecar.web.staff_sign_in import require


@console.get("/sessions")
@require(*OFFICERS)
def sessions() -> ResponseReturnValue:
    """Every session that is open, the newest first."""
    sessions, mine = staff_sessions.list_open(page_base.house()), page_base.staff().id[: staff_sessions.ID_DIGITS]
    return page_base.render_page("sessions", sessions=sessions, mine=mine)


@console.post("/sessions/end")
@require(*OFFICERS)
def session_end() -> ResponseReturnValue:
    """End one session (`session`), those of an account (`user`), or all (`all`), one's own among them."""
    services, me = page_base.house(), page_base.staff()
    one, user = request.form.get("session", ""), request.form.get("user", "")
    said = "done_sessions"
    count = consequences.preview_sessions(services, one or None, user or None)
    chosen = bool(one or user or request.form.get("all") == "yes")
    asked = confirmation.confirm([confirmation.count("sessions", count)] if count and chosen else [], "sessions")
    if asked is not None:
        return asked
    if one:
        said = "done_before" if staff_sessions.end_session(services, one, me.actor) else said
    elif user or request.form.get("all") == "yes":
        staff_sessions.end_sessions(services, me.actor, user or None)
    else:
        raise ConsentError("choose which sessions are to end")
    if all(session.id != me.id[: staff_sessions.ID_DIGITS] for session in staff_sessions.list_open(services)):
        return redirect(services.config.resourcespace.url or url_for("front"), 303)
    return page_base.redirect_done(said, "sessions")
