"""A person on their own page, in a browser: what they see, stop, deny, take along; by touch, by keyboard, in Dutch."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.rights import erasure_requests
from plugin.flows.schedule import calendar
from plugin.recognizer.process.examiner import Examiner
from tests import support, visiting
from tests.browser.conftest import Opened, serious, shot
from tests.crowd import A, B, Crowd


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with two purposes and three channels, as an organisation may have it."""
    channels = {"channels": ["website", "social media", "press"], "purposes": ["communication"]}
    config = support.configuration(tmp_path, clearance=channels, site={"name": "Sample organisation"})
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    with support.opened(config, clock, examiner) as open_:
        yield open_


@pytest.fixture
def asa(services: Services, cast: support.Cast, photos: Path, examiner: Examiner) -> str:
    """Åsa agreed to two channels, is recognised, and is tagged on two photographs, one with somebody else."""
    person = cast.add("Åsa Öberg")
    cast.sign(person, channels=("website", "press"))
    cast.enrol(person)
    cast.open_collection()
    crowd = Crowd(examiner)
    crowd.put(photos, "shoot/one.jpg", crowd.row([A[0]], 400))
    crowd.put(photos, "shoot/two.jpg", crowd.row([B, A[1]], 400))
    calendar.poll_dam(services)
    cast.work()
    assert len(cast.tags(person)) == 2
    return person


def open_page(services: Services, page: Page, person: str, guardian: str | None = None) -> None:
    """Follow the link that the person was given."""
    made = visiting.link_of(services, person, guardian)
    page.goto(f"/s/{made.token}")


def seen(page: Page) -> bool:
    """Whether every picture on the page was loaded and shows something."""
    return bool(
        page.evaluate(
            "async () => { for (const i of document.images) { i.loading = 'eager'; await i.decode(); }"
            " return [...document.images].every(i => i.naturalWidth > 40); }"
        )
    )


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize("language", ["en", "nl"])
def test_withdrawn_in_the_browser_and_the_tags_are_gone(
    services: Services, cast: support.Cast, asa: str, on: Opened, size: str, language: str
) -> None:
    """Two presses: everything is over at once, and the names leave the files. Nothing is wider than the screen."""
    words = {
        "en": ("Stop everything", "Yes, withdraw", "Nothing is agreed to", "no photograph"),
        "nl": ("Met alles stoppen", "Ja, intrekken", "nergens mee ingestemd", "geen enkele foto"),
    }[language]
    page = on(size, language)
    open_page(services, page, asa)
    page.goto(f"/s/me?lang={language}")
    assert seen(page)
    shot(page, f"me-{size}-{language}")
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name=words[0]).click()
    shot(page, f"me-stop-{size}-{language}")
    assert serious(page) == []
    page.get_by_role("button", name=words[1]).click()
    expect(page.get_by_text(words[2])).to_be_visible()
    shot(page, f"me-stopped-{size}-{language}")
    assert serious(page) == []
    cast.work()
    assert all(cast.names_on(ref) == set() for ref in ("shoot/one.jpg", "shoot/two.jpg"))
    page.reload()
    expect(page.get_by_text(words[3])).to_be_visible()


def test_that_is_not_me_in_the_browser(services: Services, cast: support.Cast, asa: str, on: Opened) -> None:
    """The name leaves that photograph and stays on the other."""
    page = on("phone")
    open_page(services, page, asa)
    page.get_by_role("link", name="That is not me").first.click()
    assert seen(page)
    shot(page, "me-not-me-phone-en")
    assert serious(page) == []
    page.get_by_role("button", name="Yes, take the name off").click()
    expect(page.get_by_role("status")).to_contain_text("taken off")
    assert sorted(len(cast.names_on(ref)) for ref in ("shoot/one.jpg", "shoot/two.jpg")) == [0, 1]
    expect(page.get_by_text("1 photograph.")).to_be_visible()


def test_everything_that_is_held_is_downloaded(services: Services, asa: str, on: Opened) -> None:
    """A file, not a page."""
    page = on("phone")
    open_page(services, page, asa)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download everything you hold on me").click()
    held = json.loads(Path(download.value.path()).read_text())
    assert (held["person"]["display_name"], len(held["photographs"])) == ("Åsa Öberg", 2)


def test_forget_me_by_keyboard_alone(services: Services, cast: support.Cast, asa: str, on: Opened) -> None:
    """Tab and Enter reach everything; where one is can be seen; when it is granted, the page says so and ends."""
    page = on("desktop")
    open_page(services, page, asa)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    _tab_to(page, "Forget me")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    page.keyboard.press("Enter")
    page.wait_for_url("**/s/me/forget")
    assert serious(page) == []
    shot(page, "me-forget-desktop-en")
    _tab_to(page, "Yes, forget me")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("by 1 April 2026")
    (waiting,) = erasure_requests.list_waiting(services)
    erasure_requests.decide(services, waiting.id, True, "officer")
    cast.work()
    page.reload()
    expect(page.get_by_role("heading", name="This link does not work")).to_be_visible()
    shot(page, "me-closed-desktop-en")
    assert serious(page) == []


def _tab_to(page: Page, name: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if name in str(page.evaluate("document.activeElement.innerText || ''")):
            return
    raise AssertionError(f"{name!r} cannot be reached by Tab")


def test_it_works_without_script(services: Services, cast: support.Cast, asa: str, on: Opened) -> None:
    """No script is needed for anything."""
    page = on("phone", java_script_enabled=False)
    open_page(services, page, asa)
    page.get_by_role("link", name="Stop this").first.click()
    page.get_by_role("button", name="Yes, withdraw").click()
    expect(page.get_by_role("status")).to_contain_text("over as of now")
