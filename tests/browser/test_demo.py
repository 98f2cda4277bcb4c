"""The demonstration as somebody sees it who just typed ./run demo: one link, and three things to try."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import picture, serious, shot
from tests.browser.marked import FAR, drawn, off_picture
from tests.browser.test_sign import draw, fits
from tests.processes import free_port, hand_on_interrupts

ROOT = Path(__file__).parents[2]
SECONDS = 30_000  # ms: a worker of its own takes up what was decided


@pytest.fixture
def told(tmp_path: Path) -> Iterator[list[str]]:
    """What the command prints until it serves; it serves with a worker until the test ends."""
    words = ["demo", "--folder", str(tmp_path / "shown"), "--port", str(free_port())]
    hand_on_interrupts()
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "sidecar", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "FACELEASE_DEMO_BEGUN": "1700000000"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if "End it with Ctrl-C" in " ".join(lines[-2:]):
            break
    yield lines
    process.send_signal(signal.SIGINT)
    process.wait(30)
    process.stdout.close()


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    """One browser, in which the visitor plays all three parts."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en", accept_downloads=True)
    yield context
    context.close()


def bearing(page: Page, name: str) -> int:
    """How many photographs of the start page bear this name now."""
    return page.locator(".names", has_text=name).count()


def expect_bearing(page: Page, name: str, count: int) -> None:
    """Wait until so many photographs bear the name, by nothing but the page's own looking."""
    expect(page.locator(".names", has_text=name)).to_have_count(count, timeout=SECONDS)


def test_b_signs_the_editor_says_yes_and_a_withdraws(told: list[str], visitor: BrowserContext, tmp_path: Path) -> None:
    """The names come and go on the start page, which is never loaded again; no word of it is wrong on the way."""
    said = "\n".join(told)
    assert "NOT" not in said
    assert max(map(len, told)) < 80
    (address,) = re.findall(r"http://\S+", said)
    faults: list[str] = []
    visitor.on("weberror", lambda error: faults.append(str(error.error)))
    visitor.on("console", lambda one: faults.append(f"{one.text} {one.location}") if one.type == "error" else None)
    start = visitor.new_page()
    start.goto(address)
    expect(start.get_by_role("heading", level=1)).to_have_text("Everything here is a sample")
    expect_bearing(start, "Sample person A", 4)
    assert bearing(start, "Sample person B") == 0
    shot(start, "demo-start-desktop-en")
    boxes_lie_on_their_faces(start)
    assert serious(start) == []
    assert fits(start)

    with start.expect_download() as download:
        start.get_by_role("link", name="Get the portrait of B").click()
    portrait = tmp_path / "portrait-of-B.jpg"
    download.value.save_as(portrait)
    with visitor.expect_page() as opened:
        start.get_by_role("link", name="Open B's form").click()
    sign_as_b(opened.value, portrait)
    expect(start.get_by_text("B has signed. Nobody has said yet")).to_be_visible(timeout=SECONDS)
    expect(start.get_by_text("1 face waits for the editor")).to_have_count(2, timeout=SECONDS)
    assert bearing(start, "Sample person B") == 0

    with visitor.expect_page() as opened:
        start.get_by_role("button", name="Sign in as the editor").click()
    vouch_as_editor(opened.value)
    expect_bearing(start, "Sample person B", 2)
    expect(start.get_by_text("somebody vouched for the portrait")).to_be_visible(timeout=SECONDS)
    shot(start, "demo-vouched-desktop-en")
    picture(start, "start")

    with visitor.expect_page() as opened:
        start.get_by_role("link", name="Open A's key").click()
    withdraw_as_a(opened.value)
    expect_bearing(start, "Sample person A", 0)
    expect(start.get_by_text("A has withdrawn")).to_be_visible()
    assert bearing(start, "Sample person B") == 2
    shot(start, "demo-withdrawn-desktop-en")
    assert serious(start) == []
    assert [one for one in faults if "favicon.ico" not in one] == []


def boxes_lie_on_their_faces(page: Page) -> None:
    """Each box of the start page, against the place and the shape of its picture."""
    attributes = "all => all.map(one => ['x', 'y', 'width', 'height'].map(name => Number(one.getAttribute(name))))"
    faces = page.locator(".shot rect").evaluate_all(attributes)
    shown: list[Any] = [one for one in drawn(page, ".shot img", "rect") if one["boxes"]]
    assert all(abs(one["image"]["width"] / one["image"]["height"] / one["natural"] - 1) < 0.03 for one in shown)
    boxes = [(box, one["image"]) for one in shown for box in one["boxes"]]
    assert boxes
    off = [off_picture(box, image, face) for (box, image), face in zip(boxes, faces, strict=True)]
    assert max(off) <= FAR


def sign_as_b(page: Page, portrait: Path) -> None:
    """On the signing form: every use, recognition, the portrait that was taken along, a name and a signature."""
    for label in ("Press", "Website", "Internal"):
        box = page.get_by_label(label)
        if box.count():
            box.check()
    page.get_by_label("I agree that my face is recognised").check()
    page.locator("input[type=file]").first.set_input_files(portrait)
    expect(page.locator(".verdicts .good")).to_contain_text("This photograph will do")
    page.get_by_label("Your first and last name").fill("Sample person B")
    page.locator(".verdicts .good").scroll_into_view_if_needed()
    picture(page, "signing")
    draw(page)
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("it is signed")
    page.close()


def vouch_as_editor(page: Page) -> None:
    """In the console, on the page where pictures wait to be vouched for: yes, once."""
    expect(page.get_by_role("link", name="Sample person B")).to_be_visible()
    shot(page, "demo-editor-desktop-en")
    vouching = page.url
    page.get_by_role("link", name="Review", exact=True).click()
    page.get_by_role("link", name=re.compile("Sample person B")).first.click()
    expect(page.locator("main img").first).to_be_visible()
    picture(page, "review")
    page.get_by_role("searchbox").or_(page.locator(".may input")).first.fill("shoot/together.jpg")
    page.keyboard.press("Enter")
    expect(page.locator("main img").first).to_be_visible()
    picture(page, "photograph")
    page.goto(vouching)
    page.get_by_label("I have met them").check()
    page.get_by_role("button", name="The pictures show Sample person B").click()
    expect(page.locator(".empty")).to_be_visible()
    page.close()


def withdraw_as_a(page: Page) -> None:
    """On the page that the key opens."""
    page.get_by_role("link", name="End all of it").click()
    page.get_by_role("button", name="Yes, withdraw").click()
    page.close()
