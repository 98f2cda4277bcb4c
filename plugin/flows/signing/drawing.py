"""Redraw a signature from a screen, in a confined process: foreign bytes in, a small PNG of our own out."""

import io

from PIL import Image

from plugin.errors import PictureError

_WIDEST, _HIGHEST = 2400, 1200
_KEPT = (900, 450)  # px: enough to compare signatures by eye
_LEAST_INK = 60  # px: a dot is no signature
_DARK = 128
TOO_LARGE = "the drawing is too large: draw it anew, or type your name"


def redraw(data: bytes) -> bytes:
    """The drawing in black on white, as a PNG without metadata. Raises PictureError, also for an empty one."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            small = image.width <= _WIDEST and image.height <= _HIGHEST
            drawn = image.convert("RGBA") if small else None
    except Exception as error:  # hostile bytes may raise anything in a decoder
        raise PictureError("the drawing cannot be read: draw it anew, or type your name") from error
    if drawn is None:
        raise PictureError(TOO_LARGE)
    page = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("L")
    page.thumbnail(_KEPT)
    ink = page.point(lambda grey: 255 if grey < _DARK else 0)
    if ink.histogram()[255] < _LEAST_INK:
        raise PictureError("the drawing is empty: draw your signature, or type your name")
    out = io.BytesIO()
    page.save(out, "PNG", optimize=True)
    return out.getvalue()


def answer(_header: object, parts: list[bytes]) -> tuple[dict[str, object], list[bytes]]:
    """Answer `confinement.reader`."""
    return {}, [redraw(parts[0])]
