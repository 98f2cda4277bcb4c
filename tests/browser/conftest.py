"""The pages in a real browser: a server on this machine, the system's Chromium, at a phone's size and a desktop's."""

import os
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from plugin.flows.common.services import Services
from tests import staff, visiting
from tests.processes import free_port

SIZES = {"phone": (390, 844), "desktop": (1280, 900), "wide": (1920, 1080)}
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for the whole run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def port() -> int:
    """A free port: where hand-overs are made for an address, it stands in the configuration."""
    return free_port()


@pytest.fixture
def address(services: Services, port: int) -> Iterator[str]:
    """Where the house is served; with a console, where its DAM has accounts."""
    app = visiting.app_of(staff.with_accounts(services))
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    thread.join()


Opened = Callable[..., Page]


@pytest.fixture
def on(chromium: Browser, address: str) -> Iterator[Opened]:
    """`on("phone", "nl")`: a page of a fresh browser of that size and language."""
    contexts: list[BrowserContext] = []

    def fresh(size: str = "phone", language: str = "en", **more: Any) -> Page:
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height}, locale=language, base_url=address, **more
        )
        contexts.append(context)
        return context.new_page()

    yield fresh
    for context in contexts:
        context.close()


SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def serious(page: Page) -> list[str]:
    """What axe-core finds on the page that keeps somebody out, in light and in dark."""
    found: list[str] = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += [
            f"{scheme}: {one['id']}: {one['help']} ({node['html'][:120]})"
            for one in Axe().run(page).response["violations"]
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]
    page.emulate_media(color_scheme="light")
    return found


def shot(page: Page, name: str) -> None:
    """Keep a picture of the page, light and dark, where FACELEASE_SHOTS names a folder."""
    folder = os.environ.get("FACELEASE_SHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=str(Path(folder) / f"{name}-{scheme}.png"), full_page=True)
        page.emulate_media(color_scheme="light")


def picture(page: Page, name: str, width: int = 960) -> None:
    """Keep what the window shows as a picture for the documents, small, where FACELEASE_PICTURES names a folder."""
    folder = os.environ.get("FACELEASE_PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with Image.open(BytesIO(page.screenshot())) as shown:
            height = shown.height * width // shown.width
            small = shown.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
            small.quantize(96).save(Path(folder) / f"{name}.png", optimize=True)
