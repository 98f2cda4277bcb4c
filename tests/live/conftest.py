"""Tests on a real ResourceSpace in a real browser; without one they are not collected."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.doubles.resourcespace_house import Server
from tests.live.given import Given, Sidecar, bin_all, forget
from tests.live.office import Office
from tests.live.pages import Pages
from tests.live.story import ASA, Story

_GIVEN = Given.read()
collect_ignore_glob = [] if _GIVEN else ["test_*.py"]
if _GIVEN and not _GIVEN.signin_secret:
    collect_ignore_glob.append("test_team_centre.py")
if _GIVEN and not (_GIVEN.signin_secret and _GIVEN.editors):
    collect_ignore_glob.append("test_identity.py")
if _GIVEN and not _GIVEN.asks_usage:
    collect_ignore_glob.append("test_downloads.py")


@pytest.fixture(scope="session")
def given() -> Given:
    """The server that was given."""
    assert _GIVEN
    return _GIVEN


@pytest.fixture(scope="session")
def server(given: Given) -> Server:
    """Its API, as its Super Admin reaches it."""
    return given.server()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, or the one that FACELEASE_CHROMIUM names."""
    with sync_playwright() as playwright:
        path = os.environ.get("FACELEASE_CHROMIUM", "/usr/bin/chromium")
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go: FACELEASE_LIVE_PICTURES, to renew those of the documents."""
    return Path(os.environ.get("FACELEASE_LIVE_PICTURES") or tmp_path)


@pytest.fixture
def pages(browser: Browser, given: Given, pictures: Path) -> Iterator[Pages]:
    """The server's own pages, signed in."""
    context = browser.new_context(viewport={"width": 1180, "height": 1500}, locale="en-GB")
    page = context.new_page()
    opened = Pages(page, given, pictures)
    opened.sign_in()
    yield opened
    context.close()


@pytest.fixture
def sidecar(given: Given, tmp_path: Path) -> Iterator[Sidecar]:
    """A sidecar with an empty store, running; the server's pages ask it, whatever they learned of the one before."""
    with Sidecar(tmp_path, given) as running:
        running.up()
        Office(given).post("plugins/facelease/pages/setup.php", facelease_test="true")
        yield running


@pytest.fixture
def story(server: Server, sidecar: Sidecar, pages: Pages, tmp_path: Path) -> Iterator[Story]:
    """A server on which nobody is called Åsa Sample, before and after; what a test uploads goes again."""
    forget(server, ASA)
    told = Story(server, sidecar, pages, tmp_path)
    with ExitStack() as stack:
        stack.callback(lambda: forget(server, ASA))
        stack.callback(lambda: bin_all(server, told.refs))
        stack.callback(told.end_collections)
        yield told
