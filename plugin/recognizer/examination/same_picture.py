"""Whether a face in a smaller picture is the one in the same place of a larger, and alike.

Compared at the smaller size, with brightness and contrast normalised: as a whole, and by details alone, which blurring,
pixelation, a bar and another face change most. Measured on thumbnails of 120 to 640 px made in four ways, of portraits
and groups: all faces pass; of those with an original blurred by a tenth of their width, cut into 10 blocks, barred or
replaced, almost none does (promise U1).
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from plugin.recognizer.engines.engine import Detections
from plugin.recognizer.pictures.boxes import Box
from plugin.recognizer.pictures.orientation import turn_box
from plugin.recognizer.pictures.pixels import Pixels

_SHAPE = 0.015  # of the ratio of the sides: thumbnails are whole pixels
_NEAR = 0.4  # of a face's width: how far apart the middles of one face on two pictures are
_ALIKE = ((14, 0.85, 0.74, 0.55), (24, 0.85, 0.84, 0.6), (50, 0.87, 0.85, 0.65), (10**6, 0.92, 0.88, 0.7))
"""Up to this width in px: likeness on the whole, of the details, and how much of the details is there, at least."""
_COMPARED = 32  # px: the widest at which faces are compared; on larger ones ways of reducing differ, not faces
_LEVELS = 6  # of brightness: what rounding changes
_DARK, _EVEN = 32, 8.0  # levels of grey: a bar beside a thumbnail's picture


@dataclass(frozen=True)
class MainPicture:
    """The main picture, upright, with its faces' boxes in 0..1."""

    pixels: Pixels
    boxes: tuple[Box, ...]

    @cached_property
    def small(self) -> NDArray[np.float32]:
        """The picture at the size for the comparison as a whole."""
        return _sample(self.pixels)


def to_relative(faces: Detections, pixels: Pixels) -> tuple[Box, ...]:
    """The boxes in 0..1 of the picture."""
    height, width = pixels.shape[:2]
    return tuple(
        (float(x) / width, float(y) / height, float(w) / width, float(h) / height) for x, y, w, h in faces.boxes
    )


def strip_bars(pixels: Pixels, main: Pixels) -> Pixels | None:
    """The picture without bars that change its shape from `main`'s; None for another shape."""
    height, width = pixels.shape[:2]
    wide = main.shape[1] / main.shape[0]
    if _is_same_shape(width / height, wide, min(width, height)):
        return pixels
    if width / height < wide:
        bar = round((height - width / wide) / 2)
        inner, bars = pixels[bar : height - bar], (pixels[: bar - 1], pixels[height - bar + 1 :])
    else:
        bar = round((width - height * wide) / 2)
        inner, bars = pixels[:, bar : width - bar], (pixels[:, : bar - 1], pixels[:, width - bar + 1 :])
    if not inner.size or any(one.size and (one.mean() > _DARK or one.std() > _EVEN) for one in bars):
        return None
    return inner if _is_same_shape(inner.shape[1] / inner.shape[0], wide, min(inner.shape[:2])) else None


def _is_same_shape(ratio: float, other: float, side: int) -> bool:
    return abs(ratio / other - 1) <= _SHAPE + 1.5 / side


def measure_likeness(pixels: Pixels, main: MainPicture) -> float:
    """How alike two pictures of one shape are as a whole, -1 to 1."""
    return float((_sample(pixels) * main.small).mean())


