"""Hostile pictures in, upright pixels out: limits are checked before a pixel is decoded.

Pillow decodes everything, JPEG at a reduced size (libjpeg's 1/2, 1/4, 1/8) where that suffices: it
was measured level with cv2's reduced reading, is silent on stderr, and reports a picture that ends
early, which cv2 fills with grey.
"""

import io
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from plugin.errors import PictureError, PictureTooLarge

Pixels = NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "HEIF", "AVIF")
ENOUGH = 15 / 16  # a reduced picture this near to the size asked for serves: 4000 px / 4 for 1024
_ORIENTATION = 0x0112
_MEGA = 1_000_000

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

pillow_heif.register_heif_opener(decode_threads=1)


@dataclass(frozen=True)
class Limits:
    """How large a picture may be, in millions of pixels and of bytes, before anything is decoded."""

    megapixels: int = 120
    megabytes: int = 200


@dataclass(frozen=True)
class Decoded:
    """An upright picture.

    `pixels`: uint8 BGR, height x width x 3, perhaps reduced; `width` and `height`: of the upright
    original in px; `scale`: pixels' width / `width`. `whole` is False where the file holds more than
    the picture that was decoded (frames, pages); `note` says so in words.
    """

    pixels: Pixels
    width: int
    height: int
    scale: float
    whole: bool
    note: str


def decode(source: Path | bytes, longest: int, limits: Limits) -> Decoded:
    """The picture, upright, reduced as far as its longest side stays about `longest` px or more.

    Raises PictureTooLarge beyond `limits`, PictureError for what cannot be read in full.
    """
    data = _read(source, limits)
    with _quiet():
        try:
            return _decode(data, longest, limits)
        except (PictureError, MemoryError):
            raise
        except Image.DecompressionBombError as error:
            raise PictureTooLarge("the picture is far larger than it claims: it was not opened") from error
        except Exception as error:  # a decoder fed with hostile bytes raises whatever it likes
            raise PictureError(_sentence(error)) from error


def _read(source: Path | bytes, limits: Limits) -> bytes:
    if isinstance(source, bytes):
        _check_bytes(len(source), limits)
        return source
    try:
        found = source.stat()
        if not stat.S_ISREG(found.st_mode):
            raise PictureError("not a file: give the path of a picture")
        _check_bytes(found.st_size, limits)
        with source.open("rb") as file:
            data = file.read(limits.megabytes * _MEGA + 1)
    except (OSError, ValueError) as error:
        raise PictureError(f"the file cannot be opened ({getattr(error, 'strerror', error)})") from error
    _check_bytes(len(data), limits)
    return data


def _check_bytes(size: int, limits: Limits) -> None:
    if size == 0:
        raise PictureError("the file is empty: upload it again")
    if size > limits.megabytes * _MEGA:
        raise PictureTooLarge(
            f"the file has {size / _MEGA:.0f} MB, the limit is {limits.megabytes} (recognizer.max_megabytes)"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's own pixel limit (ours is checked instead), leniency and warnings.

    Pillow keeps these for the whole process; the child that decodes has one thread.
    """
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = None, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = before


def _decode(data: bytes, longest: int, limits: Limits) -> Decoded:
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    width, height = image.size
    if width * height > limits.megapixels * _MEGA:
        raise PictureTooLarge(
            f"the picture has {width} x {height} pixels, the limit is {limits.megapixels} million "
            "(recognizer.max_megapixels)"
        )
    if min(width, height) < 1:
        raise PictureError("the picture has no pixels")
    note = _beyond_the_first(image)
    pixels, turned = _pixels(image, longest)
    if turned:
        width, height = height, width
    return Decoded(pixels, width, height, pixels.shape[1] / width, not note, note)


def _beyond_the_first(image: Image.Image) -> str:
    """What the file holds besides the picture that is examined, in words; "" if nothing.

    A second picture in an MPO is the camera's preview or depth map of the same shot.
    """
    if image.format in ("MPO", "JPEG", "BMP") or not getattr(image, "is_animated", False):
        return ""
    image.seek(0)
    several = "pages" if image.format == "TIFF" else "frames or pictures"
    return f"the file holds several {several}: only the first was examined, so not in full"


def _pixels(image: Image.Image, longest: int) -> tuple[Pixels, bool]:
    """BGR pixels of the first frame, reduced and upright, and whether its sides were swapped."""
    width, height = image.size
    reduction = _reduction(max(width, height), longest)
    if image.format in ("JPEG", "MPO"):
        image.draft(None, (width // reduction, height // reduction))
    image.load()
    turn = _orientation(image)  # after loading: Pillow itself turns TIFF upright then
    loaded = image.size
    image = _eight_bit(image)
    if image.width == width and reduction > 1:
        image = image.reduce(reduction)
    image = _opaque(image)
    if turn in _TURNS:
        image = image.transpose(_TURNS[turn])
    # Pillow may have turned the picture while loading: compare with what the header said
    swapped = turn in (5, 6, 7, 8) or (loaded == (height, width) and width != height)
    return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR), swapped  # type: ignore[return-value]


def _reduction(side: int, longest: int) -> int:
    """The largest of 8, 4, 2, 1 that leaves about `longest` px of a side of `side` px."""
    return next((n for n in (8, 4, 2) if side / n >= longest * ENOUGH), 1)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # metadata that cannot be parsed says nothing of the orientation
        return 1


def _eight_bit(image: Image.Image) -> Image.Image:
    """The picture in mode L, RGB or RGBA; 16-bit and float grey are scaled, not cut off."""
    if image.mode.startswith(("I", "F")):
        grey = np.nan_to_num(np.asarray(image).astype(np.float32))
        top = float(grey.max(initial=0))
        units = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0,)
        unit = next((u for u in units if top <= u), top)
        return Image.fromarray((np.clip(grey / unit, 0, 1) * 255).astype(np.uint8))
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _opaque(image: Image.Image) -> Image.Image:
    """RGB, what is transparent on white: as a page shows it."""
    if image.mode != "RGBA":
        return image if image.mode == "RGB" else image.convert("RGB")
    page = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(page, image).convert("RGB")


def _sentence(error: Exception) -> str:
    words = " ".join(str(error).split())
    if "truncated" in words or "broken data stream" in words or "unexpected end" in words.lower():
        return "the picture is not complete: it ends early; upload it again"
    if isinstance(error, UnidentifiedImageError):
        return "not a picture that can be read: give " + ", ".join(FORMATS)
    return f"the picture is damaged and cannot be read ({words[:120] or type(error).__name__})"
