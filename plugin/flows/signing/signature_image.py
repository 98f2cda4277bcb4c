"""Redraw a signature from a screen as a small PNG of our own; `drawing` does it in a confined process."""

from plugin.confinement.reader import find_reader
from plugin.errors import PictureError, ReadingFailed

MOST_BYTES = 300_000
_MOST_DRAWN = 1_000_000
_SECONDS = 15
_PNG = b"\x89PNG\r\n\x1a\n"


def redraw(data: bytes) -> bytes:
    """The drawing in black on white, as a PNG without metadata. Raises PictureError, also for an empty one."""
    if len(data) > MOST_BYTES:
        raise PictureError("the drawing is too large: draw it anew, or type your name")
    try:
        _, parts = find_reader("plugin.flows.signing.drawing").ask({}, [data], _SECONDS, (PictureError,))
    except ReadingFailed as error:
        raise PictureError("the drawing cannot be read: draw it anew, or type your name") from error
    if len(parts) != 1 or len(parts[0]) > _MOST_DRAWN or not parts[0].startswith(_PNG):
        raise PictureError("the drawing cannot be read: draw it anew, or type your name")
    return parts[0]
