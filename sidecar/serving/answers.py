"""Waitress tasks that answer a request: by the app, or with a problem document if it did not reach the app."""

from typing import Any

from waitress.task import ErrorTask, WSGITask

from plugin.words.catalogues import ENGLISH
from sidecar.serving import admission
from sidecar.web import error_pages, problems

_NOT_STORED = ("Cache-Control", "no-store")


class ErrorAnswer(ErrorTask):  # type: ignore[misc]
    """A problem document, or for people a page, for a request that cannot reach the app."""

    def execute(self) -> None:
        error = self.request.error
        headers, path = self.request.headers, getattr(self.request, "path", "")
        kind, text = problems.MIMETYPE, problems.format_problem(error.code, error.reason, str(error.body))
        if error_pages.is_wanted(path, headers.get("ACCEPT", "")):
            kind = "text/html; charset=utf-8"
            text = error_pages.render(error.code, headers.get("ACCEPT_LANGUAGE", ""), ENGLISH)
        body = text.encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.extend([("Content-Type", kind), _NOT_STORED])
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class AppAnswer(WSGITask):  # type: ignore[misc]
    """The app's answer; the environment says where the body was refused."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[admission.REFUSED] = self.request.refused
        return environ


class Overloaded:
    """The queue of the surface is full."""

    code, reason, body = 503, "Service Unavailable", "too much waits here at this moment: send it again"


class StoreUnavailable:
    """The store cannot be asked who sends this."""

    code, reason, body = 503, "Service Unavailable", "the store does not answer: send it again"


class TooSlow:
    """The request arrived too slowly, or stopped."""

    code, reason, body = 408, "Request Timeout", "the request came too slowly: send it again"


class CutOff:
    """The sender closed the connection before the end of the body."""

    code, reason, body = 400, "Bad Request", "the request ends before its body does"
