"""Whatever a person opens in a browser is a page in words, with a way on; programs read problems (RFC 9457)."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.recognizer.process.examiner import Examiner
from sidecar.web import error_pages
from tests import sender, staff, support
from tests.served_house import Served
from tests.url_map import Routes

Promise = Callable[[str, str], None]

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
_UNKNOWN = (
    "/nothing",
    "/console/nothing",
    "/console/people/x/y/z",
    "/s/x/y/z",
    "/static/nothing.css",
    "/webhooks/x",
    "/%2e%2e/x",
)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_SOUND = ("health", "ready", "describe")
"""Answers of these, where nothing is wrong, are for programs."""


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with everything switched on that a route needs."""
    files = {
        f"{name}_secret_file": sender.secret_file(tmp_path / f"{name}.secret", staff.SECRET)
        for name in ("events", "panel", "signin")
    }
    with support.opened(staff.configuration(tmp_path, webhooks=files), clock, examiner) as open_:
        yield open_


class _Ones(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "1"


def _open(app: Flask, method: str, path: str, accept: str = BROWSER, language: str = "en") -> TestResponse:
    headers = {"Accept": accept, "Accept-Language": language}
    return app.test_client().open(path, method=method, headers=headers, environ_base={"REMOTE_ADDR": staff.address()})


def _is_page(answer: TestResponse, path: str, language: str) -> bool:
    """A page in words; with a link, but for people whose way on is the link that they were sent."""
    way = path.startswith("/s/") or re.search(r"<main.*<(a|form)\b", answer.text, re.DOTALL)
    words = f'<html lang="{language}">' in answer.text and "<h1>" in answer.text
    return answer.mimetype == "text/html" and words and bool(way)


@pytest.mark.promise
def test_no_error_is_json_for_people(app: Flask, promise: Promise) -> None:
    """Every route with every method, its own and wrong ones, and paths that are none: in either language a page
    with a heading and a link, never a document for programs; the status is the one that programs get."""
    calls = Routes(app, _Ones()).calls()
    rules = [(str(rule.endpoint), path) for rule, _, path in calls if not path.startswith("/api")]
    paths = [*rules, *(("", path) for path in _UNKNOWN)]
    raw, bare, asked = [], [], 0
    for language in ("en", "nl"):
        for endpoint, path in paths:
            for method in _METHODS:
                answer = _open(app, method, path, language=language)
                asked += 1
                if answer.status_code >= 400 and "json" in (answer.mimetype or ""):
                    raw.append((method, path, answer.status_code))
                elif (
                    answer.status_code >= 400
                    and method not in ("OPTIONS", "TRACE")
                    and not _is_page(answer, path, language)
                ):
                    bare.append((method, path, answer.status_code))
                elif answer.status_code < 400 and answer.mimetype == "application/json" and endpoint not in _SOUND:
                    raw.append((method, path, answer.status_code))
    promise("S1", f"{asked} requests of a browser: answered with raw JSON {len(raw)}, without a way on {len(bare)}")
    assert (raw, bare) == ([], [])
    assert asked > 1000


@pytest.mark.parametrize("path", ["/nothing", "/console/nothing", "/api/v1/nothing"])
def test_programs_read_problems(app: Flask, path: str) -> None:
    """Whoever asks for JSON, or for anything, gets a problem document; below /api everybody does."""
    for accept in ("application/json", "*/*", "application/json, text/html;q=0.5"):
        answer = _open(app, "GET", path, accept)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert _open(app, "GET", "/api/v1/nothing").mimetype == "application/problem+json"


def test_what_stands_in_the_answer_stays(app: Flask) -> None:
    """A page keeps the status and the headers of the problem: Allow for a wrong method, Vary for who asks how."""
    answer = _open(app, "DELETE", "/")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert "Accept" in answer.headers["Vary"]
    assert "form-action 'none'" in answer.headers["Content-Security-Policy"]


def test_too_many_and_a_fault_of_ours_are_pages(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """429 and 500 as well."""
    where = {"REMOTE_ADDR": staff.address()}
    client = app.test_client()
    many = [client.get("/", headers={"Accept": BROWSER}, environ_base=where) for _ in range(70)][-1]
    assert (many.status_code, many.mimetype) == (429, "text/html")
    monkeypatch.setattr("plugin.flows.views.health.count", lambda services: 1 / 0)
    wrong = _open(app, "GET", "/", language="nl")
    assert wrong.status_code == 500
    assert _is_page(wrong, "/", "nl")


def test_what_is_refused_before_the_app_is_a_page(tmp_path: Path) -> None:
    """What the server itself refuses is told to a person by a page in their language too."""
    head = "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n"
    with Served(tmp_path / "served", 1) as served:
        page = _send(served.port, f"{head}Accept: {BROWSER}\r\nAccept-Language: nl\r\n\r\n")
        problem = _send(served.port, f"{head}Accept: application/json\r\n\r\n")
    assert "HTTP/1.1 400" in page
    assert "text/html" in page
    assert '<html lang="nl">' in page
    assert "<h1>Dat kwam niet goed aan</h1>" in page
    assert "application/problem+json" in problem


def _send(port: int, request: str) -> str:
    """All that is answered until the server closes the line."""
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(request.encode())
        answer = b""
        while more := line.recv(65536):
            answer += more
    return answer.decode()


@pytest.mark.parametrize(
    ("accept", "path", "wanted"),
    [
        (BROWSER, "/x", True),
        ("text/html", "/x", True),
        ("", "/x", False),
        ("*/*", "/x", False),
        ("text/html;q=0", "/x", False),
        ("application/problem+json, text/html;q=0.9", "/x", False),
        ("image/avif,*/*;q=0.8", "/x", False),
        (BROWSER, "/api/v1/x", False),
    ],
)
def test_who_wants_a_page(accept: str, path: str, wanted: bool) -> None:
    """A browser says text/html by name, and likes nothing of a program better."""
    assert error_pages.is_wanted(path, accept) is wanted
