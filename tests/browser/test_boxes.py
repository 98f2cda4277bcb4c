"""G3: a box lies on its face, in the panel of the DAM and on every page of ours, however wide, however zoomed."""

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect
from sqlalchemy import insert

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.review import face_decisions
from plugin.flows.views.review import face_preview
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from tests import staff, support
from tests.browser.conftest import Opened, shot
from tests.browser.marked import (
    BOXES,
    COLOURS,
    RATIOS,
    WIDTHS,
    Tally,
    drawn,
    encoded,
    off_picture,
    off_pixels,
    picture,
    screenshot,
    sights,
)
from tests.browser.test_console import come_in
from tests.php import PLUGIN, quoted, run_php

Promise = Callable[[str, str], None]
PANEL = ".FaceleasePicture > img"
HOST = "https://dam.example"


# ---- the panel in the DAM --------------------------------------------------------------------------


def rendered(path: Path, boxes: tuple[tuple[float, ...], ...] = BOXES) -> str:
    """The panel's content, as PHP makes it for a preview that lies at `path`."""
    faces = [
        {"id": number, "box": list(box), "state": "unmatched", "label": "unnamed"}
        for number, box in enumerate(boxes, 1)
    ]
    said = {
        "state": "ok",
        "purpose": "communication",
        "people": [],
        "faces": faces,
        "why": [],
        "channels": {"website": {"status": "unknown"}},
    }
    return run_php(
        f"$GLOBALS['preview'] = {quoted(str(path))};"
        f"facelease_render_panel(json_decode({quoted(json.dumps(said))}, true), 1, true);"
    )


class Host:
    """A page of the DAM with our panel: our own style, script and markup, filled as there."""

    def __init__(self, browser: Browser, width: int = 1280, zoom: float = 1.0, direction: str = "ltr") -> None:
        # A page that is zoomed to 150 % has fewer px, each 1.5 times as large.
        size: ViewportSize = {"width": round(width / zoom), "height": round(900 / zoom)}
        self.zoom = zoom
        self._context = browser.new_context(viewport=size, device_scale_factor=zoom)
        self.page = self._context.new_page()
        self._direction = direction
        self._content, self._picture = "", b""
        self.fails = False
        self.page.route(f"{HOST}/**", self._answer)

    def close(self) -> None:
        self._context.close()

    def show(self, content: str, body: bytes, wait: bool = True) -> Page:
        self._content, self._picture = content, body
        self.page.goto(f"{HOST}/view")
        self.page.locator(".FaceleaseSides").wait_for()
        if wait:
            self.page.wait_for_function("[...document.images].every(i => i.complete)")
        return self.page

    def _answer(self, route: Route) -> None:
        url = route.request.url
        if url.endswith("/view"):
            route.fulfill(body=self._view(), content_type="text/html")
        elif url.endswith("/panel"):
            route.fulfill(body=self._content, content_type="text/html")
        elif self.fails:
            route.abort()
        else:
            route.fulfill(body=self._picture, content_type="image/png")

    def _view(self) -> str:
        css, script = ((PLUGIN / name).read_text() for name in ("css/style.css", "js/panel.js"))
        panel = f'<div class="FaceleasePanel" data-url="{HOST}/panel" data-ref="1" data-csrf="{{}}" data-failed="no">'
        return (
            f'<!doctype html><html dir="{self._direction}"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><style>{css}</style><script>{script}</script>'
            f'<div class="RecordBox"><div class="RecordPanel">{panel}</div></div></div><script>faceleaseFill()</script>'
        )


def suggested() -> str:
    """The panel's content with two faces that wait for a yes."""
    faces = [
        {"id": number, "box": list(box), "state": "suggested", "label": "perhaps: Bo Sample", "person": "Bo Sample"}
        for number, box in enumerate(BOXES[:2], 1)
    ]
    said = {"state": "ok", "purpose": "communication", "people": [], "faces": faces, "why": [], "channels": {}}
    return run_php(f"facelease_render_panel(json_decode({quoted(json.dumps(said))}, true), 1, true);")


@pytest.fixture
def host(chromium: Browser) -> Iterator[Callable[..., Host]]:
    opened: list[Host] = []

    def fresh(*given: Any, **more: Any) -> Host:
        opened.append(Host(chromium, *given, **more))
        return opened[-1]

    yield fresh
    for one in opened:
        one.close()


