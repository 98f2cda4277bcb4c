"""Which part of a photograph a person may see."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

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


VIEW_JSON = TypeAdapter(PictureView)


def build_view(own: Box, others: Sequence[Box]) -> PictureView:
    """What the person with the face `own` may see of a photograph with other known faces."""
    left, top, width, height = own
    wide, high = (1 + 2 * _ASIDE) * width, (1 + _ABOVE + _BELOW) * height
    crop = left - _ASIDE * width, top - _ABOVE * height, wide, high
    return PictureView(crop, own, tuple(others))
