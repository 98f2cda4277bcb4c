"""How viewers turn a picture; they do not all use the same field of a format.

Tested in Chromium 156 (tests/browser/test_orientation.py): JPEG and PNG are turned by EXIF, AVIF by irot and imir
(which Pillow returns as EXIF), WebP, GIF and BMP not at all. HEIF is turned by irot and imir, which libheif does while
decoding; TIFF by its first directory, which Pillow does. Nothing uses tiff:Orientation in XMP. Older programs do not
turn PNG, some do not turn TIFF, and some turn WebP: then the picture is also examined as they show it.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from plugin.recognizer.pictures.boxes import Box

_ORIENTATION = 0x0112
_META = 65_536  # bytes: contains the boxes that describe the items of a HEIF file
_XMP = ("xmp", "XML:com.adobe.xmp", "Raw profile type exif", "Raw profile type APP1")
_INVERSE = {6: 8, 8: 6}

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def drop_other_sources(image: Image.Image) -> None:
    """Remove metadata from which Pillow, but no viewer, takes an orientation."""
    for name in _XMP:
        image.info.pop(name, None)


def find_turns(image: Image.Image, stored: int, data: bytes) -> tuple[int, int]:
    """How viewers turn the loaded pixels, and how other programs do, as EXIF orientations.

    `stored`: EXIF's orientation before loading: Pillow turns TIFF while loading, and some programs do not.
    """
    said = read_stated(image)
    match image.format:
        case "JPEG" | "MPO" | "AVIF":
            return said, said
        case "PNG":
            return said, 1
        case "WEBP":
            return 1, said
        case "TIFF":
            return 1, invert(stored)
        case "HEIF" if not any(name in data[:_META] for name in (b"irot", b"imir")):
            return 1, int(image.info.get("original_orientation") or 1)
        case _:
            return 1, 1


def read_stated(image: Image.Image) -> int:
    """The orientation in the picture's EXIF; 1 if it has none."""
    try:
        number = int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # metadata that cannot be parsed says nothing of the orientation
        return 1
    return number if number in TURNS else 1


def invert(orientation: int) -> int:
    """The orientation that undoes this one."""
    return _INVERSE.get(orientation, orientation)


def turn_box(box: Box, orientation: int) -> Box:
    """The box in 0..1 after the picture is turned."""
    left, top, width, height = box
    if orientation in (5, 6, 7, 8):
        left, top, width, height = top, left, height, width
    if orientation in (2, 3, 6, 7):
        left = 1 - left - width
    if orientation in (3, 4, 7, 8):
        top = 1 - top - height
    return left, top, width, height


def turn_pixels(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """A picture of height x width x colours, turned."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
