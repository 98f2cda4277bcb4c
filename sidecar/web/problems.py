"""Errors over HTTP as RFC 9457 problems: `application/problem+json`."""

from flask import Flask, Response, json
from werkzeug.exceptions import HTTPException, InternalServerError

from plugin.errors import (
    AccessRefused,
    ConfigError,
    ConsentError,
    DamError,
    EventRefused,
    FaceLeaseError,
    LinkRefused,
    NameTaken,
    NotFound,
    NothingDone,
    PasswordRefused,
    ProviderAway,
    QueueFull,
    ResourceGone,
    SignatureRefused,
    StoreAway,
    TokenRefused,
    TooMany,
    UseUnknown,
)

_STATUS: tuple[tuple[type[FaceLeaseError], int], ...] = (
    (NotFound, 404),
    (ResourceGone, 404),
    (LinkRefused, 404),
    (UseUnknown, 422),
    (ConsentError, 409),
    (NothingDone, 409),
    (NameTaken, 409),
    (TokenRefused, 401),
    (QueueFull, 429),
    (TooMany, 429),
    (PasswordRefused, 422),
    (SignatureRefused, 401),
    (AccessRefused, 403),
    (EventRefused, 422),
    (ConfigError, 503),
    (DamError, 502),
    (ProviderAway, 503),
    (StoreAway, 503),
    (FaceLeaseError, 500),
)


MIMETYPE = "application/problem+json"


def format_problem(status: int, title: str, detail: str = "") -> str:
    """A problem document (RFC 9457 section 3); `about:blank` is the type of one that the status explains."""
    body = {"type": "about:blank", "title": title, "status": status} | ({"detail": detail} if detail else {})
    return json.dumps(body)


def respond(status: int, title: str, detail: str = "") -> Response:
    """The same as an answer."""
    return Response(format_problem(status, title, detail), status, content_type=MIMETYPE)


def find_status(error: FaceLeaseError) -> int:
    """The HTTP status that an error of ours is answered with."""
    return next(code for kind, code in _STATUS if isinstance(error, kind))


def register_handlers(app: Flask) -> None:
    """Answer every error of the app as a problem."""

    def http(error: HTTPException) -> Response:
        answer = respond(error.code or 500, error.name)
        if error.code == 405 and isinstance(error.get_headers(), list):
            allowed = dict(error.get_headers()).get("Allow")
            if allowed:
                answer.headers["Allow"] = allowed
        return answer

    def ours(error: FaceLeaseError) -> Response:
        status = find_status(error)
        # What went wrong inside is for the log; what the caller can mend is for the caller.
        answer = respond(status, type(error).__name__, str(error) if status < 500 else "")
        if isinstance(error, QueueFull):
            answer.headers["Retry-After"] = str(error.retry_after)
        return answer

    def unforeseen(error: InternalServerError) -> Response:
        cause = error.original_exception
        if isinstance(cause, StoreAway):  # the session could not be loaded
            return ours(cause)
        return respond(500, "Internal Server Error")

    app.register_error_handler(HTTPException, http)
    app.register_error_handler(FaceLeaseError, ours)
    app.register_error_handler(InternalServerError, unforeseen)
