"""The question whose face is meant, in a real browser: by keyboard alone and without script; English and Dutch."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.browser.conftest import Opened, serious, shot
from tests.crowd import A, B, Crowd
from tests.signers import Desk

SAID = {
    "en": {
        "press": "Press",
        "recognise": "I agree that my face is recognised",
        "files": "Choose from your photographs",
        "several": "choose the face that is meant",
        "name": "Your first and last name",
        "sign": "Sign",
        "asks": "Which face is meant?",
        "first": "Face 1 of 3, from the left",
        "largest": "Face 2 of 3, from the left",
        "kept": "Photographs kept for recognition: 2.",
    },
    "nl": {
        "press": "Pers",
        "recognise": "Ik vind het goed dat mijn gezicht",
        "files": "Kies uit uw foto's",
        "several": "kies het gezicht dat bedoeld is",
        "name": "Uw voor- en achternaam",
        "sign": "Ondertekenen",
        "asks": "Welk gezicht wordt bedoeld?",
        "first": "Gezicht 1 van 3, van links",
        "largest": "Gezicht 2 van 3, van links",
        "kept": "Foto's die voor de herkenning worden bewaard: 2.",
    },
}


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house whose DAM is a folder."""
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    with support.opened(support.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


@pytest.fixture
def files(tmp_path: Path, examiner: Examiner) -> list[Path]:
    """Sample person A alone; and B, A, who is the largest, and B again."""
    crowd = Crowd(examiner)
    page = Image.new("RGB", (1000, 440), (120, 120, 120))
    for prefix, size, place in ((B, 300, 0), (A[0], 400, 300), (B, 300, 700)):
        page.paste(crowd.head(prefix, size), (place, 20))
    crowd.head(A[1], 400).save(tmp_path / "alone.png")
    page.save(tmp_path / "group.png")
    return [tmp_path / "alone.png", tmp_path / "group.png"]


def references(services: Services, person_id: str) -> list[bytes]:
    with services.store.read() as conn:
        return [services.vault.open(conn, one) for one in services.vault.find(conn, person_id, "reference")]


def fits(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def fill(page: Page, desk: Desk, person_id: str, files: list[Path], said: dict[str, str]) -> None:
    """All but the signature."""
    page.goto(f"/s/{desk.invite(person_id)}")
    page.get_by_label(said["press"]).check()
    page.get_by_label(said["recognise"]).check()
    page.get_by_label(said["files"]).set_input_files(files)
    page.get_by_label(said["name"]).fill("Åsa Öberg")


@pytest.mark.parametrize(("size", "language"), [("phone", "nl"), ("phone", "en"), ("desktop", "nl"), ("desktop", "en")])
def test_the_largest_is_offered_and_the_keyboard_chooses(
    services: Services, desk: Desk, cast: support.Cast, on: Opened, files: list[Path], size: str, language: str
) -> None:
    """It is asked at once, beside the photograph; arrows move the choice; one face is kept of each."""
    said, asa = SAID[language], cast.add("Åsa Öberg", language=language)
    page = on(size, language)
    fill(page, desk, asa, files, said)
    expect(page.locator(".verdicts .good")).to_have_count(2, timeout=30_000)
    expect(page.locator(".verdicts .good").nth(1)).to_contain_text(said["several"])
    expect(page.get_by_role("group", name=said["asks"])).to_be_visible()
    expect(page.get_by_role("radio", name=said["largest"])).to_be_checked()
    shot(page, f"which-face-{size}-{language}")
    assert serious(page) == []
    assert fits(page)
    assert references(services, asa) == []
    page.get_by_role("radio", name=said["largest"]).focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name=said["first"])).to_be_checked()
    page.keyboard.press("ArrowRight")
    page.locator("#typed").fill("Åsa Öberg")
    page.get_by_role("button", name=said["sign"], exact=True).press("Enter")
    expect(page.get_by_text(said["kept"])).to_be_visible()
    kept = references(services, asa)
    assert [services.faces.list_faces(body).alone for body in kept] == [True, True]


def test_without_script_it_is_asked_the_same(
    services: Services, desk: Desk, cast: support.Cast, on: Opened, files: list[Path]
) -> None:
    """The typed signature outlives the question; the photograph on which one is not is left out."""
    said, asa = SAID["en"], cast.add("Åsa")
    page = on("phone", java_script_enabled=False)
    fill(page, desk, asa, files, said)
    page.get_by_label("Type your name as your signature").fill("Åsa Öberg")
    page.get_by_role("button", name="Sign", exact=True).click()
    page.get_by_label(re.compile("None of these")).check()
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_text("Photographs kept for recognition: 1.")).to_be_visible()
    assert len(references(services, asa)) == 1
