"""Signing in a real browser: with a camera file, for a child, by keyboard alone, without script; English and Dutch."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.access import links
from plugin.flows.collections import modes
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.mail.papers import receipts
from plugin.flows.matching import declared_sets, vouching
from plugin.flows.people import register
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import support
from tests.browser.conftest import Opened, serious, shot
from tests.signers import Desk

SAID = {
    "en": {
        "press": "Press",
        "recognise": "I agree that my face is recognised",
        "camera": "Take one with the camera",
        "good": "This photograph will do",
        "name": "Your first and last name",
        "sign": "Sign",
        "done": "it is signed",
        "page": "Your own page",
        "stop": "End all of it",
        "yes": "Yes, withdraw",
        "nothing": "It is over as of now",
    },
    "nl": {
        "press": "Pers",
        "recognise": "Ik vind het goed dat mijn gezicht",
        "camera": "Maak een foto met de camera",
        "good": "Deze foto is geschikt",
        "name": "Uw voor- en achternaam",
        "sign": "Ondertekenen",
        "done": "het is getekend",
        "page": "Uw eigen pagina",
        "stop": "Alles intrekken",
        "yes": "Ja, intrekken",
        "nothing": "Vanaf nu geldt het niet meer",
    },
}


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house whose DAM is a folder."""
    config = support.configuration(tmp_path, site={"name": "Sample organisation"})
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    with support.opened(config, clock, examiner) as open_:
        yield open_


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


def enrolled(services: Services, person_id: str) -> bool:
    with services.store.read() as conn:
        return bool(services.vault.find(conn, person_id, "template"))


def vouch(services: Services, person_id: str) -> None:
    """Somebody of the staff knows the face: what came by the link counts from now on."""
    with services.store.read() as conn:
        waits = declared_sets.find_waiting(conn, person_id)
    assert waits is not None
    vouching.vouch(services, waits.id, "met", "dam:jo")


