"""The light table in a browser: proposals decided by keys alone, without JavaScript, and by everybody; and undone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.review import face_decisions
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import practised_hand, proposals, staff, support
from tests.browser.conftest import Opened, serious, shot
from tests.browser.test_console import come_in

FACES = 5
expect.set_options(timeout=60_000)  # each name is written into a file, on whatever machine


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner, port: int) -> Iterator[Services]:
    """A house that is served on that port."""
    tables = {"server": {"public_url": f"http://127.0.0.1:{port}"}, "site": {"name": "Sample museum"}}
    with support.opened(staff.configuration(tmp_path, **tables), clock, examiner) as open_:
        yield open_


@pytest.fixture
def asa(services: Services, cast: support.Cast, photos: Path, tmp_path: Path) -> str:
    """Åsa is enrolled."""
    person = cast.add("Åsa Öberg")
    cast.sign(person)
    cast.enrol(person)
    cast.open_collection(mode=Mode.SUGGEST)
    bo = cast.add("Bo Ødegård")
    cast.sign(bo)
    return person


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A photograph of somebody."""
    support.put(tmp_path, "picture.jpg", samples.A_STANDING, size=(600, 800))
    return tmp_path / "picture.jpg"


@pytest.fixture
def ids(services: Services, asa: str, picture: Path) -> list[int]:
    return proposals.propose(services, picture, asa, FACES)


def watch(page: Page) -> list[str]:
    """What the browser complains about."""
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def test_by_keys(
    services: Services, cast: support.Cast, clock: ManualClock, asa: str, ids: list[int], on: Opened
) -> None:
    """Wrong ones are chosen, the rest confirmed, the wrong ones rejected; undone act by act; somebody else is picked by
    a name without its accents; left out by a number; no page is loaded, and nothing is complained of."""
    page = on("desktop")
    come_in(page, services, clock, "editor")
    complaints = watch(page)
    page.set_default_timeout(60_000)
    page.goto(f"/console/review/people/{asa}")
    page.evaluate("window.same = true")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    shot(page, "light-keys-desktop-en")
    page.keyboard.press("Escape")
    practised_hand.Hand(page).decide({ids[1], ids[3]})
    expect(page.locator("#status")).to_contain_text("not this person")
    rest = set(ids) - {ids[1], ids[3]}
    assert proposals.states(services, ids) == {one: "matched" if one in rest else "rejected" for one in ids}
    page.keyboard.press("u")
    expect(page.locator(".tile")).to_have_count(2)
    page.keyboard.press("u")
    expect(page.locator(".tile")).to_have_count(FACES)
    assert set(proposals.states(services, ids).values()) == {"unmatched"}
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("#large .shot.shown")).to_be_visible()
    shot(page, "light-large-desktop-en")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(page.locator(f"#take-{ids[1]}")).to_be_focused()
    page.keyboard.press("e")
    page.keyboard.type("odegard")
    expect(page.locator("#names [role=option]")).to_contain_text("Bo Ødegård")
    shot(page, "light-picker-desktop-en")
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(FACES - 1)
    page.keyboard.press("d")
    page.keyboard.press("1")
    expect(page.locator(".tile")).to_have_count(FACES - 2)
    expect(page.locator("#status")).to_contain_text("left out")
    assert sorted(proposals.states(services, ids).values()) == ["dismissed", "matched"] + ["unmatched"] * (FACES - 2)
    assert cast.names_on(f"{support.SHOOT}/001.jpg") == {"Bo Ødegård"}
    page.keyboard.press("y")  # one that was undone is named again as whom it was proposed
    expect(page.locator(".tile")).to_have_count(FACES - 3)
    assert page.evaluate("window.same") is True
    assert complaints == []


def test_without_javascript(services: Services, clock: ManualClock, asa: str, ids: list[int], on: Opened) -> None:
    """The same form: the wrong ones are ticked, one button confirms the rest; undone by another; a page at a time."""
    page = on("desktop", java_script_enabled=False)
    page.set_default_timeout(60_000)
    come_in(page, services, clock, "editor")
    page.goto("/console/review")
    page.get_by_role("link", name="Åsa Öberg").click()
    page.locator(f"#take-{ids[0]}").check()
    page.get_by_role("button", name="Confirm the rest").click()
    expect(page.get_by_role("status")).to_contain_text(f"{FACES - 1} faces confirmed")
    assert list(proposals.states(services, ids).values()).count("matched") == FACES - 1
    page.locator(f"#take-{ids[0]}").check()
    page.get_by_role("button", name="Not Åsa Öberg").click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text(f"Undone for {FACES - 1} faces")
    assert set(proposals.states(services, ids).values()) == {"unmatched"}
    page.goto("/console/review?list=unmatched")
    page.locator(f"#take-{ids[3]}").check()
    page.get_by_label("Their name").fill("Bo Ødegård")
    page.get_by_role("button", name="Write this name").click()
    assert proposals.states(services, ids)[ids[3]] == "matched"


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_for_everybody(
    services: Services, clock: ManualClock, asa: str, ids: list[int], on: Opened, size: str, language: str
) -> None:
    """axe-core finds nothing serious, light and dark; nothing is wider than the screen; nothing is complained of."""
    with services.store.write() as tx:
        tx.execute(update(t.face).where(t.face.c.id == ids[1]).values(state="unmatched", person_id=None))
    page = on(size, language)
    page.set_default_timeout(90_000)
    come_in(page, services, clock, "editor", language)
    complaints = watch(page)
    paths = {
        "list": "/console/review",
        "person": f"/console/review/people/{asa}",
        "face": f"/console/review/{ids[0]}",
        "unnamed": "/console/review?list=unmatched",
        "photo": f"/console/review/photographs/{face_decisions.find_face(services, ids[0]).resource_id}",
    }
    for name, path in paths.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        shot(page, f"light-{name}-{size}-{language}")
        assert serious(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    assert complaints == []
