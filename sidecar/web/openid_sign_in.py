"""Sign-in of the staff at the organisation's identity provider: away with the browser, and back (OpenID Connect)."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.exceptions import HTTPException, NotFound, TooManyRequests

from plugin.config import Config
from plugin.errors import AccessRefused, ConfigError, ProviderAway, SignatureRefused, StoreError
from plugin.flows.access import openid_sign_in, staff_sessions
from plugin.flows.access.openid_sign_in import Attempt
from plugin.flows.common.services import Services
from plugin.hooks.openid.provider import Provider
from plugin.words.catalogues import Words
from sidecar.web import staff_sign_in, store_unavailable
from sidecar.words.language_choice import choose_language

PATH = "/console/openid"
_COOKIE = "facelease_openid"
_LIMIT = "30 per minute"
_PROVIDER = "openid"


def prepare(app: Flask, config: Config) -> None:
    """Open the provider that is configured, if one is; without a word to it. Raises ConfigError."""
    if not config.openid.issuer or not config.server.public_url:
        return
    back = f"{config.server.public_url}{PATH}/back"
    app.extensions[_PROVIDER] = Provider(config.openid, _read_secret(config), back)


def find_provider() -> Provider | None:
    """The provider of this app."""
    found = current_app.extensions.get(_PROVIDER)
    return found if isinstance(found, Provider) else None


def create_blueprint(services: Services, limiter: Limiter) -> Blueprint | None:
    """The two addresses, and that of a step-up; None where no provider is configured."""
    if not services.config.openid.issuer or not services.config.server.public_url:
        return None
    routes = Blueprint(_PROVIDER, __name__, url_prefix=PATH)

    @routes.get("")
    @limiter.limit(_LIMIT)
    def begin() -> ResponseReturnValue:
        return _send_away(services, "")

    @routes.get("/prove")
    @limiter.limit(_LIMIT)
    def prove() -> ResponseReturnValue:
        token = session.get(staff_sign_in.SESSION_KEY)
        staff = staff_sessions.find(services, token) if isinstance(token, str) else None
        if staff is None or staff.door != openid_sign_in.DOOR:
            raise NotFound
        return _send_away(services, staff.id)

    @routes.get("/back")
    @limiter.limit(_LIMIT)
    def back() -> ResponseReturnValue:
        return _take_back(services)

    for kind in (SignatureRefused, AccessRefused, ProviderAway, StoreError, HTTPException):
        routes.register_error_handler(kind, _show_refused)
    routes.after_request(staff_sign_in.set_policy)
    return routes


def _send_away(services: Services, proves: str) -> Response:
    address, attempt = openid_sign_in.begin(services, _provider(), proves)
    answer = make_response(redirect(address, 303))
    kept = _signer().dumps([*asdict(attempt).values(), _read_onward()])
    answer.set_cookie(_name_cookie(), str(kept), max_age=openid_sign_in.ATTEMPT_MINUTES * 60, **_describe_cookie())
    return answer


def _take_back(services: Services) -> Response:
    attempt, onward = _read_attempt()
    token = openid_sign_in.finish(services, _provider(), attempt, request.args.to_dict())
    if token is not None:
        session.clear()  # against session fixation
        session[staff_sign_in.SESSION_KEY] = token
    answer = make_response(redirect(f"{services.config.server.public_url}{onward}", 303))
    answer.delete_cookie(_name_cookie(), **_describe_cookie())
    return answer


def _read_attempt() -> tuple[Attempt | None, str]:
    try:
        kept = _signer().loads(request.cookies.get(_name_cookie(), ""), max_age=openid_sign_in.ATTEMPT_MINUTES * 60)
        *made, onward = kept
        return Attempt(*made), onward
    except (BadSignature, TypeError, ValueError):
        return None, _START


_START = "/console/"


def _read_onward() -> str:
    """The page of ours that somebody wanted, which they see afterwards."""
    wanted = request.args.get("onward", "")
    plain = wanted.isprintable() and "\\" not in wanted and not urlsplit(wanted).netloc
    return wanted if plain and wanted.startswith(_START) else _START


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="openid attempt")


def _name_cookie() -> str:
    return f"__Host-{_COOKIE}" if current_app.config["SESSION_COOKIE_SECURE"] else _COOKIE


def _describe_cookie() -> dict[str, Any]:
    """Lax: it has to come along when the provider sends the browser back."""
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    return {"path": "/", "httponly": True, "samesite": "Lax", "secure": secure}


def _provider() -> Provider:
    found = find_provider()
    if found is None:
        raise NotFound
    return found


def _read_secret(config: Config) -> str:
    if not config.openid.secret_file:
        return ""
    path = config.path(config.openid.secret_file)
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"openid.secret_file: {path} cannot be read: put the client's secret there") from error


def _show_refused(error: Exception) -> ResponseReturnValue:
    """A page in words, from which one begins anew."""
    here: Services = current_app.extensions["facelease"]
    language, status, kind = (
        choose_language(here.config.site.language),
        getattr(error, "code", None) or 400,
        "malformed",
    )
    if isinstance(error, AccessRefused):
        language, status, kind = error.language, 403, "no_role"
    elif isinstance(error, SignatureRefused):
        status, kind = 401, "refused"
    elif isinstance(error, (ProviderAway, StoreError)):
        status, kind = 503, "away" if isinstance(error, ProviderAway) else "busy"
    elif isinstance(error, TooManyRequests):
        status, kind = 429, "too_often"
    answer = make_response(render_notice(kind, language), status)
    if status == 503:
        store_unavailable.retry_later(answer)
    return answer


def render_notice(kind: str, language: str, dam: str = "") -> str:
    """The page with the words of this kind, with the way to the provider, and to the DAM where there is one."""
    said, w = Words("provider", language), Words("console", language)
    here: Services = current_app.extensions["facelease"]
    config, way = here.config, said["to"] % (here.config.openid.name or urlsplit(here.config.openid.issuer).hostname)
    doors = {"openid": url_for(f"{_PROVIDER}.begin"), "to_openid": way, "dam": dam, "site": config.site.name}
    return render_template("console/notice.html", w=w, title=said[kind], text=said[f"{kind}_text"], **doors)
