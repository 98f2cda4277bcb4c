"""The photograph's page, the box "may I use it?" and a collection that is examined, in a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.photos import collection_scan
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import signers, staff, support
from tests.browser.conftest import Opened, serious, shot
from tests.browser.test_console import come_in

REF = "shoot/Été together.jpg"


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner, port: int) -> Iterator[Services]:
    """A house that is served on that port."""
    tables = {"server": {"public_url": f"http://127.0.0.1:{port}"}, "site": {"name": "Sample museum"}}
    with support.opened(staff.configuration(tmp_path, **tables), clock, examiner) as open_:
        yield open_


@pytest.fixture
def number(services: Services, cast: support.Cast, photos: Path) -> int:
    """A photograph on which Åsa is proposed, who agreed to the website alone, beside a stranger; and another one."""
    form_store.add(services, signers.tree(), "test")
    person = cast.add("Åsa Öberg", email="asa@example.org")
    cast.sign(person, channels=("website",))
    cast.enrol(person)
    cast.open_collection(mode=Mode.AUTO)
    support.together(photos, REF, samples.A_STANDING, samples.B_STANDING, height=900)
    support.put(photos, "shoot/Été alone.jpg", samples.A_SPEECH, (300, 400))
    calendar.poll_dam(services)
    cast.work()
    with services.store.read() as conn:
        found: int | None = conn.scalar(select(t.resource.c.id).where(t.resource.c.ref == REF))
    assert found is not None
    return found


def _say(page: Page, text: str) -> None:
    page.get_by_role("searchbox", name="May I use it?").fill(text)
    page.keyboard.press("Enter")


def test_the_box_answers_on_every_page(services: Services, clock: ManualClock, number: int, on: Opened) -> None:
    """By keyboard: several that begin alike are listed with pictures, one that is meant is shown, with its boxes."""
    page = on("desktop")
    come_in(page, services, clock, "editor")
    _say(page, "ETE")
    expect(page.locator(".found li")).to_have_count(2)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 50)")
    assert serious(page) == []
    shot(page, "photo-find-desktop-en")
    _say(page, "ete together")
    page.wait_for_url(f"**/console/photographs/{number}")
    expect(page.locator(".shot.shown rect")).to_have_count(4)


def test_a_file_is_dropped_and_only_its_name_leaves(
    services: Services, clock: ManualClock, number: int, on: Opened
) -> None:
    """Nothing is sent but the question with the name."""
    page, sent = on("desktop"), []
    come_in(page, services, clock, "editor")
    page.on("request", lambda request: sent.append((request.method, request.url)))
    with page.expect_navigation():
        page.evaluate(
            """() => {
              const given = new DataTransfer();
              given.items.add(new File(["secret bytes"], "Été together.jpg", { type: "image/jpeg" }));
              const drop = new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true });
              document.querySelector("form.may").dispatchEvent(drop);
            }"""
        )
    page.wait_for_url(f"**/console/photographs/{number}")
    assert {method for method, _ in sent} == {"GET"}
    assert all("secret" not in url for _, url in sent)


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("size", ["phone", "desktop", "wide"])
def test_the_pages_are_for_everybody(
    services: Services, clock: ManualClock, number: int, on: Opened, size: str, language: str
) -> None:
    """axe-core finds nothing serious, light and dark; nothing is wider than the screen or said to the console."""
    page = on(size, language)
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text))
    come_in(page, services, clock, "administrator", language)
    for name, path in {
        "photo": f"/console/photographs/{number}?history=yes",
        "find": "/console/may-i?q=ete",
        "nothing": "/console/may-i?q=https://elsewhere.example/one.jpg",
        "collection": "/console/collections/one?ref=shoot",
        "clearance": "/console/clearance",
    }.items():
        page.goto(path)
        for one in page.locator("details").all():
            one.evaluate("one => one.open = true")
        page.wait_for_load_state("networkidle")
        shot(page, f"{name}-{size}-{language}")
        assert serious(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    assert refused == []


def test_without_script(services: Services, clock: ManualClock, number: int, on: Opened) -> None:
    """The box is a form, the picture and the answers are there."""
    page = on("phone", java_script_enabled=False)
    come_in(page, services, clock, "editor")
    page.locator("#may-i").fill("ete together.jpg")
    page.locator("form.may button").click()
    page.wait_for_url(f"**/console/photographs/{number}")
    expect(page.locator(".shot img")).to_be_visible()


def test_a_scan_is_followed(
    services: Services, cast: support.Cast, clock: ManualClock, number: int, on: Opened
) -> None:
    """The numbers move by themselves while the collection is examined, and the page ends with the new ones."""
    with services.store.write() as tx:
        tx.execute(update(t.resource).values(examined="no"))
    collection_scan.begin(services, "shoot")
    page = on("desktop")
    come_in(page, services, clock, "administrator")
    page.goto("/console/collections/one?ref=shoot")
    expect(page.locator("progress")).to_be_visible()
    shot(page, "collection-scan-desktop-en")
    cast.work()
    expect(page.locator("progress")).to_have_count(0, timeout=20_000)
    expect(page.locator("[data-count=scanned]")).to_have_text("2")
