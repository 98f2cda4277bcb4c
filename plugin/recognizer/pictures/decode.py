"""Decodes untrusted pictures into upright pixels; limits are checked before decoding.

Pillow decodes everything, JPEG at a reduced size (libjpeg's 1/2, 1/4, 1/8) where that suffices: it is as fast as cv2's
reduced reading, silent on stderr, and reports a truncated picture, which cv2 fills with grey.
"""

import io
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageChops, ImageFile, UnidentifiedImageError

from plugin.errors import PictureError, PictureTooLarge
from plugin.recognizer.pictures import cost, orientation
from plugin.recognizer.pictures.partial_reasons import Partly
from plugin.recognizer.pictures.pixels import Pixels

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "HEIF", "AVIF")
ENOUGH = 15 / 16  # a reduced picture this near to the size asked for serves: 4000 px / 4 for 1024
_MEGA = 1_000_000

pillow_heif.register_heif_opener(decode_threads=1)


@dataclass(frozen=True)
class Limits:
    """The largest picture, in millions of pixels and of bytes, checked before decoding."""

    megapixels: int = 120
    megabytes: int = 200


@dataclass(frozen=True)
class OtherView:
    """The picture in another way: without its transparency, or turned otherwise.

    `code`: what another person in it means; `back`: the turns that make it upright, in order.
    """

    code: Partly
    pixels: Pixels
    back: tuple[int, ...] = ()


@dataclass(frozen=True)
class Decoded:
    """An upright picture.

    `pixels`: uint8 BGR, height x width x 3, perhaps reduced; `width` and `height`: of the upright original in px;
    `scale`: pixels' width / `width`; `turn`: the orientation by which it was turned. `note`: why it is not everything
    that a program shows (frames), as codes of `Partly`. `asides`: the same pixels as other programs show them.
    """

    pixels: Pixels
    width: int
    height: int
    scale: float
    note: str = ""
    turn: int = 1
    asides: tuple[OtherView, ...] = ()


def decode(
    source: Path | bytes, longest: int | Callable[[int], int], limits: Limits, formats: tuple[str, ...] = FORMATS
) -> Decoded:
    """The picture, upright, reduced while its longest side stays at about `longest` px or more.

    `longest` may depend on the original's longest side, which is known only once it is opened. Raises PictureTooLarge
    beyond `limits`, PictureError for what cannot be read in full.
    """
    data = read_picture(source, limits)
    with _silence():
        try:
            return _decode(data, longest, limits, formats)
        except (PictureError, MemoryError):
            raise
        except Image.DecompressionBombError as error:
            raise PictureTooLarge("the picture is far larger than it claims: it was not opened") from error
        except Exception as error:  # hostile bytes may raise anything in a decoder
            raise PictureError(_explain(error)) from error


