"""The staff in a browser: in from the DAM's page, through a review by keyboard, every page in both languages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import insert, select, update

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.matching import look_alikes, serving_engine
from plugin.flows.rights import erasure_requests
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.engines.registry import EngineSource
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import signers, staff, support
from tests.browser.conftest import Opened, serious, shot
from tests.staff import Dam

REF = "shoot/together.jpg"


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner, port: int) -> Iterator[Services]:
    """A house that is served on that port."""
    tables = {"server": {"public_url": f"http://127.0.0.1:{port}"}, "site": {"name": "Sample museum"}}
    with support.opened(staff.configuration(tmp_path, **tables), clock, examiner) as open_:
        yield open_


@pytest.fixture
def asa(services: Services, cast: support.Cast, photos: Path) -> str:
    """Åsa is suggested on a real photograph on which a stranger stands beside her."""
    person = cast.add("Åsa Öberg", email="asa@example.org")
    cast.sign(person, channels=("website", "press"))
    cast.enrol(person)
    cast.open_collection(mode=Mode.SUGGEST)
    support.together(photos, REF, samples.A_STANDING, samples.B_STANDING, height=900)
    calendar.poll_dam(services)
    cast.work()
    with services.store.write() as tx:
        tx.execute(update(t.state).values(worked_at=tx.now))
    return person


def come_in(page: Page, services: Services, clock: ManualClock, role: str, language: str = "en") -> None:
    """As the DAM's page does: a form that is posted to us, from another site."""
    audience = services.config.server.public_url
    fields = Dam(clock, audience=audience).form(user="jo", groups=[staff.GROUPS[role]], language=language)
    inputs = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())
    page.route(
        "http://dam.example.org/",
        lambda route: route.fulfill(
            body=f'<form method="post" action="{audience}{staff.PATH}">{inputs}<button>FaceLease</button></form>',
            content_type="text/html",
        ),
    )
    page.goto("http://dam.example.org/")
    page.get_by_role("button", name="FaceLease").click()
    page.wait_for_url(f"{audience}/console/")


def test_in_from_the_dam_and_through_a_review(
    services: Services, cast: support.Cast, clock: ManualClock, asa: str, on: Opened
) -> None:
    """From another site's form to a confirmed name in the file; taken back; and out again."""
    page = on("desktop")
    come_in(page, services, clock, "editor")
    page.get_by_role("link", name="suggestion to confirm").click()
    page.get_by_role("link", name="Åsa Öberg").click()
    pictures = page.locator(".references img, .tile img")
    expect(pictures).to_have_count(3)
    page.wait_for_load_state("networkidle")
    for one in pictures.all():  # the large picture's place is empty until a face is opened
        one.scroll_into_view_if_needed()
        expect(one).to_have_js_property("complete", True)
    assert pictures.evaluate_all("all => all.every(i => i.naturalWidth > 100)")
    page.get_by_role("button", name="Confirm the rest").click()
    expect(page.get_by_role("status")).to_contain_text("confirmed")
    assert cast.names_on(REF) == {"Åsa Öberg"}
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("Undone")
    assert cast.names_on(REF) == set()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/console/review")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert "Åsa" not in page.content()


