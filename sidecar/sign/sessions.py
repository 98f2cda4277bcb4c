"""Two separate sessions, of the staff and of a visit by a link, and the CSRF protection of forms.

Each has its own cookie, read on its own paths only; other paths read none. With TLS they are `__Host-` cookies: no
other host of the domain can set one. What a cookie holds beside a token is signed by the key in
`{data}/keys/session.key`, which each installation creates.
"""

import secrets
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Request, Response, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import CSRFProtect

from plugin.config import Config
from plugin.errors import ConfigError, StoreAway
from plugin.flows.common.services import Services
from plugin.ledger.keys import private_files
from plugin.ledger.store.store import NOTE_SECONDS
from sidecar.sign import pages, visit_session
from sidecar.web import store_unavailable

SIGN = "/s"
"""Under this path lie the pages of the people in the photographs."""

CONSOLE = "/console"
"""Under this path lie the pages of the staff."""

SIGN_IN = "/signin"
"""Here the staff comes in from the DAM."""

_SIGN_COOKIE, _STAFF_COOKIE = "facelease_sign", "facelease_staff"

_KEY_BYTES = 32


class SurfaceSessions(SecureCookieSessionInterface):
    """The session of the request's surface; on other paths an empty one that is not saved."""

    def get_cookie_name(self, app: Flask) -> str:
        name = _SIGN_COOKIE if _is_on(SIGN) else _STAFF_COOKIE
        return f"__Host-{name}" if app.config["SESSION_COOKIE_SECURE"] else name

    def get_cookie_path(self, app: Flask) -> str:
        if app.config["SESSION_COOKIE_SECURE"]:
            return "/"  # what a __Host- cookie must have
        return _own_path(app)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if _is_on(SIGN):
            cookie = request.cookies.get(self.get_cookie_name(app), "")
            return visit_session.load(_services(app), cookie, _session_key(app))
        return super().open_session(app, request) if _is_on(CONSOLE, SIGN_IN) else self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if isinstance(session, visit_session.VisitSession):
            self._save_visit(app, session, response)
        elif _is_on(CONSOLE, SIGN_IN):
            super().save_session(app, session, response)
        self._drop_former(app, response)

    def _save_visit(self, app: Flask, session: visit_session.VisitSession, response: Response) -> None:
        if session.accessed:
            response.vary.add("Cookie")
        held = request.cookies.get(self.get_cookie_name(app), "")
        if g.get("unanswered"):  # the cookie stays as it is, for the next try
            return
        try:
            token = _save_visit(_services(app), session)
        except StoreAway as error:
            page = pages.show_store_away(_services(app), error)
            response.set_data(page.get_data())
            response.headers.pop("Location", None)
            response.content_type = page.content_type
            store_unavailable.retry_later(response)
            return
        cookie = token or session.token or visit_session.make_visitor_cookie(session, _session_key(app))
        about: dict[str, Any] = {"path": self.get_cookie_path(app), "httponly": True}
        about |= {"secure": self.get_cookie_secure(app), "samesite": self.get_cookie_samesite(app)}
        if cookie and cookie != held:
            response.set_cookie(self.get_cookie_name(app), cookie, **about)
        elif held and not cookie:
            response.delete_cookie(self.get_cookie_name(app), **about)

    def _drop_former(self, app: Flask, response: Response) -> None:
        """With TLS, delete a cookie that was set under its former name, without TLS."""
        former = _SIGN_COOKIE if _is_on(SIGN) else _STAFF_COOKIE
        if app.config["SESSION_COOKIE_SECURE"] and former in request.cookies and _is_on(SIGN, CONSOLE):
            response.delete_cookie(former, path=_own_path(app), secure=True, httponly=True, samesite="Lax")


def _save_visit(services: Services, session: visit_session.VisitSession) -> str | None:
    """Save the visit; returns the token of one that begins. Raises StoreAway where the response would be wrong then.

    Elsewhere the loss is accepted: the visit only forgets what was read or done.
    """
    patience = NOTE_SECONDS if request.method == "GET" else None
    matters = bool(session.begins or session.ended)
    try:
        return visit_session.save(services, session, request.user_agent.string, patience)
    except StoreAway as error:
        if matters or (patience is None and not store_unavailable.may_have_written(services, error)):
            raise
        return None


def _is_on(*surfaces: str) -> bool:
    return any(request.path == one or request.path.startswith(f"{one}/") for one in surfaces)


def _own_path(app: Flask) -> str:
    return f"{str(app.config['APPLICATION_ROOT']).rstrip('/')}{SIGN if _is_on(SIGN) else CONSOLE}"


def _services(app: Flask) -> Services:
    return cast(Services, app.extensions["facelease"])


def _session_key(app: Flask) -> bytes:
    return cast(bytes, app.config["SECRET_KEY"])


def prepare(app: Flask, config: Config) -> None:
    """Give the app its session key, its sessions and its CSRF protection. Raises ConfigError."""
    public = config.server.public_url
    root, tls = urlsplit(public).path or "/", public.startswith("https://")
    app.config.update(SECRET_KEY=load_session_key(config), APPLICATION_ROOT=root, SESSION_COOKIE_SECURE=tls)
    app.config.update(SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax")
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # valid as long as the session: a form must not expire before it
    app.config["WTF_CSRF_SSL_STRICT"] = False  # it checks the referrer, which our pages never send
    app.session_interface = SurfaceSessions()
    app.before_request(_refuse_unknown)
    CSRFProtect(app)


def exempt_csrf(app: Flask, part: Blueprint) -> None:
    """Exempt routes from CSRF protection: they are signed, or read no cookie."""
    cast(CSRFProtect, app.extensions["csrf"]).exempt(part)


def _refuse_unknown() -> None:
    """Raise StoreAway where the visit of this request could not be looked up."""
    if isinstance(session, visit_session.VisitSession) and session.away is not None:
        raise session.away


def load_session_key(config: Config) -> bytes:
    """The installation's key for cookies, made at the first start. Raises ConfigError."""
    path = config.path("{data}/keys/session.key")
    try:
        if not path.exists():
            private_files.write_secret(path, secrets.token_bytes(_KEY_BYTES), fresh=True)
    except FileExistsError:
        pass  # another process was first
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}): check the data folder") from error
    private_files.refuse_open_to_others(path, ConfigError)
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"{path} is not whole: delete it, and everybody signs in anew")
    return key
