"""A small JPEG of a picture for a person to look at: whole, or close around one face. Kept nowhere."""

import threading
from pathlib import Path

import cv2

from plugin.errors import PictureError
from plugin.recognizer.decode import Limits, Pixels, decode

Box = tuple[float, float, float, float]

CLOSE_PX = 320
_AROUND = 0.6  # of the face's width, on each side of it
_SOURCE_PX = 2400  # enough for a close look at a face that is a seventh of the picture
_QUALITY = 85

_one = (
    threading.Lock()
)  # one picture at a time is decoded here: its memory is bounded, and Pillow's settings are


def whole(source: Path | bytes, longest: int, limits: Limits) -> bytes:
    """The upright picture, its longest side at most `longest` px. Raises PictureError."""
    with _one:
        return _jpeg(_fit(decode(source, longest, limits).pixels, longest))


def close(source: Path | bytes, box: Box, limits: Limits) -> bytes:
    """The surroundings of one face, at most CLOSE_PX wide. Raises PictureError."""
    with _one:
        pixels = decode(source, _SOURCE_PX, limits).pixels
        return _jpeg(_fit(_around(pixels, box), CLOSE_PX))


def _around(pixels: Pixels, box: Box) -> Pixels:
    height, width = pixels.shape[:2]
    left, top, across, down = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    margin = _AROUND * across
    x, y = max(int(left - margin), 0), max(int(top - margin), 0)
    part = pixels[y : int(top + down + margin) + 1, x : int(left + across + margin) + 1]
    if part.size == 0:
        raise PictureError("the face lies outside the picture: scan the photograph again")
    return part


def _fit(pixels: Pixels, longest: int) -> Pixels:
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype("uint8")


def _jpeg(pixels: Pixels) -> bytes:
    made, body = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not made:
        raise PictureError("the picture cannot be shown small")
    return body.tobytes()