def test_by_keyboard_alone(services: Services, cast: support.Cast, clock: ManualClock, asa: str, on: Opened) -> None:
    """The skip link comes first; tabs and Enter confirm a face, and leave out another with a reason."""
    page = on("desktop")
    come_in(page, services, clock, "editor")
    page.goto(f"/console/review/people/{asa}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.evaluate("window.same = true")
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")
    _tab_to(page, "Confirm the rest")
    assert page.evaluate("window.same") is True  # a place on the page is no other page
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("confirmed")
    page.goto("/console/review?list=unmatched")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("d")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.value") == "no_person"
    _tab_to(page, "Leave out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("left out")
    assert cast.names_on(REF) == {"Åsa Öberg"}


def _tab_to(page: Page, text: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == text:
            return
    raise AssertionError(f"{text!r} is not reached by the keyboard")


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_every_page_is_for_everybody(
    services: Services, clock: ManualClock, asa: str, on: Opened, size: str, language: str
) -> None:
    """axe-core finds nothing serious; nothing is wider than the screen; nothing offends against the policy."""
    form = form_store.add(services, signers.tree(), "test").id
    with services.store.write() as tx:
        number = erasure_requests.request_in(
            services, tx, asa, "person", erasure_requests.read_filed(services, asa)
        ).number
    page = on(size, language)
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text))
    come_in(page, services, clock, "administrator", language)
    paths = {
        "home": "/console/",
        "review": "/console/review",
        "unnamed": "/console/review?list=unmatched",
        "people": "/console/people",
        "person": f"/console/people/{asa}",
        "collections": "/console/collections",
        "collection": "/console/collections/one?ref=shoot",
        "new": "/console/people/new",
        "log": "/console/log",
        "requests": "/console/requests",
        "forms": "/console/forms",
        "form": f"/console/forms/{form}",
        "clearance": "/console/clearance",
        "certificate": f"/console/requests/certificate/{number}",
    }
    for name, path in paths.items():
        page.goto(path)
        shot(page, f"console-{name}-{size}-{language}")
        assert page.get_attribute("html", "lang") == language
        assert serious(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    page.goto(f"/console/people/{asa}")
    page.locator('button[value="link"]').click()
    shot(page, f"console-invited-{size}-{language}")
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [text for text in refused if "Content Security Policy" in text] == []


@pytest.mark.parametrize(("size", "language"), [("desktop", "en"), ("phone", "nl")])
def test_people_whom_the_engine_does_not_tell_apart(
    services: Services, cast: support.Cast, clock: ManualClock, asa: str, on: Opened, size: str, language: str
) -> None:
    """The page of the collections warns of them, and says what can be done."""
    for name, prefix in (("Bea", samples.A_FRONT), ("Cato", samples.A_SPEECH)):
        person = cast.add(name)
        cast.sign(person)
        cast.enrol(person, prefix)
    with services.store.write() as tx:
        serving_engine.put(tx, "serving", EngineSource(services.faces.engine_id, services.faces.card.name))
    look_alikes.note(services)
    page = on(size, language)
    come_in(page, services, clock, "officer", language)
    page.goto("/console/collections")
    shot(page, f"console-alike-{size}-{language}")
    expect(page.get_by_role("alert")).to_contain_text({"en": "3 of the 3 look", "nl": "3 van de 3 lijken"}[language])
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("size", "language"), [("desktop", "en"), ("phone", "nl"), ("phone", "en"), ("desktop", "nl")])
def test_faces_are_left_out(
    services: Services, clock: ManualClock, asa: str, on: Opened, size: str, language: str
) -> None:
    """The list of reasons, and all small figures in one act and back; what was left out before as well."""
    with services.store.write() as tx:
        face = tx.execute(select(t.face).where(t.face.c.state == "unmatched")).one()._asdict()
        tx.execute(update(t.face).where(t.face.c.id == face["id"]).values(file_px=300))
        del face["id"]
        wide = {"file_px": 90, "width": 0.02, "height": 0.03}
        rows = [{**face, **wide, "left": 0.1 + n / 30, "top": 0.05} for n in range(4)]
        rows.append({**face, "left": 0.3, "state": "dismissed", "decided_by": "dam:kim", "decided_at": tx.now})
        tx.execute(insert(t.face), rows)
    page = on(size, language)
    come_in(page, services, clock, "editor", language)
    for name in ("unmatched", "again"):
        page.goto(f"/console/review?list={name}")
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        page.wait_for_load_state("networkidle")
        shot(page, f"console-{name}-{size}-{language}")
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto("/console/review?list=unmatched")
    page.locator("button[name=newest]").click()
    expect(page.get_by_role("status")).to_contain_text("4")
    shot(page, f"console-small-{size}-{language}")
    assert page.locator("button[name=newest]").count() == 0
    page.locator("#undo button").click()
    undone = {"en": "Undone for 4", "nl": "Ongedaan gemaakt voor 4"}[language]
    expect(page.get_by_role("status")).to_contain_text(undone)
    page.reload()
    expect(page.locator("button[name=newest]")).to_be_visible()


def test_withdrawn_on_behalf_from_the_page(
    services: Services, cast: support.Cast, clock: ManualClock, asa: str, on: Opened
) -> None:
    """What the officer ticks ends, and the names go from the photograph."""
    page = on("phone")
    come_in(page, services, clock, "administrator")
    page.goto(f"/console/review/people/{asa}")
    page.get_by_role("button", name="Confirm the rest").click()
    expect(page.get_by_role("status")).to_contain_text("confirmed")
    assert cast.names_on(REF) == {"Åsa Öberg"}
    page.goto(f"/console/people/{asa}")
    page.get_by_role("checkbox", name="everything").check()
    page.get_by_role("radio", name="the person").check()
    page.get_by_role("checkbox", name="I have made sure").check()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("status")).to_contain_text("Withdrawn")
    cast.work()
    assert cast.names_on(REF) == set()
