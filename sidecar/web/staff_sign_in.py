"""Access of the staff: each page names its roles; and the door of the DAM, whose signed hand-over opens a session."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qs

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    HTTPException,
    MisdirectedRequest,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)

from plugin.errors import AccessRefused, DamError, ProviderAway, SignatureRefused, StoreError
from plugin.flows.access import authentication, staff_sessions
from plugin.flows.access.own_accounts import register
from plugin.flows.access.staff_sessions import Role, Staff
from plugin.flows.common.services import Services
from plugin.hooks.dam import Accounts
from plugin.hooks.webhooks import handover
from plugin.words.catalogues import Words
from sidecar.web import signed_requests, store_unavailable
from sidecar.words.language_choice import choose_language

PATH = "/signin/resourcespace"
SIGN_IN_LIMIT = "30 per minute"

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

SESSION_KEY = "staff"
"""Key of the session for the token, of which the store holds the hash."""
_View = TypeVar("_View", bound=Callable[..., ResponseReturnValue])


def comes_from_dam(services: Services) -> bool:
    """Whether the DAM hands its accounts over: that needs an address of ours, a secret, and a DAM with accounts."""
    if not services.config.server.public_url:
        return False
    return signed_requests.load_secrets(services.config, "signin") is not None and isinstance(services.dam, Accounts)


def require(*roles: Role, limited: bool = False, proves: bool = False) -> Callable[[_View], _View]:
    """Name the roles of a page, for `check_access`. A page without this is for nobody.

    `limited`: also for an account that is limited to collections, because the page asks `sight` what that may see.
    `proves`: what is posted here is done only for an account that proved itself a moment ago (`console/door/proof`).
    """

    def mark(view: _View) -> _View:
        view.roles = frozenset(roles)  # type: ignore[attr-defined]
        view.limited = limited  # type: ignore[attr-defined]
        view.proves = proves  # type: ignore[attr-defined]
        return view

    return mark


def open_to_all(view: _View) -> _View:
    """Mark a page of a door: it is there without a session."""
    view.is_door = True  # type: ignore[attr-defined]
    return view


def check_host(services: Services) -> None:
    """Without `server.public_url` the console is for this machine alone, under its own name: 421 else.

    Passwords would travel in the open, and a foreign page whose name was turned to this machine could send them.
    """
    if not services.config.server.public_url and not register.is_here(request.host):
        raise MisdirectedRequest


def check_access() -> None:
    """Before each page of the staff: 401 without a session, 403 where the page is not for the role.

    The DAM is asked for the account's groups at each request, pictures included (no cache), the identity provider every
    few minutes; 503 if it does not answer.
    """
    here: Services = current_app.extensions["facelease"]
    check_host(here)
    if getattr(current_app.view_functions.get(request.endpoint or ""), "is_door", False):
        return
    token, provider = session.get(SESSION_KEY), current_app.extensions.get("openid")
    try:
        staff = authentication.authenticate(here, provider, token) if isinstance(token, str) else None
    except (DamError, ProviderAway) as error:
        g.unasked = "provider" if isinstance(error, ProviderAway) else "dam"
        raise ServiceUnavailable from None
    if staff is None:
        raise Unauthorized
    g.staff = staff
    if not may_open(staff, request.endpoint or ""):
        raise Forbidden


def may_open(staff: Staff, endpoint: str) -> bool:
    """Whether the page `endpoint` (such as `console.review`) is for the role of this account, and for its limits."""
    view = current_app.view_functions.get(endpoint)
    if staff.collections is not None and not getattr(view, "limited", False):
        return False
    return staff.role in getattr(view, "roles", ())


def sign_out(services: Services) -> None:
    """End the session in the store, and empty the cookie."""
    token = session.get(SESSION_KEY)
    session.clear()
    if isinstance(token, str):
        staff_sessions.sign_out(services, token)


def create_blueprint(services: Services, limiter: Limiter) -> Blueprint | None:
    """The endpoint; None while no secret or no address of ours is configured. Raises ConfigError."""
    known = signed_requests.load_secrets(services.config, "signin")
    if known is None or not comes_from_dam(services):
        return None
    routes = Blueprint("signin", __name__)

    @routes.post(PATH)
    @limiter.limit(SIGN_IN_LIMIT)
    def sign_in() -> ResponseReturnValue:
        payload, signature = _parse_fields(signed_requests.read_body(handover.MOST_BYTES * 2))
        token, _ = staff_sessions.sign_in(services, known(), payload, signature)
        session.clear()  # against session fixation
        session[SESSION_KEY] = token
        return redirect(services.config.server.public_url + (handover.read_destination(payload) or "/console/"), 303)

    for kind in (SignatureRefused, AccessRefused, StoreError, HTTPException):
        routes.register_error_handler(kind, _show_refused)
    routes.after_request(set_policy)
    return routes


def _parse_fields(raw: bytes) -> tuple[str, str]:
    """The form's two fields, each there once and nothing else."""
    try:
        fields = parse_qs(raw.decode("ascii"), strict_parsing=True, max_num_fields=2)
        (payload,), (signature,) = fields["payload"], fields["signature"]
    except (ValueError, KeyError) as error:
        raise BadRequest from error
    return payload, signature


def _show_refused(error: Exception) -> ResponseReturnValue:
    """An error page in words, for people who come from the DAM."""
    here: Services = current_app.extensions["facelease"]
    wanted = choose_language(here.config.site.language)
    answer: ResponseReturnValue
    if isinstance(error, AccessRefused):
        answer = _render_notice("signin_no_role", 403, error.language)
    elif isinstance(error, SignatureRefused):
        answer = _render_notice("signin_refused", 401, wanted)
    elif isinstance(error, StoreError):
        answer = store_unavailable.retry_later(Response(_render_notice("signin_away", 503, wanted)[0]))
    elif isinstance(error, TooManyRequests):
        answer = *_render_notice("signin_too_often", 429, wanted), {"Retry-After": "60"}
    else:
        answer = _render_notice("signin_malformed", getattr(error, "code", None) or 400, wanted)
    return answer


def _render_notice(what: str, status: int, language: str) -> tuple[str, int]:
    w = Words("console", language)
    here: Services = current_app.extensions["facelease"]
    dam = here.config.resourcespace.url
    return render_template("console/notice.html", w=w, title=w[what], text=w[f"{what}_text"], dam=dam), status


def set_policy(response: Response) -> Response:
    """The policy of every page of the staff."""
    response.headers["Content-Security-Policy"] = CSP
    return response