def measure(tally: Tally, page: Page, where: str, image: str, box: str, zoom: float | None = None) -> None:
    """Each box on the page against its picture; and, where `zoom` is given, against the pixels of the page."""
    found = drawn(page, image, box)
    assert found, where
    seen = screenshot(page) if zoom else None
    for one in found:
        rect: Any = one["image"]
        natural: Any = one["natural"]
        assert abs(rect["width"] / rect["height"] / natural - 1) < 0.03, f"{where}: the picture is not as it is"
        boxes: Any = one["boxes"]
        assert len(boxes) == len(BOXES), where
        for number, (drawn_box, face) in enumerate(zip(boxes, BOXES, strict=True)):
            assert drawn_box["seen"], where
            tally.add(f"{where} {number}", off_picture(drawn_box, rect, face))
            if seen is not None and zoom:
                tally.add(f"{where} {number} px", off_pixels(drawn_box, seen, zoom, COLOURS[number]))


def test_boxes_of_the_panel_lie_on_their_faces(host: Callable[..., Host], tmp_path: Path, promise: Promise) -> None:
    """At four widths and three zooms, of five ratios; by the picture's place and by the pixels that are painted."""
    tally = Tally()
    made = {name: picture(name) for name in RATIOS}
    content = {}
    for name, image in made.items():
        image.save(tmp_path / f"{name}.png")
        content[name] = rendered(tmp_path / f"{name}.png")
    for width, zoom in sights():
        window = host(width, zoom)
        for name, image in made.items():
            page = window.show(content[name], encoded(image))
            measure(tally, page, f"{name} {width} x{zoom}", PANEL, ".FaceleaseBox", zoom)
            if zoom == 1.0:
                shot(page, f"panel-{name}-{width}")
        window.close()
    promise("G3", f"the panel in the DAM: boxes {tally}")
    assert tally.far == []


def test_boxes_do_not_turn_with_the_script_and_not_with_a_small_preview(
    host: Callable[..., Host], tmp_path: Path
) -> None:
    """From right to left, and of a preview smaller than it is shown, or of another size than was measured."""
    tally = Tally()
    for direction, longest in (("rtl", 900), ("ltr", 90), ("rtl", 300)):
        for name in RATIOS:
            image = picture(name, longest)
            image.save(tmp_path / "one.png")
            window = host(768, direction=direction)
            page = window.show(rendered(tmp_path / "one.png"), encoded(picture(name, 900)))
            measure(tally, page, f"{direction} {longest} {name}", PANEL, ".FaceleaseBox")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            window.close()
    assert tally.far == []


def test_no_box_over_a_picture_that_is_not_there(host: Callable[..., Host], tmp_path: Path) -> None:
    """While it loads, and where it fails."""
    image = picture("landscape")
    image.save(tmp_path / "one.png")
    content = rendered(tmp_path / "one.png")
    failing = host()
    failing.fails = True
    page = failing.show(content, b"")
    expect(page.locator(".FaceleaseBox").first).to_be_hidden()
    assert not page.locator(PANEL).is_visible()
    loading = host()
    loading.page.route("**/?a=1*", lambda route: None)  # never answered
    page = loading.show(content, b"", wait=False)
    assert page.locator(".FaceleaseBox").count() == len(BOXES)
    for box in page.locator(".FaceleaseBox").all():
        expect(box).to_be_hidden()


def test_the_picture_stays_in_sight_beside_many_faces(host: Callable[..., Host], tmp_path: Path) -> None:
    """While any of eleven faces is answered: picture and answers in one window, without scrolling."""
    image = picture("landscape")
    image.save(tmp_path / "one.png")
    many = tuple((0.08 * n, 0.3, 0.05, 0.1) for n in range(11))
    for width in (390, 1280):
        page = host(width).show(rendered(tmp_path / "one.png", many), encoded(image))
        for number in range(1, len(many) + 1):
            page.locator(f".FaceleaseChip[data-show='{number}']").click()
            answers = page.locator(f".FaceleaseFace[data-face='{number}'] button")
            for one in (page.locator(PANEL), *answers.all()):
                rect = one.bounding_box()
                assert rect
                assert rect["y"] > -1, (width, number)
                assert rect["y"] + rect["height"] < 900, (width, number)
            assert answers.count() > 0
            assert page.locator(".FaceleaseBox.FaceleaseNow").get_attribute("data-face") == str(number)
        assert page.evaluate("scrollY") == 0, width
        shot(page, f"panel-eleven-{width}")


