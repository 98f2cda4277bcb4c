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
_FINE = 92  # for what is encoded: a vector moves by less than between two photographs of a series


def draw_likeness(source: Path | bytes, view: PictureView, limits: Limits) -> bytes:
    """The JPEG of `view` of the picture, without metadata. Raises PictureError, PictureTooLarge."""
    pixels = decode(source, _DECODED, limits).pixels
    part, (left, top) = _cover(pixels, view)
    for x, y, right, bottom in _list_areas(view.covers, pixels, 0.0):
        _paint(part, x - left, y - top, right - left, bottom - top)
    return _encode_jpeg(part, view.longest, _QUALITY)


def cut_out(pixels: Pixels, view: PictureView) -> bytes:
    """As `draw_likeness`, to be encoded: the own face stays whole where another reaches into it."""
    return _encode_jpeg(_cover(pixels, view)[0], view.longest, _FINE)


def _cover(pixels: Pixels, view: PictureView) -> tuple[Pixels, tuple[int, int]]:
    """A copy of the crop and its corner; the other faces are painted over with a margin, but the own face is not."""
    left, top, right, bottom = _to_pixels(view.crop, pixels)
    part = pixels[top:bottom, left:right].copy()
    x, y, far, low = _to_pixels(view.keep, pixels)
    own = slice(max(0, y - top), low - top), slice(max(0, x - left), far - left)
    kept = part[own].copy()
    for x, y, far, low in _list_areas(view.covers, pixels, _AROUND):
        _paint(part, x - left, y - top, far - left, low - top)
    part[own] = kept
    return part, (left, top)


def _paint(part: Pixels, left: int, top: int, right: int, bottom: int) -> None:
    part[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = _GREY


def _list_areas(boxes: Sequence[Box], pixels: Pixels, around: float) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, right and bottom of each box in px, `around` of its sides larger each way."""
    for left, top, width, height in boxes:
        across, down = around * width, around * height
        grown = left - across, top - down, (1 + 2 * around) * width, (1 + 2 * around) * height
        x, y, right, bottom = _to_pixels(grown, pixels)
        yield x - _BLEED, y - _BLEED, right + _BLEED, bottom + _BLEED


def _to_pixels(box: Box, pixels: Pixels) -> tuple[int, int, int, int]:
    """The box in whole pixels, rounded outwards and clipped; at least one pixel each way."""
    height, width = pixels.shape[:2]
    left = min(max(0, int(np.floor(box[0] * width))), width - 1)
    top = min(max(0, int(np.floor(box[1] * height))), height - 1)
    right = max(left + 1, min(width, int(np.ceil((box[0] + box[2]) * width))))
    bottom = max(top + 1, min(height, int(np.ceil((box[1] + box[3]) * height))))
    return left, top, right, bottom


def _encode_jpeg(pixels: Pixels, longest: int, quality: int) -> bytes:
    picture = Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    body = io.BytesIO()
    picture.save(body, "JPEG", quality=quality, subsampling=0 if quality == _FINE else -1)
    return body.getvalue()
