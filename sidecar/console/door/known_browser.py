"""A browser in which an account of ours signed in before: it guesses for itself, so that strangers keep nobody out.

Its cookie opens nothing. It holds a number of its own for each account, which is named by a keyed hash, signed by the
key of the sessions.
"""

import secrets

from flask import after_this_request, current_app, request
from flask.wrappers import Response
from itsdangerous import BadData, URLSafeSerializer

from plugin.flows.access.own_accounts.guesses import Origin
from plugin.flows.common.services import Services
from sidecar.web import rate_limits

_NAME = "facelease_known"
_SECONDS = 400 * 86400  # the longest that browsers keep a cookie
_ACCOUNTS = 8  # of one browser


def find_origin(services: Services, name: str) -> Origin:
    """Where this request comes from, for an account."""
    return Origin(rate_limits.by_address(), _read().get(_key(services, name), ""))


def remember(services: Services, name: str) -> None:
    """From this answer on the browser is known to the account."""
    known = _read()
    known[_key(services, name)] = known.pop(_key(services, name), "") or secrets.token_hex(16)
    value = str(_signer().dumps(dict(list(known.items())[-_ACCOUNTS:])))
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    root = str(current_app.config["APPLICATION_ROOT"]).rstrip("/")

    @after_this_request
    def keep(response: Response) -> Response:
        where = "/" if secure else f"{root}/console"
        about = {"secure": secure, "httponly": True, "samesite": "Lax"}
        response.set_cookie(_cookie(), value, max_age=_SECONDS, path=where, **about)  # type: ignore[arg-type]
        return response


def _read() -> dict[str, str]:
    try:
        held = _signer().loads(request.cookies.get(_cookie(), ""))
    except BadData:
        return {}
    return {str(key): str(value) for key, value in held.items()} if isinstance(held, dict) else {}


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or b"", salt="known browser")


def _cookie() -> str:
    return f"__Host-{_NAME}" if current_app.config["SESSION_COOKIE_SECURE"] else _NAME


def _key(services: Services, name: str) -> str:
    return services.name_hasher.hash(f"known\0{name.strip().casefold()}").rpartition(":")[2][:32]
