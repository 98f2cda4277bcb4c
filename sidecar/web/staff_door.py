"""The staff's door: a hand-over from the DAM opens a session, and each page says which roles it is for.

There is no other way in, and no password of ours: who may work in the DAM is decided there.
"""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qs

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, ServiceUnavailable, TooManyRequests, Unauthorized

from plugin.errors import AccessRefused, DamError, SignatureRefused, StoreError
from plugin.flows.access import staff_sessions
from plugin.flows.access.staff_sessions import Role, Staff
from plugin.flows.common.services import Services
from plugin.hooks.dam import Accounts
from plugin.hooks.webhooks import handover
from plugin.words.catalogues import Words
from sidecar.web import signed_requests, store_away
from sidecar.words.language_choice import choose_language

PATH = "/signin/resourcespace"
SIGN_IN_LIMIT = "30 per minute"

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

SESSION_KEY = "staff"
"""Of the session: the token that the store knows by its hash."""
_View = TypeVar("_View", bound=Callable[..., ResponseReturnValue])


def is_enabled(services: Services) -> bool:
    """Whether anybody could come in: with an address of ours, a secret, and a DAM that has accounts."""
    known = signed_requests.load_secrets(services.config, "signin")
    return bool(services.config.server.public_url) and known is not None and isinstance(services.dam, Accounts)


def require(*roles: Role) -> Callable[[_View], _View]:
    """Say which roles a page is for; `guard` asks it. A page that says nothing is for nobody."""

    def mark(view: _View) -> _View:
        view.roles = frozenset(roles)  # type: ignore[attr-defined]
        return view

    return mark


def check_access() -> None:
    """Before each page of the staff: 401 without a session, 403 where the role is not the page's.

    The DAM is asked for the account's groups each time, for pictures as well: nothing is remembered of its answer.
    503 where it does not answer.
    """
    here: Services = current_app.extensions["facelease"]
    token = session.get(SESSION_KEY)
    try:
        staff = staff_sessions.authenticate(here, token) if isinstance(token, str) else None
    except DamError:
        g.unasked = True
        raise ServiceUnavailable from None
    if staff is None:
        raise Unauthorized
    g.staff = staff
    if not may_open(staff, request.endpoint or ""):
        raise Forbidden


def may_open(staff: Staff, endpoint: str) -> bool:
    """Whether the page `endpoint` (`console.review`) is for the role of this staff."""
    return staff.role in getattr(current_app.view_functions.get(endpoint), "roles", ())


def sign_out(services: Services) -> None:
    """End the session in the store, and empty the cookie."""
    token = session.get(SESSION_KEY)
    session.clear()
    if isinstance(token, str):
        staff_sessions.sign_out(services, token)


def create_blueprint(services: Services, limiter: Limiter) -> Blueprint | None:
    """The endpoint; None while no secret or no address of ours is configured. Raises ConfigError."""
    known = signed_requests.load_secrets(services.config, "signin")
    if known is None or not is_enabled(services):
        return None
    routes = Blueprint("signin", __name__)

    @routes.post(PATH)
    @limiter.limit(SIGN_IN_LIMIT)
    def handed_over() -> ResponseReturnValue:
        payload, signature = _parse_fields(signed_requests.read_body(handover.MOST_BYTES * 2))
        token, _ = staff_sessions.sign_in(services, known(), payload, signature)
        session.clear()  # a cookie that somebody planted before counts for nothing
        session[SESSION_KEY] = token
        return redirect(f"{services.config.server.public_url}/console/", 303)

    for kind in (SignatureRefused, AccessRefused, StoreError, HTTPException):
        routes.register_error_handler(kind, _show_refused)
    routes.after_request(_set_policy)
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
    """A page that says so, in words: whoever stands here came from the DAM and sees nothing else."""
    here: Services = current_app.extensions["facelease"]
    wanted = choose_language(here.config.site.language)
    answer: ResponseReturnValue
    if isinstance(error, AccessRefused):
        answer = _render_notice("signin_no_role", 403, error.language)
    elif isinstance(error, SignatureRefused):
        answer = _render_notice("signin_refused", 401, wanted)
    elif isinstance(error, StoreError):
        answer = store_away.retry_later(Response(_render_notice("signin_away", 503, wanted)[0]))
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


def _set_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CSP
    return response
