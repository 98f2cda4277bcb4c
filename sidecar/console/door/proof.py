"""Proving oneself again before an act that must not be somebody else's at an open browser.

One place asks, whichever page it is (`require(..., proves=True)`): an account of ours for a code, or its password where
it has no second factor, and sends the form on; any other door for a way through it, after which the act is done again.
"""

from flask import current_app, make_response, request, url_for
from flask.typing import ResponseReturnValue

from plugin.errors import GuessRefused
from plugin.flows.access import openid_sign_in
from plugin.flows.access.own_accounts import register, sign_in
from plugin.words.catalogues import Words
from sidecar.console import page_base
from sidecar.console.door import known_browser
from sidecar.console.page_base import console
from sidecar.web import staff_sign_in

_FIELD = "proof"


@console.before_request
def ask_for_proof() -> ResponseReturnValue | None:
    """Before what is posted to a page that needs it: None where the account proved itself a moment ago, or does now."""
    view = current_app.view_functions.get(request.endpoint or "")
    if request.method != "POST" or not getattr(view, "proves", False):
        return None
    services, me = page_base.house(), page_base.staff()
    if me.is_proved(services.clock.now()):
        return None
    if me.door != register.DOOR or _FIELD not in request.form:
        return _show("")
    try:
        origin = known_browser.find_origin(services, me.user)
        right = sign_in.prove_again(services, me, request.form[_FIELD], origin)
    except GuessRefused as error:
        answer = make_response(_show("too_often", 429))
        answer.headers["Retry-After"] = str(error.seconds)
        return answer
    return None if right else _show("wrong_proof", 401)


def _show(wrong: str, status: int = 200) -> ResponseReturnValue:
    services, me = page_base.house(), page_base.staff()
    fields = [pair for pair in request.form.items(multi=True) if pair[0] not in {"csrf_token", _FIELD}]
    back = _find_page()
    own = me.door == register.DOOR
    ways = {
        "own": own,
        "by_code": own and sign_in.has_factor(services, me),
        "openid": url_for("openid.prove", onward=back) if me.door == openid_sign_in.DOOR else "",
        "dam": services.config.resourcespace.url if staff_sign_in.comes_from_dam(services) else "",
    }
    said = {"d": Words("door", me.language), "wrong": wrong, "fields": fields, "back": back}
    return page_base.render_page("door/proof", ways, said, status=status)


def _find_page() -> str:
    """The nearest page above the act's path, for who goes back."""
    urls, path = current_app.url_map.bind(""), request.path
    while path.count("/") > 1 and not urls.test(path, method="GET"):
        path = path.rpartition("/")[0]
    return request.script_root + (path if urls.test(path, method="GET") else "/console/")
