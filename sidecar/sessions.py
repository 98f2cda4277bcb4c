"""Two sessions that never meet: the staff's, and that of somebody who opened a link. And what guards a form.

Each has a cookie of its own, sent to its own paths only. What the cookies hold is signed by the key in
`{data}/keys/session.key`, which this installation makes for itself; who has it can forge both.
"""

import secrets
from urllib.parse import urlsplit

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect

from plugin.config import Config
from plugin.errors import ConfigError
from plugin.ledger import files

SIGN = "/s"
"""Under this path lie the pages of the people in the photographs."""

CONSOLE = "/console"
"""Under this path lie the pages of the staff."""

_KEY_BYTES = 32

csrf = CSRFProtect()
"""Guards every form; what is signed or bears a token of its own is exempt (webhooks, panel, sign-in, API)."""


class TwoSessions(SecureCookieSessionInterface):
    """The session of the surface that the request is for."""

    def get_cookie_name(self, app: Flask) -> str:
        return "facelease_sign" if _signing() else "facelease_staff"

    def get_cookie_path(self, app: Flask) -> str:
        return f"{_prefix(app)}{SIGN}" if _signing() else f"{_prefix(app)}{CONSOLE}"


def _signing() -> bool:
    return request.path == SIGN or request.path.startswith(f"{SIGN}/")


def _prefix(app: Flask) -> str:
    return str(app.config["APPLICATION_ROOT"]).rstrip("/")


def prepare(app: Flask, config: Config) -> None:
    """Give the app its key, its two sessions and the guard of its forms. Raises ConfigError."""
    public = config.server.public_url
    app.config.update(
        SECRET_KEY=session_key(config), SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=public.startswith("https://"), APPLICATION_ROOT=urlsplit(public).path or "/",
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: nobody shall lose a form to the clock
        WTF_CSRF_SSL_STRICT=False,  # the referrer that it checks is what our pages never send
    )  # fmt: skip
    app.session_interface = TwoSessions()
    csrf.init_app(app)


def session_key(config: Config) -> bytes:
    """The installation's key for cookies, made at the first start. Raises ConfigError."""
    path = config.path("{data}/keys/session.key")
    try:
        if not path.exists():
            files.write_secret(path, secrets.token_bytes(_KEY_BYTES), fresh=True)
    except FileExistsError:
        pass  # another process was first
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}): check the data folder") from error
    files.refuse_open_to_others(path, ConfigError)
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"{path} is not whole: delete it, and everybody signs in anew")
    return key
