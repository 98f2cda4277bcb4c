"""Leaving faces out in the DAM's own page: the list of reasons, and all small figures in one act."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import shot
from tests.browser.marked import encoded, picture
from tests.browser.test_boxes import Host
from tests.php import quoted, run_php


@pytest.fixture
def host(chromium: Browser) -> Iterator[Host]:
    one = Host(chromium, 390)
    yield one
    one.close()


def content(path: Path, language: str, small: Any) -> str:
    """A large face, and eleven of whom it may be said that they are too small."""
    faces = [
        {
            "id": number,
            "box": [0.08 * (number - 1), 0.3, 0.05, 0.1],
            "state": "unmatched",
            "label": "unnamed",
            "small": number > 1,
        }
        for number in range(1, 13)
    ]
    faces[0] |= {"state": "dismissed", "again": True, "label": "left out: before there was a list: crowd"}
    said = {
        "state": "ok",
        "purpose": "communication",
        "people": [],
        "faces": faces,
        "why": [],
        "small": small,
        "channels": {"website": {"status": "unknown"}},
    }
    return run_php(
        f"$GLOBALS['preview'] = {quoted(str(path))};"
        f"facelease_render_panel(json_decode({quoted(json.dumps(said))}, true), 1, true);",
        language=language,
    )


@pytest.mark.parametrize("language", ["en", "nl"])
def test_all_small_figures_in_one_act(host: Host, tmp_path: Path, language: str) -> None:
    """One button for eleven; a single face goes out by a reason of the list only, too small only where it is."""
    image = picture("landscape")
    image.save(tmp_path / "one.png")
    for width in (1280, 390):
        host.page.set_viewport_size({"width": width, "height": 900})
        html = content(tmp_path / "one.png", language, {"count": 11, "newest": 12})
        page = host.show(html, encoded(image))
        shot(page, f"panel-small-{width}-{language}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    sent: list[dict[str, list[str]]] = []
    page.on("request", lambda one: sent.append(parse_qs(one.post_data or "")))
    first = page.locator(".FaceleaseFace").first
    assert first.locator("option").evaluate_all("all => all.map(one => one.value)") == [
        "",
        "no_person",
        "bystander",
        "objects",
        "other",
    ]
    first.locator("button").click()
    expect(first.locator("select")).to_be_focused()
    assert sent == [], "without a reason nothing leaves the page"
    first.locator("select").select_option("objects")
    with page.expect_request("**/panel"):
        first.locator("button").click()
    page.locator(".FaceleaseSmall button").wait_for()
    with page.expect_request("**/panel"):
        page.locator(".FaceleaseSmall button").click()
    acts = [(one["action"], one["face"], one["reason"]) for one in sent if "action" in one]
    assert acts == [(["dismiss"], ["1"], ["objects"]), (["dismiss_small"], ["12"], ["too_small"])]


@pytest.mark.parametrize(
    "small", [None, 7, [], {}, {"count": 1, "newest": 2}, {"count": "11", "newest": 2}, {"count": 3, "newest": "<b>"}]
)
def test_no_button_without_small_figures(tmp_path: Path, small: Any) -> None:
    """For one there is its own; and what is no number is none."""
    picture("landscape").save(tmp_path / "one.png")
    assert "dismiss_small" not in content(tmp_path / "one.png", "en", small)