def draw(page: Page) -> None:
    """A signature, by pointer."""
    canvas = page.locator(".pad canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] * 0.7)
    page.mouse.down()
    for step in range(1, 12):
        rise = 0.3 if step % 2 else 0.8
        page.mouse.move(box["x"] + 20 + step * box["width"] / 14, box["y"] + box["height"] * rise)
    page.mouse.up()


def fits(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize(("size", "language"), [("phone", "nl"), ("desktop", "en")])
def test_invited_signed_tagged_withdrawn(
    services: Services, desk: Desk, cast: support.Cast, photos: Path, on: Opened, size: str, language: str
) -> None:
    """Somebody signs with a photograph from the camera, is found in the photographs, stops it, and the names go."""
    said = SAID[language]
    asa = cast.add("Åsa Öberg", language=language)
    page = on(size, language)
    page.goto(f"/s/{desk.invite(asa)}")
    assert page.url.endswith("/s/form")
    assert page.locator("input:checked").count() == 0
    expect(page.get_by_label(said["camera"])).to_be_hidden()
    shot(page, f"sign-{size}-{language}")
    assert serious(page) == []
    assert fits(page)
    page.get_by_label(said["press"]).check()
    page.get_by_label(said["recognise"]).check()
    page.get_by_label(said["camera"]).set_input_files(samples.portrait(samples.A_FRONT))
    expect(page.locator(".verdicts .good")).to_contain_text(said["good"])
    page.get_by_label(said["name"]).fill("Åsa Öberg")
    draw(page)
    shot(page, f"sign-filled-{size}-{language}")
    assert serious(page) == []
    assert not enrolled(services, asa)
    page.get_by_role("button", name=said["sign"], exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(said["done"])
    shot(page, f"sign-done-{size}-{language}")
    assert serious(page) == []
    assert enrolled(services, asa)
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    receipt = Path(download.value.path()).read_bytes()
    assert receipts.verify(receipt)
    assert json.loads(receipt)["person"] == "Åsa Öberg"
    _tagged_and_withdrawn(services, cast, photos, page, asa, said)


def _tagged_and_withdrawn(
    services: Services, cast: support.Cast, photos: Path, page: Page, asa: str, said: dict[str, str]
) -> None:
    """The key that the last page gave opens what was signed, and two presses there end all of it."""
    vouch(services, asa)
    cast.open_collection()
    ref = support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    calendar.poll_dam(services)
    cast.work()
    assert cast.names_on(ref) == {"Åsa Öberg"}
    page.locator(".keep a").click()
    page.wait_for_url("**/s/key")
    expect(page.locator("main")).not_to_contain_text("Öberg")
    assert page.locator("main img").count() == 0
    shot(page, f"key-{said['yes'][:3]}")
    assert serious(page) == []
    page.get_by_role("link", name=said["stop"]).click()
    page.get_by_role("button", name=said["yes"]).click()
    expect(page.get_by_text(said["nothing"])).to_be_visible()
    cast.work()
    assert cast.names_on(ref) == set()
    assert not enrolled(services, asa)


def test_chosen_photographs_outlive_a_forgotten_signature(desk: Desk, cast: support.Cast, on: Opened) -> None:
    """Who chose photographs and did not sign is told, and keeps them."""
    page = on("phone")
    page.goto(f"/s/{desk.invite(cast.add('Åsa'))}")
    page.get_by_label(re.compile("my face is recognised")).check()
    page.locator("input[type=file][multiple]").set_input_files([str(samples.portrait(samples.A_FRONT))])
    page.get_by_label("Your first and last name").fill("Åsa")
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_role("alert")).to_be_focused(timeout=30_000)
    expect(page.locator(".verdicts .good img")).to_have_count(1)
    page.get_by_label("Or type your name as your signature").fill("Åsa")
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_text("Photographs kept for recognition: 1.")).to_be_visible()


def test_a_guardian_signs_for_a_child(services: Services, desk: Desk, cast: support.Cast, on: Opened) -> None:
    """The page says why a guardian is asked, what is missing is told and reached by its link, both names are kept."""
    clara = cast.add("Clara", birth_date=date(2014, 5, 1))
    page = on("phone")
    page.goto(f"/s/{desk.invite(clara)}")
    expect(page.get_by_text("Clara is under 16, so a parent or guardian signs.")).to_be_visible()
    page.get_by_role("button", name="Sign", exact=True).click()
    problems = page.get_by_role("alert")
    expect(problems).to_be_focused()
    expect(problems).to_contain_text("You ticked nothing")
    shot(page, "sign-problems-phone-en")
    assert serious(page) == []
    problems.get_by_role("link", name="Fill in the name of whoever signs").click()
    page.get_by_label("Website").check()
    page.get_by_label("Name of the parent or guardian who signs").fill("Greta Sample")
    page.get_by_label("E-mail address of the parent or guardian").fill("greta@example.org")
    page.get_by_label("Or type your name as your signature").fill("Greta Sample")
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("it is signed")
    with services.store.read() as conn:
        ((claim),) = roster.load(services, conn, clara).quitclaims
        (known,) = register.guardians_of(services, conn, clara)
    assert claim.signed_by_guardians == (known["id"],)


def test_two_guardians_and_the_link_for_the_second(services: Services, cast: support.Cast, on: Opened) -> None:
    """The first is shown the link for the second where no mail can be sent; the second sees what the first chose."""
    desk = Desk(services, guardians=2)
    clara = cast.add("Clara", birth_date=date(2014, 5, 1), language="nl")
    page = on("desktop", "nl")
    page.goto(f"/s/{desk.invite(clara)}")
    page.get_by_label("Website").check()
    page.get_by_label("Naam van de ouder of voogd die tekent").fill("Greta Sample")
    page.get_by_label("E-mailadres van de ouder of voogd").fill("greta@example.org")
    page.get_by_label("Naam van de andere ouder of voogd").fill("Hugo Sample")
    page.get_by_label("E-mailadres van de ander").fill("hugo@example.org")
    page.get_by_label("Of typ uw naam als handtekening").fill("Greta Sample")
    shot(page, "sign-two-desktop-nl")
    assert serious(page) == []
    page.get_by_role("button", name="Ondertekenen", exact=True).click()
    address = page.locator(".keep a").first.inner_text()
    shot(page, "sign-waiting-desktop-nl")
    assert serious(page) == []
    other = on("phone", "nl")
    other.goto(address)
    expect(other.get_by_text("Greta Sample heeft al getekend")).to_be_visible()
    shot(other, "sign-second-phone-nl")
    other.get_by_label("Website").check()
    other.get_by_label("Of typ uw naam als handtekening").fill("Hugo Sample")
    other.get_by_role("button", name="Ondertekenen", exact=True).click()
    expect(other.get_by_role("heading", level=1)).to_contain_text("het is getekend")
    with services.store.read() as conn:
        assert len(roster.load(services, conn, clara).quitclaims[0].signed_by_guardians) == 2


def test_links_that_open_nothing(
    services: Services, desk: Desk, cast: support.Cast, clock: ManualClock, on: Opened
) -> None:
    """Wrong, guessed, used, revoked, expired: a page in plain words, in the visitor's language, that names nobody."""
    asa = cast.add("Åsa Geheim")
    used, revoked, late = desk.invite(asa), desk.invite(asa), desk.invite(asa)
    with services.store.write() as tx:
        links.count_use(services, tx, links.find_open(services, used).id)
        links.revoke(services, tx, links.find_open(services, revoked).id, "test")
    page = on("phone")
    _refused(page, {used: "used already", revoked: "no longer valid", "A" * 43: "cut off", late[:20]: "cut off"})
    clock.advance(timedelta(days=31))
    _refused(page, {late: "has expired"})
    assert serious(page) == []
    shot(page, "sign-refused-phone-en")
    dutch = on("phone", "nl")
    dutch.goto(f"/s/{late}")
    expect(dutch.get_by_role("heading", name="Deze link werkt niet")).to_be_visible()
    shot(dutch, "sign-refused-phone-nl")


def _refused(page: Page, tokens: dict[str, str]) -> None:
    for token, words in tokens.items():
        page.goto(f"/s/{token}")
        expect(page.get_by_role("heading", name="This link does not work")).to_be_visible()
        expect(page.locator("main")).to_contain_text(words)
        assert "Geheim" not in page.content()


def test_by_keyboard_alone(services: Services, desk: Desk, cast: support.Cast, on: Opened) -> None:
    """Tab, space and Enter reach everything; where one is can be seen; a typed name signs."""
    asa = cast.add("Åsa")
    page = on("desktop")
    page.goto(f"/s/{desk.invite(asa)}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the form")).to_be_focused()
    _tab_to(page, "c-communication-press")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    page.keyboard.press("Space")
    _tab_to(page, "signer")
    page.keyboard.type("Åsa Öberg")
    _tab_to(page, "typed")
    page.keyboard.type("Åsa Öberg")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("it is signed")
    with services.store.read() as conn:
        assert [g.channel for g in roster.load(services, conn, asa).quitclaims[0].grants] == ["press"]


