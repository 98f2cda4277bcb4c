"""`/console/join/<token>`: the one-time link of an account of ours, and the password that is set by it."""

from flask import redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from plugin.errors import LinkRefused, PasswordRefused
from plugin.flows.access.own_accounts import passwords, register, sign_in
from sidecar.console import page_base
from sidecar.console.door import sign_in as pages
from sidecar.console.page_base import console
from sidecar.web.staff_sign_in import open_to_all

_JOINING = "joining"


@console.get("/join/<token>")
@open_to_all
def join(token: str) -> ResponseReturnValue:
    """Opening uses nothing up, as mail programs open links; the token leaves the address bar at once."""
    try:
        register.find_by_link(page_base.house(), token)
    except LinkRefused:
        return pages.render_door("dead_link", 404)
    session.clear()
    session[_JOINING] = token
    return redirect(url_for("console.join_password"), 303)


@console.get("/password")
@open_to_all
def join_password() -> ResponseReturnValue:
    """Asks for the new password, twice."""
    return _ask("")


@console.post("/password")
@open_to_all
def join_finish() -> ResponseReturnValue:
    """Set it, which uses the link up, and go on to the second factor."""
    services, token = page_base.house(), str(session.get(_JOINING, ""))
    typed = request.form.get("password", "")
    if typed != request.form.get("again", ""):
        return _ask("differs", 422)
    try:
        proof = sign_in.join(services, token, typed)
    except PasswordRefused as error:
        return _ask(f"password_{error.why}", 422)
    except LinkRefused:
        return pages.render_door("dead_link", 404)
    return pages.begin(proof)


def _ask(wrong: str, status: int = 200) -> ResponseReturnValue:
    try:
        name = register.find_by_link(page_base.house(), str(session.get(_JOINING, "")))
    except LinkRefused:
        return pages.render_door("dead_link", 404)
    return pages.render_door("password", status, name=name, wrong=wrong, shortest=passwords.SHORTEST)
