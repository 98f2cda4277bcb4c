"""Which part of a photograph a person may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from plugin.recognizer.pictures.boxes import Box

LONGEST = 480
"""px: of the longer side of what is shown."""

_ASIDE, _ABOVE, _BELOW = 0.4, 0.6, 0.9  # of the own face's sides, shown around it


@dataclass(frozen=True)
class PictureView:
    """What is visible: `crop` without `covers`; boxes in 0..1 of the upright original.

    `keep`: the own face, into which the margin around another does not reach.
    """

    crop: Box
    keep: Box
    covers: tuple[Box, ...] = ()
    longest: int = LONGEST

    def to_json(self) -> dict[str, object]:
        covers = [list(box) for box in self.covers]
        return {"crop": list(self.crop), "keep": list(self.keep), "covers": covers, "longest": self.longest}

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> "PictureView":
        covers = tuple(_parse_box(box) for box in tree["covers"])
        return cls(_parse_box(tree["crop"]), _parse_box(tree["keep"]), covers, int(tree["longest"]))


def _parse_box(sides: Sequence[float]) -> Box:
    left, top, width, height = sides
    return float(left), float(top), float(width), float(height)


def build_view(own: Box, others: Sequence[Box]) -> PictureView:
    """What the person with the face `own` may see of a photograph with other known faces."""
    left, top, width, height = own
    wide, high = (1 + 2 * _ASIDE) * width, (1 + _ABOVE + _BELOW) * height
    crop = left - _ASIDE * width, top - _ABOVE * height, wide, high
    return PictureView(crop, own, tuple(others))
