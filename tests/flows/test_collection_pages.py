"""A collection's page: its numbers, scan now and pause, what a change would end, and a refused form that keeps all."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.photos import collection_scan
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.console import collections
from tests import staff, support
from tests.crowd import A, B, Crowd

PAGE = "/console/collections/one?ref=shoot"


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def admin(services: Services, cast: support.Cast, photos: Path, clock: ManualClock, examiner: Examiner) -> FlaskClient:
    """Three photographs with Åsa and a stranger; proposals are made; nothing is examined yet."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    for number in range(3):
        Crowd(examiner).put(photos, f"shoot/{number}.jpg", Crowd(examiner).row([A[0], B]))
    calendar.poll_dam(services)
    cast.work()
    cast.open_collection(mode=Mode.SUGGEST)
    with services.store.write() as tx:  # as if switching it on had queued nothing
        tx.execute(update(t.job).where(t.job.c.state == "queued").values(state="done"))
    return staff.signed_in(staff.app(services), clock, "administrator")


def numbers(browser: FlaskClient) -> dict[str, int]:
    told = browser.get("/console/collections/one/progress?ref=shoot").json
    assert told is not None
    return {name: told[name] for name in told if name != "said"}


def test_scan_now_pause_and_go_on(services: Services, cast: support.Cast, admin: FlaskClient) -> None:
    """The numbers follow; what was put off is not examined before it is asked for again, or the pause is over."""
    assert numbers(admin) | {"queued": 0} == {
        "photographs": 3, "scanned": 0, "faces": 0, "unnamed": 0, "waiting": 0, "queued": 0, "paused": 0,
    }  # fmt: skip
    assert staff.post(admin, "/console/collections/one/scan", ref="shoot").status_code == 303
    assert "Queued to be examined: 3." in admin.get(PAGE).text
    assert numbers(admin)["queued"] == 3
    staff.post(admin, "/console/collections/one/pause", ref="shoot")
    assert (numbers(admin)["queued"], numbers(admin)["paused"]) == (3, 3)
    cast.work()
    assert numbers(admin)["scanned"] == 0
    staff.post(admin, "/console/collections/one/scan", ref="shoot")
    assert numbers(admin)["paused"] == 0
    cast.work()
    assert numbers(admin) == {
        "photographs": 3, "scanned": 3, "faces": 6, "unnamed": 3, "waiting": 3, "queued": 0, "paused": 0,
    }  # fmt: skip
    assert staff.post(admin, "/console/collections/one/scan", ref="shoot").status_code == 409  # all was examined
    assert len(re.findall(r"/console/photographs/\d+/thumb.jpg", admin.get(PAGE).text)) == 3


def test_a_large_collection_is_counted_by_the_page_s_script(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page does not wait for it; without a script a link asks for the numbers."""
    monkeypatch.setattr(collections, "_COUNTED", 2)
    page = admin.get(PAGE).text
    assert page.count("…</span>") == 6
    assert "numbers=yes" in page
    assert "…</span>" not in admin.get(f"{PAGE}&numbers=yes").text


def test_a_new_upload_is_not_put_off(services: Services, cast: support.Cast, admin: FlaskClient) -> None:
    """A pause puts off the scan, not what arrives meanwhile."""
    collection_scan.begin(services, "shoot")
    with services.store.write() as tx:
        services.queue.put(tx, "photo", "shoot/0.jpg")
    collection_scan.pause(services, "shoot")
    cast.work()
    with services.store.read() as conn:
        done = set(conn.scalars(select(t.resource.c.ref).where(t.resource.c.examined != "no")))
    assert done == {"shoot/0.jpg"}


def test_what_a_change_would_end_is_said_before(services: Services, cast: support.Cast, admin: FlaskClient) -> None:
    """Beside the mode that would end it, in numbers, and that no template goes."""
    collection_scan.begin(services, "shoot")
    cast.work()
    page = admin.get(PAGE).text
    assert page.count("Changing to this now:") == 3  # off, detect, never
    assert page.count("No template of anybody is destroyed") == 3


def test_a_refused_form_keeps_what_was_typed(admin: FlaskClient) -> None:
    """Mode, basis and all other fields stand in it again, above them why it was refused."""
    typed = {"ref": "shoot", "mode": "auto", "basis": "", "reference": "minutes of May", "by": "Ann"}
    typed["review"] = "2027-01-01"
    answer = staff.post(admin, "/console/collections/one", **typed)
    assert answer.status_code == 409
    assert 'class="refused"' in answer.text
    assert re.search(r'value="auto" checked', answer.text)
    for value in ("minutes of May", "Ann", "2027-01-01"):
        assert f'value="{value}"' in answer.text