def test_a_box_is_cut_off_at_the_edge_of_the_picture(tmp_path: Path) -> None:
    """Of a face that reaches beyond it; one that lies outside, or is none, has no box."""
    image = picture("landscape")
    image.save(tmp_path / "one.png")
    edges = ((-0.05, 0.9, 0.2, 0.2), (0.95, -0.1, 0.2, 0.2), (1.2, 0.1, 0.1, 0.1), (0.1, 0.1, 0.0, 0.1))
    styles = re.findall(r'FaceleaseBox[^"]*" data-face="\d+" style="([^"]+)"', rendered(tmp_path / "one.png", edges))
    assert styles == ["left:0%;top:90%;width:15%;height:10%", "left:95%;top:0%;width:5%;height:10%"]


# ---- our own pages ---------------------------------------------------------------------------------


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner, port: int) -> Iterator[Services]:
    """A house that is served on that port."""
    tables = {"server": {"public_url": f"http://127.0.0.1:{port}"}, "site": {"name": "Sample museum"}}
    with support.opened(staff.configuration(tmp_path, **tables), clock, examiner) as open_:
        yield open_


# How the pixels of a file are stored for each EXIF orientation, so that it is seen upright.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def enter(services: Services, photos: Path, ratio: str, orientation: int, box: int) -> int:
    """A photograph in the library on which one face waits; its number."""
    made, turn = picture(ratio, 1400), STORED[orientation]
    stored = made if turn is None else made.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = photos / "shoot" / f"{ratio}-{orientation}-{box}.jpg"
    stored.save(path, quality=95, subsampling=0, exif=exif)
    support.settle(path)
    ref = f"shoot/{path.name}"
    version = services.dam.look(ref).file_version
    left, top, width, height = BOXES[box]
    with services.store.write() as tx:
        about = {"ref": ref, "file_version": version, "kind": "photo", "examined": "whole", "seen_at": tx.now}
        key = tx.execute(insert(t.resource).values(**about)).inserted_primary_key
        assert key is not None
        made_face = tx.execute(
            insert(t.face).values(
                resource_id=int(key[0]),
                file_version=version,
                left=left,
                top=top,
                width=width,
                height=height,
                width_px=90,
                state="unmatched",
                created_at=tx.now,
            )
        ).inserted_primary_key
        assert made_face is not None
    return int(made_face[0])


def test_boxes_on_the_review_page_lie_on_their_faces(
    services: Services, cast: support.Cast, clock: ManualClock, photos: Path, on: Opened, promise: Promise
) -> None:
    """Every ratio and every EXIF orientation, at every width and zoom."""
    cast.open_collection(mode=Mode.DETECT)
    by_id = {}
    for number in range(10):  # each ratio, each orientation, each box
        key = (list(RATIOS)[number % 5], 1 + number % 8, number % len(BOXES))
        by_id[enter(services, photos, *key)] = key
    tally = Tally()
    page = on("desktop")
    come_in(page, services, clock, "editor")
    for width, zoom in sights():
        page.set_viewport_size({"width": round(width / zoom), "height": round(900 / zoom)})
        for face in by_id:
            page.goto(f"/console/review/{face}")
            expect(page.locator(".shot.shown")).to_have_count(1)
            key = by_id[face]
            lies(tally, page, ".shot > img", key, f"{key} {width} x{zoom}", bare(page))
            if zoom == 1.0:
                shot(page, f"review-{width}-{tally.measured}")
    promise("G3", f"the review page: boxes {tally}")
    assert tally.far == []
    assert tally.measured >= len(by_id) * len(list(sights()))


def bare(page: Page) -> Image.Image:
    """The whole page without frames: they cover the patches' own edges."""
    page.evaluate("document.querySelectorAll('.shot svg').forEach(one => { one.style.opacity = 0; })")
    return screenshot(page)


def lies(
    tally: Tally, page: Page, image: str, key: tuple[str, int, int], where: str, seen: Image.Image | None = None
) -> None:
    """The one box over this picture, against the picture's place; and against the pixels, where they are given."""
    ratio, _, number = key
    (one,) = drawn(page, image, "rect:not(.under)")
    rect: Any = one["image"]
    boxes: Any = one["boxes"]
    (box,) = boxes
    across, down = RATIOS[ratio]
    assert abs(rect["width"] / rect["height"] / (across / down) - 1) < 0.03, where
    assert box["seen"], where
    tally.add(where, off_picture(box, rect, BOXES[number]))
    if seen is not None and min(box["width"], box["height"]) > 4:  # smaller ones are lost in the JPEG's own colour
        tally.add(f"{where} px", off_pixels(box, seen, 1.0, COLOURS[number]))


