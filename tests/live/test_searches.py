"""On a real server: our searches in its own search, and the state of each photograph as a mark."""

import re
from collections.abc import Iterator
from functools import partial
from time import monotonic

import pytest
from playwright.sync_api import Page, expect

from sidecar.commands.demo import samples
from tests.doubles.resourcespace_house import Server
from tests.live.accounts import account
from tests.live.given import Given, answer, until
from tests.live.office import Office
from tests.live.story import Story
from tests.live.test_setter import Editor
from tests.live.test_sick import hanging

MOST_SECONDS = 12  # of the whole page, on a busy machine; our share of it is two


@pytest.fixture
def editor(given: Given, server: Server) -> Iterator[Editor]:
    with account(server, Office(given), "search sample", given.editors) as who:
        yield Editor(given, who)


def found(page: Page) -> set[str]:
    """The resources that the page of results shows."""
    cards = page.locator("[id^=ResourceShell]")
    return {re.sub(r"\D", "", str(card.get_attribute("id"))) for card in cards.all()}


def search(story: Story, words: str) -> set[str]:
    story.pages.open(f"pages/search.php?search={words}&display=thumbs&per_page=100")
    return found(story.pages.page)


def lists(story: Story, words: str, ref: str) -> bool:
    return ref in search(story, words)


def mark(story: Story, ref: str) -> str:
    """The mark of a resource, in words; waits until it is filled in."""
    sign = story.pages.page.locator(f"#ResourceShell{ref} .FaceleaseSign")
    expect(sign).to_have_count(1)
    return str(sign.get_attribute("aria-label"))


def test_searches_and_marks(story: Story) -> None:
    """Waiting, not cleared, ending; by the filters above the results; English and Dutch."""
    collection = story.collection()
    story.pages.choose(collection, "suggest")
    story.asa_signs("website", until_day="2026-12-20")
    alone = story.put(collection, story.together("alone.jpg", samples.A_STANDING))
    both = story.put(collection, story.together("both.jpg", samples.A_STANDING, samples.B_STANDING))
    until(partial(lists, story, "!faceleasewaiting", both))
    until(partial(lists, story, "!faceleasewaiting", alone))
    story.pages.view(alone)
    story.pages.press("confirm")
    until(lambda: not lists(story, "!faceleasewaiting", alone))
    assert both in search(story, "!faceleasenotcleared:cleareduntilwebsite")
    assert alone not in found(story.pages.page)
    assert {alone, both} <= search(story, "!faceleasenotcleared:cleareduntilpress")
    assert alone in search(story, "!faceleaseending:60")
    assert alone in search(story, "!faceleaseending:2026-12-21:cleareduntilwebsite")
    assert alone not in search(story, "!faceleaseending:2026-12-20")
    assert search(story, f"!faceleasenotcleared:cleareduntilpress:c{collection}") == {alone, both}
    assert search(story, f"!collection{collection}") == {alone, both}
    assert "cleared: website" in mark(story, alone)
    assert "faces waiting: 2" in mark(story, both)
    story.pages.picture("search-marks", "#CentralSpace")
    story.pages.page.locator(".FaceleaseFilter", has_text="Faces waiting").click()
    expect(story.pages.page.locator(f"#ResourceShell{alone}")).to_have_count(0)
    assert found(story.pages.page) == {both}
    expect(story.pages.page.locator(".SearchBreadcrumbs")).to_contain_text("Faces waiting")
    story.pages.page.locator(".FaceleaseDay input").fill("2026-12-24")
    story.pages.page.locator(".FaceleaseDay button").click()
    expect(story.pages.page.locator(f"#ResourceShell{alone}")).to_have_count(1)
    story.pages.speak("nl")
    search(story, f"!collection{collection}")
    assert "vrijgegeven: website" in mark(story, alone)
    story.pages.picture("search-marks-dutch", "#CentralSpace")
    assert story.pages.errors == []


@pytest.mark.parametrize(
    "words",
    [
        "!faceleasewaiting:c1' OR '1'='1",
        "!faceleasenotcleared:cleareduntilwebsite') OR 1=1 -- ",
        "!faceleaseending:2027-01-01' UNION SELECT 1",
        "!faceleasenonsense",
        "!facelease",
    ],
)
def test_what_is_no_search_finds_nothing(story: Story, words: str) -> None:
    """No resource, no error of the database."""
    assert search(story, words.replace("'", "%27").replace(" ", "%20")) == set()
    expect(story.pages.page.locator(".SearchBreadcrumbs")).to_contain_text("no search that FaceLease knows")
    assert "error" not in story.pages.page.inner_text("#CentralSpace").lower()


def test_silence_is_unknown_and_does_not_stall(given: Given, story: Story) -> None:
    """The sidecar hangs: a page in time, "unknown", question marks; not cleared goes by the dates."""
    ref = story.server.photo()
    story.refs.append(ref)
    story.sidecar.stop()
    with hanging(given.port):
        began = monotonic()
        assert search(story, "!faceleasewaiting") == set()
        assert monotonic() - began < MOST_SECONDS
        expect(story.pages.page.locator(".FaceleaseNote")).to_contain_text("Unknown: FaceLease did not answer")
        assert ref in search(story, "!faceleasenotcleared:cleareduntilwebsite")
        assert "Unknown" in mark(story, ref)
        story.pages.picture("search-silent", "#CentralSpace")


def test_who_may_see_what(given: Given, story: Story, editor: Editor) -> None:
    """Without the permission no search, filter or mark; with it nothing of what the DAM itself hides."""
    mine, hidden = story.server.photo(), story.server.photo()
    story.refs += [mine, hidden]
    assert answer(story.server, "put_resource_data", resource=hidden, data='{"access": 2}') is True
    words = "!faceleasenotcleared:cleareduntilwebsite"
    until(lambda: {mine, hidden} <= search(story, words))
    seen = {str(row["ref"]) for row in editor.ask("do_search", search=words, fetchrows=1000)}
    assert mine in seen
    assert hidden not in seen
    page = editor.pages.page(f"pages/search.php?search={words}")
    token = re.search(r'class="FaceleaseBar"[^>]*data-csrf="([^"]+)"', page)
    assert token
    said = editor.pages.marks(token[1], mine, hidden)
    assert f'data-ref="{mine}"' in said
    assert f'data-ref="{hidden}"' not in said
    editor.who.change(usergroup=2)
    assert "FaceleaseBar" not in editor.pages.page("pages/search.php?search=")
    assert editor.ask("do_search", search=words, fetchrows=1000) in ([], "", 0)
    assert editor.pages.marks(token[1], mine) == ""
