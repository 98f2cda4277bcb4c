"""The pages by which staff ask: invitations, many from a list, the poster of a shoot, the editor of forms."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from plugin.clock import ManualClock
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from tests import staff, support
from tests.browser.conftest import Opened, serious, shot
from tests.browser.test_console import come_in
from tests.signers import Desk, tree

LIST = "name;email;language\nNew One;new@example.org;nl\nBo Ek;;\nBad;not an address;\n"


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner, port: int) -> Iterator[Services]:
    """A house that is served on that port, with a mail server's name and a shoot."""
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    mail = {"host": "localhost", "sender": "photos@example.org", "security": "none"}
    tables = {"server": {"public_url": f"http://127.0.0.1:{port}"}, "site": {"name": "Sample museum"}, "mail": mail}
    with support.opened(staff.configuration(tmp_path, **tables), clock, examiner) as open_:
        yield open_


def looked_at(page: Page, name: str) -> None:
    """Nothing keeps anybody out, and nothing is wider than the screen."""
    shot(page, name)
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("size", "language"), [("phone", "nl"), ("desktop", "en")])
def test_asking(
    services: Services, cast: support.Cast, clock: ManualClock, on: Opened, tmp_path: Path, size: str, language: str
) -> None:
    """The list of invitations, a list that is looked at and sent, the poster, the editor and what changed."""
    desk = Desk(services)
    desk.invite(cast.add("Åsa Öberg", email="asa@example.org"), by_mail=True)
    assert desk.visit(cast.add("Bo Ek")).sign("press").status_code == 303
    modes.decide(services, support.SHOOT, modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("day in May")), "test")
    page, wrong = on(size, language), []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    come_in(page, services, clock, "administrator", language)
    tail = f"{size}-{language}"
    page.goto("/console/invitations")
    expect(page.locator("tbody tr")).to_have_count(2)
    looked_at(page, f"invitations-{tail}")
    (tmp_path / "list.csv").write_text(LIST)
    page.goto("/console/invitations/list")
    page.locator("#file").set_input_files(tmp_path / "list.csv")
    page.locator("main form button.primary").click()
    expect(page.locator("tbody tr")).to_have_count(3, timeout=30_000)
    looked_at(page, f"invitations-list-{tail}")
    page.locator("button[name=send]").click()
    expect(page.locator("tbody .tag.good")).to_have_count(1, timeout=30_000)
    _poster(page, tail)
    _editor(page, services, tail)
    assert [said for said in wrong if "favicon" not in said and "404" not in said] == []


def _poster(page: Page, tail: str) -> None:
    page.goto(f"/console/collections/one?ref={support.SHOOT}")
    page.locator("form[action$='/collections/one/invite'] button").click()
    expect(page.locator(".poster .qr")).to_be_visible()
    looked_at(page, f"poster-{tail}")
    page.emulate_media(media="print")
    expect(page.locator("header").first).to_be_hidden()
    expect(page.locator(".poster .qr")).to_be_visible()
    page.emulate_media(media="screen")


def _editor(page: Page, services: Services, tail: str) -> None:
    first = form_store.find_in_use(services)
    page.goto(f"/console/forms/write?from={first.id}")
    text = page.locator("#text")
    text.fill(text.input_value().replace("May we use photographs of you?", "May we show you?"))
    expect(page.locator("#preview h3").first).to_have_text("May we show you?")
    looked_at(page, f"form-editor-{tail}")
    second = form_store.add(services, tree(officer="other@example.org"), "test")
    page.goto(f"/console/forms/{second.id}/changes")
    expect(page.locator("ins")).to_have_count(2)
    looked_at(page, f"form-changes-{tail}")
