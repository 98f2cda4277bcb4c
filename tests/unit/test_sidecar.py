"""The HTTP surface: health, readiness, metrics, the front page, and problems as RFC 9457 says."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from plugin.clock import ManualClock
from plugin.errors import ConsentError, DamError, NotFound, QueueFull
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from sidecar.app import create_app
from tests import support


@pytest.fixture
def client(services: Services) -> Iterator[FlaskClient]:
    """The app on an open house."""
    app = create_app(services.config, services)
    errors = {
        "gone": NotFound("no such"),
        "not": ConsentError("no grant"),
        "full": QueueFull(3, 9),
        "dam": DamError("/secret/path"),
        "bug": RuntimeError("/secret/bug"),
    }

    def fail(kind: str) -> str:
        raise errors[kind]

    app.add_url_rule("/fail/<kind>", view_func=fail)
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.test_client() as client:
        yield client


def test_health_is_about_the_process_and_readiness_about_the_work(
    client: FlaskClient, services: Services, clock: ManualClock
) -> None:
    """Ready needs a recent sweep of a worker; without it 503 says what to start."""
    assert client.get("/health").json == {"status": "ok"}
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"
    assert "facelease work" in answer.get_data(as_text=True)
    calendar.start_process(services)
    assert client.get("/ready").status_code == 503, "a command sweeps at its start, and is no worker"
    calendar.sweep_endings(services)
    looked_at = ["store", "ended.log", "master key", "worker", "DAM"]
    assert client.get("/ready").json == {"status": "ready", "looked_at": looked_at}
    clock.advance(timedelta(minutes=4))
    assert client.get("/ready").status_code == 503


def test_metrics_count_and_name_nobody(client: FlaskClient, cast: support.Cast) -> None:
    """Prometheus reads counts; a person's name is in none of them."""
    cast.add("Åsa Unmistakable")
    text = client.get("/metrics").get_data(as_text=True)
    assert "facelease_queue_jobs" in text
    assert "Unmistakable" not in text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404),
        ("/fail/gone", 404),
        ("/fail/not", 409),
        ("/fail/full", 429),
        ("/fail/dam", 502),
        ("/fail/bug", 500),
    ],
)
def test_every_error_is_a_problem_document(client: FlaskClient, path: str, status: int) -> None:
    """application/problem+json with type, title and status; what went wrong inside stays inside."""
    answer = client.get(path)
    body = answer.get_json(force=True)
    assert answer.status_code == body["status"] == status
    assert answer.content_type == "application/problem+json"
    assert body["type"] == "about:blank"
    assert body["title"]
    assert "secret" not in answer.get_data(as_text=True)
    if status == 429:
        assert answer.headers["Retry-After"] == "9"


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    """405 with Allow (RFC 9110 section 15.5.6)."""
    answer = client.post("/health")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_the_front_page_speaks_english_and_dutch_under_a_strict_policy(client: FlaskClient) -> None:
    """The browser's language is taken, a link changes it, and no script or frame is allowed."""
    english = client.get("/", headers={"Accept-Language": "en"})
    dutch = client.get("/", headers={"Accept-Language": "nl"})
    assert "Photographs" in english.get_data(as_text=True)
    assert '<html lang="nl">' in dutch.get_data(as_text=True)
    assert "Foto" in client.get("/?lang=nl").get_data(as_text=True)
    assert "default-src 'none'" in english.headers["Content-Security-Policy"]
    assert "script" not in english.headers["Content-Security-Policy"]
    assert english.headers["Cache-Control"] == "no-store"
