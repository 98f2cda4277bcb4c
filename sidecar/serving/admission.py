"""Who may send a large body: a thread of the surface asks the store before the body is read."""

import io
from typing import Any

from flask import Flask, Request, Response, abort, request, session

from plugin.errors import TokenRefused
from plugin.flows.access import staff_sessions
from plugin.flows.access.programs import api_tokens
from plugin.flows.access.rate_limits import network_of
from plugin.flows.common.services import Services
from sidecar.api.routes import PREFIX
from sidecar.sign.sessions import CONSOLE, SIGN
from sidecar.sign.visit_session import LINK, VisitSession
from sidecar.web import staff_sign_in

REFUSED = "facelease.refused"
"""Key in the WSGI environment of a request whose body was too large to be read."""

LOOPBACK = frozenset({"127.0.0.1", "::1"})


def refuse_large_bodies(app: Flask) -> None:
    """Answer 413 where a body was not read; under the API a missing token is reported first."""

    @app.before_request
    def refuse() -> Response | None:
        if request.environ.get(REFUSED) and not request.path.startswith(f"{PREFIX}/"):
            abort(413)
        return None


def find_visit(app: Flask, services: Services, environ: dict[str, Any]) -> str | None:
    """The visit of an authenticated request, "" for a session or a token; None where it has none that is valid."""
    with app.request_context(environ | {"wsgi.input": io.BytesIO()}):
        if request.path.startswith(f"{SIGN}/"):
            visit = session if isinstance(session, VisitSession) else VisitSession()
            if visit.away is not None:
                raise visit.away
            return visit.token if LINK in visit and not visit.over else None
        if request.path.startswith(f"{CONSOLE}/"):
            token = session.get(staff_sign_in.SESSION_KEY)
            known = isinstance(token, str) and staff_sessions.find(services, token) is not None
        else:
            known = request.path.startswith(f"{PREFIX}/") and _has_token(services, request)
        return "" if known else None


def _has_token(services: Services, asked: Request) -> bool:
    kind, _, secret = asked.headers.get("Authorization", "").partition(" ")
    try:
        api_tokens.authenticate(services, secret.strip() if kind.casefold() == "bearer" else "")
    except TokenRefused:
        return False
    return True


def find_network(peer: str, forwarded: str, proxies: int) -> str:
    """The network of the sender; "" for this machine, and behind proxies that do not forward the address."""
    address = peer
    if proxies:
        parts = [part.strip() for part in forwarded.split(",") if part.strip()]
        address = parts[-proxies] if len(parts) >= proxies else ""
    return "" if address in LOOPBACK else network_of(address)
