"""/ready: 503 with the reason, whatever is away or hangs, within two seconds, and by no more threads than checks."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from plugin.errors import DamError, StoreAway
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Dam
from sidecar.app import create_app
from sidecar.running import readiness


class Hanging:
    """A DAM that does not answer, until it is let go."""

    def __init__(self, inner: Dam) -> None:
        self._inner = inner
        self.go_on = threading.Event()
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def reach(self) -> None:
        self.asked += 1
        self.go_on.wait(60)


@pytest.fixture
def hanging(services: Services) -> Iterator[Hanging]:
    """The DAM of the house, which hangs."""
    made = Hanging(services.dam)
    yield made
    made.go_on.set()


@pytest.fixture
def client(services: Services, hanging: Hanging) -> FlaskClient:
    """The app on it; a worker swept."""
    calendar.start_process(services)
    calendar.sweep_endings(services)
    return create_app(services.config, replace(services, dam=cast(Dam, hanging))).test_client()


def _ready(client: FlaskClient) -> tuple[int, str, str]:
    answer = client.get("/ready")
    return answer.status_code, answer.content_type, answer.get_json(force=True).get("detail", "")


def test_a_dam_that_hangs_is_said_and_asked_once(client: FlaskClient, hanging: Hanging) -> None:
    """The front page says it, too; when the DAM answers all is well at once."""
    began = time.monotonic()
    assert _ready(client) == (503, "application/problem+json", "DAM: no answer within 1.5 seconds")
    assert time.monotonic() - began < 10  # 1.5 s, on a machine that is busy
    front = client.get("/?lang=en")
    assert (front.status_code, "Not ready" in front.get_data(as_text=True)) == (200, True)
    assert [_ready(client)[0] for _ in range(2)] == [503, 503]
    waiting = [thread for thread in threading.enumerate() if thread.name == "ready"]
    assert (hanging.asked, len(waiting)) == (1, 1)
    began = time.monotonic()
    assert all(_ready(client)[0] == 503 for _ in range(5))
    assert time.monotonic() - began < 5 * 1.5, "each waits for what hangs already"
    hanging.go_on.set()
    waiting[0].join(10)
    assert _ready(client)[0] == 200


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StoreAway("the store does not answer: try again"), "store: the store does not answer: try again"),
        (DamError("no"), "store: no"),
        (ValueError("Åsa Unmistakable"), "store: it could not be looked at (ValueError)"),
        (SystemExit(1), "store: it could not be looked at (SystemExit)"),
    ],
)
def test_whatever_a_check_raises_is_503(
    error: BaseException, said: str, client: FlaskClient, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a reason that is ours; /health is about the process alone, and figures of the store are none."""

    def away(_: object) -> int:
        raise error

    hanging.go_on.set()
    assert _ready(client)[0] == 200
    monkeypatch.setattr("plugin.ledger.store.store.Store.generation", away)
    assert _ready(client) == (503, "application/problem+json", said)
    assert client.get("/health").status_code == 200


def test_pages_and_figures_with_the_store_away(
    client: FlaskClient, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No page is 500: the front page says that it is not ready, the figures that they know nothing."""
    hanging.go_on.set()
    assert "facelease_store_answers 1.0" in client.get("/metrics").get_data(as_text=True)

    def away(_: object) -> None:
        raise StoreAway("the store does not answer: try again")

    monkeypatch.setattr("plugin.ledger.store.store.Store.read", away)
    monkeypatch.setattr("plugin.ledger.store.store.Store.write", away)
    found = {path: client.get(path) for path in ("/", "/metrics", "/ready", "/s/i/x", "/s/me", "/api/v1/people")}
    assert {path: answer.status_code for path, answer in found.items() if answer.status_code >= 500} == dict.fromkeys(
        [path for path, answer in found.items() if answer.status_code >= 500], 503
    )
    text = found["/metrics"].get_data(as_text=True)
    assert "facelease_store_answers 0.0" in text
    assert "facelease_templates NaN" in text
    assert "facelease_queue_jobs{" not in text
    assert found["/"].status_code == 503
    monkeypatch.undo()
    again = client.get("/metrics").get_data(as_text=True)
    assert "facelease_queue_jobs{" in again
    assert "facelease_store_answers 1.0" in again


def test_each_reason_has_a_check() -> None:
    """Store, endings, key, worker, DAM: in this order, for the first that is wrong is said."""
    assert list(readiness.CHECKS) == ["store", "ended.log", "master key", "worker", "DAM"]
