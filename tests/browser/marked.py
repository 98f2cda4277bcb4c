"""Pictures on which each face's place is a patch in a colour of its own, and where those lie on a page."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import Page

Box = tuple[float, float, float, float]
RATIOS = {"portrait": (2, 3), "landscape": (3, 2), "wide": (16, 9), "panorama": (6, 1), "tower": (1, 6)}
WIDTHS = (390, 768, 1280, 1920)
ZOOMS = (1.0, 1.5, 2.0)
FAR = 2.0  # px: farther than this a box does not lie on its face
BOXES: tuple[Box, ...] = (
    (0.30, 0.35, 0.20, 0.25),
    (0.0, 0.0, 0.04, 0.05),
    (0.955, 0.94, 0.045, 0.06),
    (0.70, 0.60, 0.12, 0.10),
)
"""A face in the middle, two small ones at opposite edges, and one beside; left, top, width, height in 0..1."""
COLOURS = ((220, 20, 20), (20, 60, 220), (20, 150, 20), (20, 190, 190))
"""Far from each other, and from every mixture of two colours that a frame is drawn in."""


def picture(ratio: str, longest: int = 900) -> Image.Image:
    """A grey picture of this ratio with a patch for each of BOXES."""
    across, down = RATIOS[ratio]
    scale = longest / max(across, down)
    made = Image.new("RGB", (round(across * scale), round(down * scale)), (200, 205, 200))
    draw = ImageDraw.Draw(made)
    for (left, top, width, height), colour in zip(BOXES, COLOURS, strict=True):
        x, y = left * made.width, top * made.height
        far = (round(x + width * made.width) - 1, round(y + height * made.height) - 1)
        draw.rectangle((round(x), round(y), *far), fill=colour)
    return made


def encoded(made: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    made.save(out, kind, **({"quality": 95, "subsampling": 0} if kind == "JPEG" else {}))
    return out.getvalue()


@dataclass
class Tally:
    """How many boxes were measured, and which lay too far off."""

    measured: int = 0
    worst: float = 0.0
    far: list[str] = field(default_factory=list)

    def add(self, where: str, off: float) -> None:
        self.measured += 1
        self.worst = max(self.worst, off)
        if not off <= FAR:
            self.far.append(f"{where}: {off:.1f} px")

    def __str__(self) -> str:
        far, worst = f"{len(self.far)} of {self.measured}", f"{self.worst:.1f} px"
        return f"farther than {FAR:.0f} px from their face {far}; worst {worst}"


Rect = dict[str, float]
_RECTS = """([picture, box]) => [...document.querySelectorAll(picture)].map(image => {
  const rect = one => { const r = one.getBoundingClientRect();
    return {x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height}; };
  return {image: rect(image), natural: image.naturalWidth / image.naturalHeight,
    boxes: [...image.parentNode.querySelectorAll(box)].map(one => ({...rect(one),
      seen: getComputedStyle(one).visibility === 'visible'}))};
})"""


def drawn(page: Page, image: str, box: str) -> list[dict[str, object]]:
    """Each picture that `image` selects, with the boxes beside it, in px of the whole page."""
    found: list[dict[str, object]] = page.evaluate(_RECTS, [image, box])
    return found


def off_picture(rect: Rect, image: Rect, box: Box) -> float:
    """How far the farthest edge of a box on the page is from where its face lies on the picture."""
    left, top, width, height = box
    x, y = image["x"] + left * image["width"], image["y"] + top * image["height"]
    right, bottom = x + width * image["width"], y + height * image["height"]
    return _farthest(rect, (x, y, right, bottom))


def off_pixels(rect: Rect, shot: Image.Image, scale: float, colour: Sequence[int]) -> float:
    """The same against the colour in a screenshot of the whole page: infinite where the patch is not to be seen."""
    near = np.abs(np.asarray(shot.convert("RGB"), dtype=int) - np.array(colour)).max(axis=2) < 60
    margin = 12 * scale
    x, y = rect["x"] * scale, rect["y"] * scale
    top, left = max(0, int(y - margin)), max(0, int(x - margin))
    part = near[top : int(y + rect["height"] * scale + margin), left : int(x + rect["width"] * scale + margin)]
    ys, xs = np.nonzero(part)
    if not len(xs):
        return float("inf")
    patch = (
        (left + xs.min()) / scale,
        (top + ys.min()) / scale,
        (left + xs.max() + 1) / scale,
        (top + ys.max() + 1) / scale,
    )
    return _farthest(rect, patch)


def _farthest(rect: Rect, edges: tuple[float, float, float, float]) -> float:
    mine = (rect["x"], rect["y"], rect["x"] + rect["width"], rect["y"] + rect["height"])
    return max(abs(one - other) for one, other in zip(mine, edges, strict=True))


def screenshot(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot(full_page=True)))


def sights() -> Iterator[tuple[int, float]]:
    """Each width of a window at each zoom."""
    return ((width, zoom) for width in WIDTHS for zoom in ZOOMS)