def _sample(pixels: Pixels) -> NDArray[np.float32]:
    step = max(1, min(pixels.shape[:2]) // 160)  # a sample of the px is enough, and many times as quick
    return _level(_resize(_to_grey(np.ascontiguousarray(pixels[::step, ::step])), (32, 32)))


def is_there(box: Box, pixels: Pixels, main: MainPicture) -> bool:
    """Whether the main picture has the face at `box` of `pixels`, of the same shape, in its place and alike."""
    if not has_face_at(box, main):
        return False
    wide, size = box[2] * pixels.shape[1], (pixels.shape[1], pixels.shape[0])
    part = min(1.0, _COMPARED / max(wide, 1), main.pixels.shape[1] / size[0])
    if part < 1:
        pixels = _resize(pixels, (max(1, round(size[0] * part)), max(1, round(size[1] * part))))
    return _is_alike(box, pixels, main.pixels, wide)


def is_unchanged(box: Box, pixels: Pixels, main: MainPicture) -> bool:
    """Whether the inner half of a face at `box` equals the main picture's, of the same size."""
    height, width = pixels.shape[:2]
    left, top = round((box[0] + box[2] / 4) * width), round((box[1] + box[3] / 4) * height)
    right, bottom = round((box[0] + box[2] * 0.75) * width), round((box[1] + box[3] * 0.75) * height)
    inner = np.s_[max(0, top) : bottom, max(0, left) : right]
    if pixels.shape != main.pixels.shape or not pixels[inner].size:
        return False
    return float(np.mean(cv2.absdiff(pixels[inner], main.pixels[inner]) > _LEVELS)) < 0.1


def has_face_at(box: Box, main: MainPicture) -> bool:
    """Whether the main picture has a face at this box."""
    return any(_is_near(box, other) for other in main.boxes)


def turn_back(box: Box, back: tuple[int, ...]) -> Box:
    """The box after these turns."""
    for orientation in back:
        box = turn_box(box, orientation)
    return box


def _is_near(box: Box, other: Box) -> bool:
    across = abs(box[0] + box[2] / 2 - other[0] - other[2] / 2)
    down = abs(box[1] + box[3] / 2 - other[1] - other[3] / 2)
    wide, high = max(box[2], other[2]), max(box[3], other[3])
    return across <= wide * _NEAR and down <= high * _NEAR and 0.5 <= box[2] / max(other[2], 1e-6) <= 2


def _is_alike(box: Box, pixels: Pixels, main: Pixels, wide: float) -> bool:
    height, width = pixels.shape[:2]
    left, top = max(0, int(box[0] * width)), max(0, int(box[1] * height))
    right, bottom = (
        min(width, -int(-(box[0] + box[2]) * width // 1)),
        min(height, -int(-(box[1] + box[3]) * height // 1)),
    )
    if right - left < 4 or bottom - top < 4:
        return False
    room = max(2, (right - left) // 8)
    around = (max(0, left - room), max(0, top - room), min(width, right + room), min(height, bottom + room))
    face, place = _to_grey(pixels[top:bottom, left:right]), _to_grey(_cut_out(main, around, (width, height)))
    _, _, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(place, face, cv2.TM_CCOEFF_NORMED))
    there = place[y : y + bottom - top, x : x + right - left]
    return _is_agreeing(there, face, wide) or _is_agreeing(_match_tones(there, face), face, wide)


def _match_tones(there: Pixels, face: Pixels) -> Pixels:
    """The part of the main picture with the other's tones, for maps of highlights."""
    steps = int(np.clip(face.size // 40, 4, 32))
    step = there.astype(np.intp) * steps // 256
    many = np.bincount(step.ravel(), minlength=steps)
    mean = np.bincount(step.ravel(), weights=face.ravel(), minlength=steps) / np.maximum(many, 1)
    known = np.flatnonzero(many)
    return np.interp(there, (known + 0.5) * 256 / steps, mean[known]).astype(np.uint8)


def _cut_out(main: Pixels, around: tuple[int, int, int, int], size: tuple[int, int]) -> Pixels:
    """The same part of the main picture, at its size in a picture of `size`."""
    across, down = main.shape[1] / size[0], main.shape[0] / size[1]
    left, top, right, bottom = around
    part = main[int(top * down) : round(bottom * down), int(left * across) : round(right * across)]
    return _resize(part, (right - left, bottom - top))


def _resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    how = cv2.INTER_AREA if pixels.shape[1] > size[0] else cv2.INTER_LINEAR
    return cv2.resize(pixels, size, interpolation=how)  # type: ignore[return-value]


def _is_agreeing(there: Pixels, face: Pixels, wide: float) -> bool:
    first, second = _level(there), _level(face)
    blur = max(0.8, face.shape[1] / 10)
    fine = [one - cv2.GaussianBlur(one, (0, 0), blur) for one in (first, second)]
    spread = float(fine[0].std()), float(fine[1].std())
    details = float((fine[0] * fine[1]).mean()) / max(spread[0] * spread[1], 1e-6)
    whole, least, much = next(limits for most, *limits in _ALIKE if wide < most)
    return float((first * second).mean()) >= whole and details >= least and spread[0] >= much * spread[1]


def _to_grey(pixels: Pixels) -> Pixels:
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]


def _level(grey: Pixels) -> NDArray[np.float32]:
    """Mean 0, deviation 1."""
    values: NDArray[np.float32] = grey.astype(np.float32)
    values -= values.mean()
    return values / np.float32(max(float(values.std()), 1e-6))
