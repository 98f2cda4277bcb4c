"""`/console/account`: one's own sessions, and of an account of ours its password and recovery codes."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError, GuessRefused, NotFound, PasswordRefused
from plugin.flows.access import staff_sessions
from plugin.flows.access.own_accounts import passwords, register, sign_in
from plugin.words.catalogues import Words
from sidecar.console import page_base
from sidecar.console.door import known_browser
from sidecar.console.page_base import EVERYBODY, console
from sidecar.web.staff_sign_in import require


@console.get("/account")
@require(*EVERYBODY, limited=True)
def account() -> ResponseReturnValue:
    """Where this account is signed in."""
    return _show()


@console.post("/account/sessions")
@require(*EVERYBODY, limited=True)
def account_sessions() -> ResponseReturnValue:
    """End one session of this account (`session`), or all but this one (`others`)."""
    services, me = page_base.house(), page_base.staff()
    one = request.form.get("session", "")
    if not one and request.form.get("others") != "yes":
        raise ConsentError("choose which sessions are to end")
    if not staff_sessions.end_mine(services, me, one or None) and one:
        raise NotFound("no session has that number: facelease session list shows them")
    return page_base.redirect_done("done_sessions", "account")


@console.post("/account/password")
@require(*EVERYBODY, limited=True)
def account_password() -> ResponseReturnValue:
    """Another password, for who knows the one until now."""
    services, me, form = page_base.house(), page_base.staff(), request.form
    if me.door != register.DOOR:
        raise NotFound("this account has no password of ours")
    if form.get("password", "") != form.get("again", ""):
        return _show("differs", 422)
    try:
        origin = known_browser.find_origin(services, me.user)
        changed = sign_in.change_password(services, me, form.get("old", ""), form.get("password", ""), origin)
    except PasswordRefused as error:
        return _show(f"password_{error.why}", 422)
    except GuessRefused:
        return _show("too_often", 429)
    return page_base.redirect_done("done_password", "account") if changed else _show("wrong_old", 422)


@console.post("/account/codes")
@require(*EVERYBODY, limited=True, proves=True)
def account_codes() -> ResponseReturnValue:
    """New recovery codes; the old ones open no more."""
    services, me = page_base.house(), page_base.staff()
    codes = sign_in.renew_codes(services, me)
    onward = f"{request.script_root}/console/account"
    return page_base.render_page("door/codes", codes=codes, onward=onward, d=Words("door", me.language))


def _show(wrong: str = "", status: int = 200) -> ResponseReturnValue:
    services, me = page_base.house(), page_base.staff()
    mine = [one for one in staff_sessions.list_open(services) if (one.door, one.user) == (me.door, me.user)]
    own = me.door == register.DOOR
    about = {"own": own, "factor": own and sign_in.has_factor(services, me), "shortest": passwords.SHORTEST}
    here = me.id[: staff_sessions.ID_DIGITS]
    said = {"d": Words("door", me.language), "wrong": wrong, "sessions": mine, "mine": here}
    return page_base.render_page("door/account", about, said, status=status)
