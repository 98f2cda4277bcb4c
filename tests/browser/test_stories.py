"""Stories between a phone and a desk: a lost link, a shoot, ways in that are closed, a signature that is taken back."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.access import links
from plugin.flows.collections import modes
from plugin.flows.common import reference_sets
from plugin.flows.common.services import Services
from plugin.flows.signing import lost_links, pending_signatures
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.running.runner import Runner
from tests import mailbox, staff, support, visiting
from tests.browser.conftest import Opened, serious, shot
from tests.browser.test_console import come_in
from tests.mailbox import Mailbox
from tests.signers import Desk


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner, port: int, box: Mailbox) -> Iterator[Services]:
    """A house with a console, and with mail."""
    tables = {"server": {"public_url": f"http://127.0.0.1:{port}"}, "mail": box.section()}
    with support.opened(staff.configuration(tmp_path, **tables), clock, examiner) as open_:
        yield staff.with_accounts(open_)


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


def fits(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize(
    ("language", "send", "page_of"),
    [("en", "Send me the e-mail", "Your page"), ("nl", "Stuur mij de e-mail", "Uw pagina")],
)
def test_a_lost_link_is_asked_for_by_one_press(
    services: Services, desk: Desk, cast: support.Cast, box: Mailbox, on: Opened, language: str, send: str, page_of: str
) -> None:
    """The link is over; a letter brings another to the page. A stranger's name is answered in the same words."""
    asa = cast.add("Åsa Sample", language=language)
    visiting.confirm(services, asa)
    over = desk.invite(asa)
    with services.store.write() as tx:
        links.count_use(services, tx, links.find_open(services, over).id)
    page = on("phone", language)
    page.goto(f"/s/{over}")
    assert serious(page) == []
    assert fits(page)
    page.get_by_role("button", name=send).click()
    answer = page.locator("main").inner_text()
    page.goto("/s/lost")
    shot(page, f"lost-phone-{language}")
    assert serious(page) == []
    page.locator("input[name=name]").fill("Nobody Sample")
    page.get_by_role("button", name=send).click()
    assert page.locator("main").inner_text() == answer
    Runner(services).drain((lost_links.JOB, "mail"))
    (letter,) = box.letters
    found = re.search(r"http\S+/s/[\w-]{43}", mailbox.text_of(letter))
    assert found
    page.goto(found[0])
    expect(page.get_by_role("heading", level=1)).to_have_text(page_of)


def test_at_a_shoot_phone_and_list_show_the_same_number(
    services: Services, desk: Desk, clock: ManualClock, on: Opened
) -> None:
    """The guest signs; the editor sees the number, holds the list still while looking, and taps the entry."""
    ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("spring shoot", "the photographer"))
    modes.decide(services, support.SHOOT, ruling, "test")
    phone = on("phone", has_touch=True, is_mobile=True)
    phone.goto(f"/s/{desk.invite(collection_ref=support.SHOOT)}")
    phone.locator("input[name=recognition]").check()
    phone.get_by_label("Take one with the camera").set_input_files(samples.portrait(samples.B_STANDING))
    expect(phone.locator(".verdicts .good")).to_be_visible(timeout=20_000)
    phone.get_by_label("First and last name of the person").fill("Bo Sample")
    phone.get_by_label("The person in the photographs is 16 or older").check()
    phone.get_by_label("Or type your name as your signature").fill("Bo Sample")
    phone.get_by_role("button", name="Sign", exact=True).click()
    mark = phone.locator(".mark").inner_text()
    assert re.fullmatch(r"\d{3}", mark)
    assert phone.locator(".mark").evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 40
    assert (serious(phone), fits(phone)) == ([], True)
    _seen_on_the_list(services, clock, on("phone"), mark)