def test_cuttings_show_their_face_upright(
    services: Services, cast: support.Cast, photos: Path, promise: Promise
) -> None:
    """What is around a face has that face in its middle, whatever the orientation of the file."""
    cast.open_collection(mode=Mode.DETECT)
    wrong, tried = [], 0
    for ratio in RATIOS:
        for orientation in STORED:
            face = enter(services, photos, ratio, orientation, 0)
            with tempfile.SpooledTemporaryFile() as file:
                file.write(face_preview.render_face(services, face, close=True))
                file.seek(0)
                cut = np.asarray(Image.open(file).convert("RGB"), dtype=int)
            tried += 1
            middle = cut[cut.shape[0] // 2, cut.shape[1] // 2]
            edge = cut[cut.shape[0] // 10, cut.shape[1] // 10]
            if np.abs(middle - COLOURS[0]).max() > 40 or np.abs(edge - COLOURS[0]).max() < 40:
                wrong.append((ratio, orientation))
    promise("G3", f"cuttings beside their face {len(wrong)} of {tried}")
    assert wrong == []


def test_no_box_on_a_review_page_whose_picture_fails(
    services: Services, cast: support.Cast, clock: ManualClock, photos: Path, on: Opened
) -> None:
    """The frame comes with the picture."""
    cast.open_collection(mode=Mode.DETECT)
    face = enter(services, photos, "landscape", 1, 0)
    page = on("desktop")
    come_in(page, services, clock, "editor")
    page.route("**/photo.jpg", lambda route: route.abort())
    page.goto(f"/console/review/{face}")
    page.wait_for_load_state("networkidle")
    expect(page.locator(".shot svg")).to_have_css("visibility", "hidden")


def test_boxes_on_the_photographs_page_and_of_the_large_face_lie_on_their_faces(
    services: Services, cast: support.Cast, clock: ManualClock, photos: Path, on: Opened, promise: Promise
) -> None:
    """The page of a photograph, and the dialog in which the light table opens a face; each ratio, each orientation."""
    cast.open_collection(mode=Mode.DETECT)
    keys = [(list(RATIOS)[number % 5], 1 + number, number % len(BOXES)) for number in range(len(STORED))]
    faces = [enter(services, photos, *key) for key in keys]
    tally = Tally()
    page = on("desktop")
    come_in(page, services, clock, "editor")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for face, key in zip(faces, keys, strict=True):
            page.goto(f"/console/photographs/{face_decisions.find_face(services, face).resource_id}")
            expect(page.locator(".shot.shown")).to_have_count(1)
            lies(tally, page, ".shot > img", key, f"photograph {key} {width}", bare(page))
        page.goto("/console/review?list=unmatched")
        for face, key in zip(faces, keys, strict=True):
            page.locator(f"#face-{face} .open").click()
            expect(page.locator("#large .shot.shown")).to_have_count(1)
            lies(tally, page, "#large .shot > img", key, f"large {key} {width}")
            page.keyboard.press("Escape")
    promise("G3", f"photographs and large faces: boxes {tally}")
    assert tally.far == []


def test_no_other_page_of_ours_draws_over_a_picture() -> None:
    """Whoever adds one measures it: here, or where its page is tried (the demonstration's start page)."""
    root = Path(__file__).parents[2] / "sidecar"
    overlays = re.compile(r"<svg|<rect|<map\b|<area\b|<canvas|\bstyle=")
    drawing = {
        str(path.relative_to(root / "templates"))
        for path in (root / "templates").rglob("*.html")
        if overlays.search(path.read_text())
    }
    measured = {"console/review_macros.html", "console/light_table.html", "console/photo.html", "demo/now.html"}
    assert drawing - measured == {"sign/form.html", "console/person.html"}  # a signature, and a line of time
    assert "canvas" in (root / "templates/sign/form.html").read_text()
    assert not re.search(r"<(img|canvas|map)\b", (root / "templates/console/person.html").read_text())
    boxed = [path.name for path in (root / "static").glob("*.css") if re.search(r"\.shot\b", path.read_text())]
    assert sorted(boxed) == ["console.css", "light_table.css", "start.css"]


def test_after_a_decision_by_keyboard_the_focus_is_kept(host: Callable[..., Host]) -> None:
    """On the next face that waits, from where Tab goes on; not on a button, which a second Enter would press."""
    page = host().show(suggested(), b"", wait=False)
    page.locator(".FaceleaseChip[data-show='2']").focus()
    page.keyboard.press("Enter")
    page.locator(".FaceleaseFace[data-face='2'] button[data-action=confirm]").focus()
    with page.expect_request("**/panel") as sent:
        page.keyboard.press("Enter")
    assert "action=confirm" in (sent.value.post_data or "")
    page.wait_for_function("document.activeElement.matches('.FaceleaseFace[data-face=\"1\"]')")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/panel") else None)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.FaceleaseFace').dataset.face") == "1"
    assert asked == []
