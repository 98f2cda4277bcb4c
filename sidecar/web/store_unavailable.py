"""Responses while the store is unavailable: 503, Retry-After, and whether something may have been changed."""

from flask import Flask, Response, g

from plugin.errors import StoreAway, StoreError
from plugin.flows.common.services import Services
from sidecar.web import problems

RETRY_SECONDS = 10
"""Value of Retry-After."""


def prepare(app: Flask, services: Services) -> None:
    """Note the count of writes at the start of each request, for `may_have_written`."""

    @app.before_request
    def begin() -> None:
        g.written_before = services.store.writes()

    def answer(error: StoreAway) -> Response:
        return respond(services, error)

    app.register_error_handler(StoreAway, answer)


def may_have_written(services: Services, error: StoreError) -> bool:
    """Whether this request has written something, or it is unknown whether it has."""
    return getattr(error, "unsure", False) or services.store.writes() > g.get("written_before", 0)


def respond(services: Services, error: StoreError) -> Response:
    """For programs."""
    said = "it may have taken effect all the same: look" if may_have_written(services, error) else "send it again"
    return retry_later(problems.respond(503, "Service Unavailable", f"the store does not answer: {said}"))


def retry_later(answer: Response) -> Response:
    """The response with status 503 and Retry-After."""
    answer.status_code = 503
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer
