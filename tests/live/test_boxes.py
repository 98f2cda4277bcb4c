"""G3 on a real server: on landscape photographs of real faces each box lies on its face, in the server's own page."""

from collections.abc import Callable
from functools import partial
from typing import Any

from PIL import Image
from playwright.sync_api import expect

from sidecar.commands.demo import samples
from tests.browser.marked import WIDTHS, Tally, drawn, off_picture
from tests.live.given import until
from tests.live.story import Story

Promise = Callable[[str, str], None]
GROUPS = {
    "two": (samples.A_STANDING, samples.B_STANDING),
    "four": (samples.A_STANDING, samples.B_STANDING, samples.A_FRONT, samples.A_SPEECH),
    "one": (samples.B_STANDING,),
}
_SAID = """() => [...document.querySelectorAll('.FaceleaseBox')].map(one =>
  ['left', 'top', 'width', 'height'].map(side => parseFloat(one.style[side]) / 100))"""


def boxed(story: Story, ref: str, faces: int) -> bool:
    return story.pages.view(ref).locator(".FaceleaseBox").count() == faces


def test_boxes_lie_on_real_faces(story: Story, promise: Promise) -> None:
    """Portrait, landscape and wide, at four widths: as the sidecar told them, on the picture as it is painted."""
    collection = story.collection()
    story.pages.choose(collection, "detect")
    tally = Tally()
    for name, prefixes in GROUPS.items():
        ref = story.put(collection, story.together(f"{name}.jpg", *prefixes))
        until(partial(boxed, story, ref, len(prefixes)))
        for width in WIDTHS:
            story.pages.page.set_viewport_size({"width": width, "height": 900})
            story.pages.view(ref)
            expect(story.pages.page.locator(".FaceleasePicture.FaceleaseShown")).to_have_count(1)
            told = story.pages.page.evaluate(_SAID)
            (one,) = drawn(story.pages.page, ".FaceleasePicture > img", ".FaceleaseBox")
            image: Any = one["image"]
            natural: Any = one["natural"]
            boxes: Any = one["boxes"]
            assert abs(image["width"] / image["height"] / natural - 1) < 0.03
            assert len(boxes) == len(told) == len(prefixes)
            for number, (box, face) in enumerate(zip(boxes, told, strict=True)):
                assert box["seen"]
                tally.add(f"{name} {width} {number}", off_picture(box, image, face))
            file = story.folder / f"{name}-{width}.png"
            story.pages.page.locator(".FaceleasePicture").screenshot(path=str(file))
            with Image.open(file) as seen:
                assert len(seen.getcolors(1 << 24) or []) > 1000  # a photograph, not an empty frame
            story.pages.picture(f"boxes-{name}-{width}", ".RecordBox:has(.FaceleasePanel)")
    promise("G3", f"on a real server: boxes {tally}")
    assert tally.far == []