def _tab_to(page: Page, field: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == field:
            return
    raise AssertionError(f"{field} is not reached by the keyboard")


def test_without_script(services: Services, desk: Desk, cast: support.Cast, on: Opened, tmp_path: Path) -> None:
    """The page works all the same: photographs are looked at as the form is sent, and a name is typed."""
    asa = cast.add("Åsa")
    page = on("phone", java_script_enabled=False)
    page.goto(f"/s/{desk.invite(asa)}")
    page.get_by_label("Press").check()
    page.get_by_label("I agree that my face is recognised").check()
    blank = tmp_path / "blank.jpg"
    Image.new("RGB", (500, 500), "white").save(blank)
    page.get_by_label("Choose from your photographs").set_input_files(blank)
    page.get_by_label("Your first and last name").fill("Åsa Öberg")
    page.get_by_label("Type your name as your signature").fill("Åsa Öberg")
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("We see no face")
    expect(page.locator(".kept")).to_have_count(0)
    assert page.get_by_label("Press").is_checked()
    both = [samples.portrait(samples.A_FRONT), samples.portrait(samples.A_SPEECH)]
    page.get_by_label("Choose from your photographs").set_input_files(both)
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("it is signed")
    assert enrolled(services, asa)


def test_at_a_shoot_on_a_phone(services: Services, desk: Desk, on: Opened) -> None:
    """Somebody scans the code, says who they are, and is a member of the shoot; a child brings a guardian."""
    ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("spring shoot", "the photographer"))
    modes.decide(services, support.SHOOT, ruling, "test")
    code = desk.invite(collection_ref=support.SHOOT)
    page = on("phone", has_touch=True, is_mobile=True)
    page.goto(f"/s/{code}")
    expect(page.get_by_label("Date of birth")).to_be_hidden()
    page.get_by_text("The person in the photographs is under 16").click()
    expect(page.get_by_label("Date of birth")).to_be_visible()
    shot(page, "sign-shoot-phone-en")
    assert serious(page) == []
    assert fits(page)
    page.get_by_label("Website").check()
    page.get_by_label("First and last name of the person").fill("Bo Ek")
    page.get_by_label("The person in the photographs is 16 or older").check()
    page.get_by_label("Or type your name as your signature").fill("Bo Ek")
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("it is signed")
    with services.store.read() as conn:
        assert len(conn.execute(select(t.shoot_person)).all()) == 1


def test_what_ends_is_renewed_or_is_over(
    services: Services, cast: support.Cast, photos: Path, clock: ManualClock, on: Opened
) -> None:
    """Renewed in time, the names stay without new photographs; not renewed, they go on the day that was shown."""
    desk = Desk(services, duration={"days": 30})
    asa = cast.add("Åsa Öberg")
    page = on("phone")
    page.goto(f"/s/{desk.invite(asa)}")
    expect(page.get_by_text("It holds through 1 April 2026")).to_be_visible()
    _agree(page, samples.portrait(samples.A_FRONT))
    vouch(services, asa)
    cast.open_collection()
    ref = support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    calendar.poll_dam(services)
    cast.work()
    clock.advance(timedelta(days=20))
    page.goto(f"/s/{desk.invite(asa, kind=links.LinkKind.RENEW)}")
    expect(page.get_by_text("It holds through 21 April 2026")).to_be_visible()
    assert page.locator("input:checked").count() == 0
    _agree(page)
    for days, names in ((15, {"Åsa Öberg"}), (20, set())):
        clock.advance(timedelta(days=days))
        calendar.sweep_endings(services)
        cast.work()
        assert cast.names_on(ref) == names
    assert not enrolled(services, asa)


def _agree(page: Page, photograph: Path | None = None) -> None:
    page.get_by_label("Press").check()
    page.get_by_label("I agree that my face is recognised").check()
    if photograph is not None:
        page.get_by_label("Take one with the camera").set_input_files(photograph)
    page.get_by_label("Your first and last name").fill("Åsa Öberg")
    page.get_by_label("Or type your name as your signature").fill("Åsa Öberg")
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("it is signed")