def _seen_on_the_list(services: Services, clock: ManualClock, page: Page, mark: str) -> None:
    come_in(page, services, clock, "editor")
    page.goto(f"/console/shoot?ref={support.SHOOT}")
    assert page.locator('meta[http-equiv="refresh"]').count() == 1
    page.get_by_role("link", name="Look at the pictures: Bo Sample").click()
    assert page.locator('meta[http-equiv="refresh"]').count() == 0
    page.wait_for_load_state("networkidle")
    assert page.evaluate("[...document.images].map(i => i.naturalWidth > 40)") == [True]
    assert (serious(page), fits(page)) == ([], True)
    page.get_by_role("button", name=f"I see this person with this phone: {mark}").click()
    expect(page.get_by_role("status")).to_contain_text("Noted")
    expect(page.get_by_text("Nobody waits.")).to_be_visible()
    with services.store.read() as conn:
        (person,) = conn.execute(select(t.person.c.id)).scalars()
        (found,) = reference_sets.list_of(conn, person)
    assert (found.vouched_how, found.vouched_by) == ("met", "dam:jo")


def test_all_other_ways_in_are_closed(services: Services, cast: support.Cast, on: Opened) -> None:
    """Another browser is on the page, by another link: one press, and neither opens it any more."""
    asa = cast.add("Åsa Sample")
    cast.sign(asa)
    other, mine = on("desktop"), on("phone")
    addresses = [f"/s/{visiting.link_of(services, asa).token}" for _ in range(2)]
    other.goto(addresses[0])
    mine.goto(addresses[1])
    assert (serious(mine), fits(mine)) == ([], True)
    mine.get_by_role("button", name="Close all others").click()
    expect(mine.get_by_role("status")).to_contain_text("Closed")
    for path in ("/s/me", addresses[0]):
        other.goto(path)
        expect(other.get_by_role("heading", level=1)).not_to_have_text("Your page")
    mine.reload()
    expect(mine.get_by_role("heading", level=1)).to_have_text("Your page")


@pytest.mark.parametrize(
    ("language", "press", "yes", "done"),
    [
        ("en", "Take my signature back", "Yes, take it back", "Taken back"),
        ("nl", "Mijn handtekening intrekken", "Ja, intrekken", "Ingetrokken"),
    ],
)
def test_the_first_of_two_guardians_takes_it_back(
    services: Services, cast: support.Cast, on: Opened, language: str, press: str, yes: str, done: str
) -> None:
    """By the key, without a script; the page says that it is done, and promises nothing that was never in force."""
    two = Desk(services, guardians=2)
    clara = cast.add("Clara Sample", birth_date=date(2014, 5, 1), language=language)
    visit = two.visit(clara)
    answer = visit.sign(
        "website",
        signer="Greta Sample",
        birth_date="2014-05-01",
        email="greta@example.org",
        typed="Greta Sample",
        other_signer="Hugo Sample",
        other_email="hugo@example.org",
    )
    assert answer.status_code == 303, answer.text
    page = on("phone", language, java_script_enabled=False)
    page.goto(f"/s/{visit.kept_link()}")
    page.get_by_role("link", name=press).click()
    expect(page.get_by_role("button")).to_have_count(1)
    page.get_by_role("button", name=yes).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(done)
    with services.store.read() as conn:
        assert not pending_signatures.list_pending(services, conn, clara)


def test_refused_in_the_readers_language(
    services: Services, desk: Desk, cast: support.Cast, clock: ManualClock, on: Opened
) -> None:
    """An editor who may not make a new link reads why, and what to do, in Dutch."""
    asa = cast.add("Åsa Sample")
    cast.sign(asa)
    page = on("phone", "nl")
    come_in(page, services, clock, "editor", "nl")
    page.goto(f"/console/people/{asa}")
    page.get_by_role("button", name="Toon een link en een QR-code").click()
    expect(page.locator(".refused")).to_contain_text("Verstuur het per e-mail naar een bevestigd adres")
    assert (serious(page), fits(page)) == ([], True)