def read_picture(source: Path | bytes, limits: Limits) -> bytes:
    """The bytes of the file. Raises PictureTooLarge, PictureError."""
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
def _silence() -> Iterator[None]:
    """Disable Pillow's own pixel limit (ours applies), its leniency and warnings.

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


def _decode(data: bytes, longest: int | Callable[[int], int], limits: Limits, formats: tuple[str, ...]) -> Decoded:
    file = Image.open(io.BytesIO(data), formats=formats)
    width, height = file.size
    if width * height > limits.megapixels * _MEGA:
        raise PictureTooLarge(
            f"the picture has {width} x {height} pixels, the limit is {limits.megapixels} million "
            "(recognizer.max_megapixels)"
        )
    if min(width, height) < 1:
        raise PictureError("the picture has no pixels")
    if file.format in ("JPEG", "MPO"):
        cost.check_scans(data, width * height)
    note = _find_animation(file)
    side = max(width, height)
    reduction = _find_reduction(side, longest if isinstance(longest, int) else longest(side))
    turn, elsewhere, swapped = _load(file, reduction, data)
    image = _to_eight_bit(file)
    if image.width == (height if swapped and turn == 1 else width) and reduction > 1:
        image, bare = _reduce(image, reduction)
    else:
        bare = _drop_transparency(image)
    shown = _lay_on(image, "white")
    asides = [OtherView(Partly.TRANSPARENT, to_bgr(one, turn)) for one in _list_other_views(image, bare, shown)]
    if elsewhere != turn:
        asides.append(OtherView(Partly.TURNED, to_bgr(shown, elsewhere), (orientation.invert(elsewhere), turn)))
    pixels = to_bgr(shown, turn)
    if swapped:
        width, height = height, width
    return Decoded(pixels, width, height, pixels.shape[1] / width, note, turn, tuple(asides))


def _find_animation(image: Image.Image) -> str:
    """The code for an animation, of which the first frame is examined; further pages are found elsewhere."""
    if image.format not in ("GIF", "WEBP", "PNG", "AVIF") or not getattr(image, "is_animated", False):
        return ""
    image.seek(0)
    return Partly.FRAMES


def _load(image: Image.Image, reduction: int, data: bytes) -> tuple[int, int, bool]:
    """Decode; returns how viewers turn it, how other programs do, and whether the sides are swapped."""
    width, height = image.size
    orientation.drop_other_sources(image)
    stored = orientation.read_stated(image) if image.format == "TIFF" else 1
    if image.format in ("JPEG", "MPO"):
        image.draft(None, (width // reduction, height // reduction))
    image.load()
    orientation.drop_other_sources(image)
    turn, elsewhere = orientation.find_turns(image, stored, data)
    # Pillow may have turned the picture while loading: compare with what the header said
    itself = image.size == (height, width) and width != height
    return turn, elsewhere, turn in (5, 6, 7, 8) or itself


def to_bgr(image: Image.Image, turn: int) -> Pixels:
    """An RGB picture turned, in the engines' format."""
    if turn in orientation.TURNS:
        image = image.transpose(orientation.TURNS[turn])
    return np.frombuffer(image.tobytes("raw", "BGR"), np.uint8).reshape(image.height, image.width, 3)


def _reduce(image: Image.Image, reduction: int) -> tuple[Image.Image, Image.Image | None]:
    """The picture reduced, and without its transparency: a reduction loses what is under it."""
    bare = _drop_transparency(image)
    return image.reduce(reduction), bare.reduce(reduction) if bare else None


def _drop_transparency(image: Image.Image) -> Image.Image | None:
    """The colours under the transparency; None where nothing is transparent."""
    if image.mode != "RGBA" or image.getchannel("A").getextrema() == (255, 255):
        return None
    return image.convert("RGB")


def _list_other_views(image: Image.Image, bare: Image.Image | None, shown: Image.Image) -> Iterator[Image.Image]:
    """The picture without its transparency, and on black, where they differ from it on white."""
    if bare is None:
        return
    for one in (bare, _lay_on(image, "black")):
        if ImageChops.difference(one, shown).getbbox() is not None:
            yield one


def _find_reduction(side: int, longest: int) -> int:
    """The largest of 8, 4, 2, 1 that leaves about `longest` px of a side of `side` px."""
    return next((n for n in (8, 4, 2) if side / n >= longest * ENOUGH), 1)


def _to_eight_bit(image: Image.Image) -> Image.Image:
    """The picture in mode L, RGB or RGBA; 16-bit and float grey are scaled."""
    if image.mode.startswith(("I", "F")):
        grey = np.nan_to_num(np.asarray(image).astype(np.float32))
        top = float(grey.max(initial=0))
        units = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0,)
        unit = next((u for u in units if top <= u), top)
        return Image.fromarray((np.clip(grey / unit, 0, 1) * 255).astype(np.uint8))
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _lay_on(image: Image.Image, colour: str) -> Image.Image:
    """RGB, on a background of this colour."""
    if image.mode != "RGBA":
        return image if image.mode == "RGB" else image.convert("RGB")
    page = Image.new("RGBA", image.size, colour)
    return Image.alpha_composite(page, image).convert("RGB")


def _explain(error: Exception) -> str:
    words = " ".join(str(error).split())
    if "truncated" in words or "broken data stream" in words or "unexpected end" in words.lower():
        return "the picture is not complete: it ends early; upload it again"
    if isinstance(error, UnidentifiedImageError):
        return "not a picture that can be read: give " + ", ".join(FORMATS)
    return f"the picture is damaged and cannot be read ({words[:120] or type(error).__name__})"
