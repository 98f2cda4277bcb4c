"""Downloads that are asked about, by the server's own buttons: one file, and a collection's archive."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.commands.demo import samples
from tests.live.given import names_in, until
from tests.live.story import ASA, Story

USAGES = {"Web": "website", "Press": "press"}


@pytest.fixture
def ruled(story: Story) -> Iterator[Story]:
    """The website refuses, the press warns, and nothing is left of that afterwards."""
    story.pages.rules({"website": "refuse", "press": "warn"}, USAGES)
    yield story
    story.pages.rules({"website": "off", "press": "off"}, dict.fromkeys(USAGES, ""))


def _asked(story: Story, ref: str, usage: str) -> None:
    story.pages.open(f"pages/view.php?ref={ref}")
    story.pages.page.locator("#downloadlink").first.click()
    story.pages.say_usage(usage)


def _got(story: Story, ref: str, usage: str) -> int:
    """The size of the file that comes for this usage, in bytes."""
    with story.pages.page.expect_download(timeout=30_000) as coming:
        _asked(story, ref, usage)
    return Path(coming.value.path()).stat().st_size


def _stopped(story: Story, ref: str, usage: str) -> str:
    """What is said instead of the file."""
    _asked(story, ref, usage)
    story.pages.page.wait_for_url("**/facelease/pages/stopped.php**", timeout=30_000)
    return story.pages.page.locator("#CentralSpace").inner_text()


def test_what_is_not_cleared_for_a_use_is_not_downloaded_for_it(ruled: Story) -> None:
    """Her photograph goes to the website, to the press after a warning, nowhere for a use that is not mapped; a
    stranger's nowhere. After she withdrew, hers neither; nor while nobody answers."""
    story = ruled
    story.asa_signs("website")
    collection = story.collection()
    story.pages.choose(collection, "auto")
    hers = story.put(collection, story.portrait(samples.A_STANDING, "hers.jpg"))
    other = story.put(collection, story.portrait(samples.B_STANDING, "other.jpg"))
    until(lambda: names_in(story.server, hers) == {ASA})
    story.pages.view(hers)
    story.pages.press("confirm")
    assert _got(story, hers, "Web") > 10_000
    assert "may not be downloaded" in _stopped(story, other, "Web")
    assert "Not cleared for this use" in _stopped(story, hers, "Press")
    with story.pages.page.expect_download(timeout=30_000):
        story.pages.page.get_by_role("button", name=re.compile("Download all the same")).click()
    assert "website, press" in _stopped(story, hers, "TV")
    names, note = _archive(story, collection, "Web")
    assert len([name for name in names if name.endswith(".jpg")]) == 1
    assert f"Left out by FaceLease: resources {other}." in note
    assert ASA not in note
    story.sidecar.run("quitclaim", "withdraw", "--yes", ASA, handed_on=True)
    assert "may not be downloaded" in _stopped(story, hers, "Web")
    story.sidecar.stop()
    assert "did not answer" in _stopped(story, hers, "Web")


def _archive(story: Story, collection: str, usage: str) -> tuple[list[str], str]:
    """The names in a collection's archive for this usage, and what its text file says."""
    number = {"Press": 0, "Print": 1, "Web": 2}[usage]
    story.pages.open(f"pages/collection_download.php?collection={collection}&usage={number}")
    assert "stay out of this download: 1" in story.pages.page.locator(".FaceleaseWarning").inner_text()
    story.pages.page.select_option("#downloadsize", "original")
    with story.pages.page.expect_download(timeout=60_000) as coming:
        story.pages.page.locator(".QuestionSubmit input").last.click()
    with zipfile.ZipFile(coming.value.path()) as archive:
        names = archive.namelist()
        text = next(name for name in names if name.endswith(".txt"))
        return names, archive.read(text).decode()
