"""What every request of the API passes: token, scope, rate, body, idempotency key; in this order."""

import json
from typing import Any

from flask import Response, g, request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import HTTPException

from plugin.errors import StoreError, TokenRefused
from plugin.flows.access.programs import api_tokens
from plugin.flows.access.programs.api_tokens import Caller
from plugin.flows.common.services import Services
from sidecar.api.idempotency import IdempotencyKeys
from sidecar.api.routes import Route, Routes
from sidecar.web import problems, rate_limits, store_unavailable

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_GUESSES = 60  # wrong tokens a minute from one network


class Guard:
    """Checks each request before a route of the API sees it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._routes: dict[str, Route] = {}
        self._keys = IdempotencyKeys(services)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._rate = RateLimitItemPerMinute(services.config.api.per_minute)
        self._wrong = RateLimitItemPerMinute(_GUESSES)

    def over(self, routes: Routes) -> None:
        """Guard these routes too."""
        self._routes |= routes.known
        routes.blueprint.before_request(self._before)
        routes.blueprint.after_request(self._after)
        routes.blueprint.register_error_handler(StoreError, self._busy)

    def _before(self) -> Response | None:
        route = self._routes[str(request.endpoint)]
        request.max_content_length = route.most
        refusal = self._who(route)
        if refusal is None and request.method in _WITH_BODY:
            refusal = _check_body()
        if refusal is None and route.changes:
            refusal = self._keys.claim(caller(), route.once)
        return refusal

    def _after(self, response: Response) -> Response:
        self._keys.settle(response)
        return response

    def _who(self, route: Route) -> Response | None:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        try:
            g.caller = api_tokens.authenticate(self._services, secret.strip() if kind.casefold() == "bearer" else "")
        except TokenRefused as error:
            # Only who is wrong is slowed: behind a proxy everybody may seem to come from one address.
            if not self._limiter.hit(self._wrong, "wrong", rate_limits.by_address()):
                return _refuse_rate()
            return _refuse_token(str(error), named=bool(secret))
        if not self._limiter.hit(self._rate, "token", caller().id):
            return _refuse_rate()
        if route.scope not in caller().scopes:
            answer = problems.respond(403, "Forbidden", f"the token has not the scope {route.scope.value}")
            why = f'error="insufficient_scope", scope="{route.scope.value}"'
            answer.headers["WWW-Authenticate"] = f'Bearer realm="facelease", {why}'
            return answer
        return None

    def _busy(self, error: StoreError) -> Response:
        return store_unavailable.respond(self._services, error)


def caller() -> Caller:
    """Who makes this request."""
    found: Caller = g.caller
    return found


def _refuse_token(why: str, named: bool) -> Response:
    """RFC 6750 section 3: the error is named only where a token was sent."""
    answer = problems.respond(401, "Unauthorized", why)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="facelease"' + (', error="invalid_token"' if named else "")
    return answer


def _refuse_rate() -> Response:
    answer = problems.respond(429, "Too Many Requests", "too many requests: try again in a minute")
    answer.headers["Retry-After"] = "60"
    return answer


def _check_body() -> Response | None:
    """Only a JSON object is a body; what the parser finds wrong is the sender's fault."""
    if request.mimetype != "application/json":
        return problems.respond(415, "Unsupported Media Type", "send the body as application/json")
    try:
        tree: Any = json.loads(request.get_data())
    except HTTPException:
        raise
    except (ValueError, RecursionError):
        return problems.respond(400, "Bad Request", "the body is not JSON")
    if not isinstance(tree, dict):
        return problems.respond(422, "Unprocessable Content", "the body is not a JSON object")
    return None
