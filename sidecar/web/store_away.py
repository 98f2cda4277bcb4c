"""What is answered while the store is away: 503, when to come again, and whether anything may have been changed."""

from flask import Flask, Response, g

from plugin.errors import StoreAway, StoreError
from plugin.flows.common.services import Services
from sidecar.web import problems

RETRY_SECONDS = 10
"""In how many seconds to come again."""


def prepare(app: Flask, services: Services) -> None:
    """Have each request know what it has written."""

    @app.before_request
    def begin() -> None:
        g.written_before = services.store.writes()

    def answer(error: StoreAway) -> Response:
        return respond(services, error)

    app.register_error_handler(StoreAway, answer)


def may_have_written(services: Services, error: StoreError) -> bool:
    """Whether this request wrote something before, or nobody knows whether it did."""
    return getattr(error, "unsure", False) or services.store.writes() > g.get("written_before", 0)


def respond(services: Services, error: StoreError) -> Response:
    """For programs."""
    said = "it may have taken effect all the same: look" if may_have_written(services, error) else "send it again"
    return retry_later(problems.respond(503, "Service Unavailable", f"the store does not answer: {said}"))


def retry_later(answer: Response) -> Response:
    """The answer, with its status and when to come again."""
    answer.status_code = 503
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer
