"""A small picture of one person from a photograph, without any other known face.

It is always cropped to the person's face with a small margin: the detector may have missed somebody elsewhere. Every
other known face is painted over before scaling, so that none of its pixels contributes.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from plugin.recognizer.examination.view import PictureView
from plugin.recognizer.pictures.boxes import Box
from plugin.recognizer.pictures.decode import Limits, decode
from plugin.recognizer.pictures.pixels import Pixels

_DECODED = 1920  # px: enough for a face that is a small part of the photograph
_GREY = (214, 209, 205)
_AROUND = 0.35  # of a face's width and height: hair and ears lie outside the box that a detector draws
_BLEED = 4  # px: colour of a JPEG reaches that far beyond an edge, for it is kept at half the size
_QUALITY = 82


def draw_likeness(source: Path | bytes, view: PictureView, limits: Limits) -> bytes:
    """The JPEG of `view` of the picture, without metadata. Raises PictureError, PictureTooLarge."""
    pixels = decode(source, _DECODED, limits).pixels.copy()
    _cover(pixels, view)
    left, top, right, bottom = _to_pixels(view.crop, pixels)
    return _encode_jpeg(pixels[top:bottom, left:right], view.longest)


def _cover(pixels: Pixels, view: PictureView) -> None:
    """Paint over the other faces: with a margin except on the own face, and their boxes completely."""
    left, top, right, bottom = _to_pixels(view.keep, pixels)
    kept = pixels[top:bottom, left:right].copy()
    for area in _list_areas(view.covers, pixels, _AROUND):
        area[:] = _GREY
    pixels[top:bottom, left:right] = kept
    for area in _list_areas(view.covers, pixels, 0.0):
        area[:] = _GREY


def _list_areas(boxes: Sequence[Box], pixels: Pixels, around: float) -> Iterator[Pixels]:
    for left, top, width, height in boxes:
        across, down = around * width, around * height
        grown = left - across, top - down, (1 + 2 * around) * width, (1 + 2 * around) * height
        x, y, right, bottom = _to_pixels(grown, pixels)
        yield pixels[max(0, y - _BLEED) : bottom + _BLEED, max(0, x - _BLEED) : right + _BLEED]


def _to_pixels(box: Box, pixels: Pixels) -> tuple[int, int, int, int]:
    """The box in whole pixels, rounded outwards and clipped; at least one pixel each way."""
    height, width = pixels.shape[:2]
    left = min(max(0, int(np.floor(box[0] * width))), width - 1)
    top = min(max(0, int(np.floor(box[1] * height))), height - 1)
    right = max(left + 1, min(width, int(np.ceil((box[0] + box[2]) * width))))
    bottom = max(top + 1, min(height, int(np.ceil((box[1] + box[3]) * height))))
    return left, top, right, bottom


def _encode_jpeg(pixels: Pixels, longest: int) -> bytes:
    picture = Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    body = io.BytesIO()
    picture.save(body, "JPEG", quality=_QUALITY)
    return body.getvalue()
