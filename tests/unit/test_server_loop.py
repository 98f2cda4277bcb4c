"""The server's loop and its threads: one broken connection, or whatever a thread raises, ends alone."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from structlog.testing import capture_logs

from plugin.flows.common.services import Services
from sidecar.serving.connections import Connection
from sidecar.serving.listener import Listener

SECRET = "Åsa Unmistakable"


@pytest.fixture
def served(services: Services) -> Iterator[Listener]:
    """A listener on a free port around an app that may end the thread it is answered by."""
    app = Flask(__name__)

    @app.get("/exit")
    def leave() -> str:
        raise SystemExit(SECRET)

    @app.get("/health")
    def well() -> str:
        return "well"

    config = services.config.model_copy(update={"server": services.config.server.model_copy(update={"port": 0})})
    here = Listener(app, config, services)
    thread = threading.Thread(target=here.run)
    thread.start()
    yield here
    here.stop()
    here.stop()
    thread.join(10)
    assert not thread.is_alive()


def _ask(here: Listener, path: str = "/health", seconds: float = 5) -> int:
    line = http.client.HTTPConnection("127.0.0.1", here.effective_port, timeout=seconds)
    try:
        line.request("GET", path)
        return line.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        line.close()


def test_a_connection_that_cannot_be_asked_is_dropped(served: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the loop would fail of it at each round, and nobody would be served."""
    broken: list[Connection] = []
    real = Connection.readable

    def readable(one: Connection) -> bool:
        if one in broken:
            raise MemoryError(SECRET)
        return real(one)

    monkeypatch.setattr(Connection, "readable", readable)
    line = http.client.HTTPConnection("127.0.0.1", served.effective_port, timeout=5)
    line.connect()
    assert _until(lambda: served.active_channels)
    with capture_logs() as logs:
        broken.extend(served.active_channels.values())
        assert _until(lambda: not served.active_channels)
        assert [_ask(served) for _ in range(3)] == [200] * 3
    line.close()
    assert {entry.get("loop") for entry in logs} == {"server"}
    assert SECRET not in str(logs)


def test_a_round_that_fails_is_followed_by_another(served: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what looks after all of them each second, and what it is told to tend."""
    fails: list[Any] = [SystemExit(SECRET)] * 3

    def act() -> None:
        if fails:
            raise fails.pop()

    with capture_logs() as logs:
        served.tends.append(act)
        assert _until(lambda: not fails, 20)
        assert _ask(served) == 200
    assert len([entry for entry in logs if entry.get("error") == "SystemExit"]) == 3
    assert SECRET not in str(logs)


def test_what_would_end_a_thread_ends_one_request(served: Listener) -> None:
    """More often than there are threads; then all are there still."""
    with capture_logs() as logs:
        for _ in range(6):
            _ask(served, "/exit", 2)
        assert _ask(served) == 200
    assert SECRET not in str(logs)


def _until(true: Callable[[], object], seconds: float = 10) -> bool:
    ends = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < ends:
        time.sleep(0.02)
    return bool(found)
