"""Signed requests over HTTP: the secrets of a purpose, and the verified body of a request."""

import os
from collections.abc import Callable, Mapping

import structlog
from flask import Blueprint, Response, after_this_request, request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

from plugin.config import Config
from plugin.errors import ConfigError, StoreError, redact_error
from plugin.flows.common.services import Services
from plugin.hooks.webhooks import events, signature
from sidecar.web import problems, store_unavailable

log = structlog.get_logger()

Secrets = Callable[[], tuple[str, ...]]


def load_secrets(config: Config, purpose: str, environment: Mapping[str, str] = os.environ) -> Secrets | None:
    """Where the secrets for `purpose` (events, panel, signin) come from: a file, or the environment; None is nowhere.

    Raises ConfigError where they are named and cannot be read: at the start, rather than at an event.
    """
    file = getattr(config.webhooks, f"{purpose}_secret_file")
    variable = f"FACELEASE_{purpose.upper()}_SECRET"
    if file:
        found: Secrets = signature.SecretFile(config.path(file))
        found()
        return found
    given = "\n".join(environment.get(variable, "").split())
    if not given:
        return None
    kept = signature.parse_secrets(given, variable)
    return lambda: kept


def read_signed(services: Services, known: Secrets) -> tuple[str, bytes]:
    """The id and the raw body of this request; its response will be signed too.

    Raises SignatureRefused; 413 above the limit, 400 for an incomplete body.
    """
    raw = read_body()
    headers = {name: request.headers.get(name, "") for name in signature.HEADERS}
    try:
        allowed = known()
    except ConfigError as error:
        log.error("secrets cannot be read", said=redact_error(error))  # noqa: TRY400 - no traceback near secrets
        raise
    message = signature.verify_request(allowed, headers, raw, services.clock.now())

    @after_this_request
    def prove(answer: Response) -> Response:
        answer.headers[signature.PROOF] = signature.sign_answer(allowed, headers, answer.status_code, answer.get_data())
        return answer

    return message, raw


def read_body(most: int = events.MOST_BYTES) -> bytes:
    """The whole body. Raises BadRequest for whatever the server's parser finds wrong with it."""
    request.max_content_length = most + 1  # one more, so that a body without a length shows too
    try:
        raw = request.get_data(cache=False)
    except HTTPException:
        raise
    except Exception as error:
        raise BadRequest from error
    if len(raw) > most:
        raise RequestEntityTooLarge
    return raw


def answer_when_busy(blueprint: Blueprint) -> None:
    """Answer 503 with Retry-After where the store does not answer."""

    def busy(error: Exception) -> Response:
        log.error("the store does not answer", error=type(error).__name__)
        problem = problems.respond(503, "Service Unavailable", "the store does not answer: send it again")
        return store_unavailable.retry_later(problem)

    blueprint.register_error_handler(StoreError, busy)
