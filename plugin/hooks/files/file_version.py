"""The version of a file's picture, and whether the file is complete; in bounded memory."""

import hashlib
from dataclasses import replace
from pathlib import Path

from plugin.errors import PictureError
from plugin.hooks.files import embedded_pictures, file_kinds, jpeg, regular_files, tiff
from plugin.hooks.files.atomic_replace import explain_read_errors
from plugin.hooks.picture import Picture

JPEG_BYTES = 256 << 20
"""The most of a file that is in memory at once."""
VAST_BYTES = 4 << 30
"""A larger file is not read at all."""
_PNG_END = 4096


def read_versions(path: Path) -> tuple[str, str]:
    """A version of the picture, and one of the other pictures in the file.

    For a JPEG: hashes of the picture's segments with the orientation (metadata may change), and of its thumbnails. For
    any other file, a JPEG that cannot be parsed or one too large for memory: the hash of the whole file, and "". A file
    beyond VAST_BYTES, which nothing examines, goes by its stat.
    """
    with explain_read_errors(path):
        found = path.stat()
        if found.st_size > VAST_BYTES:
            return f"vast-{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}", ""
        data = read_bounded(path) if file_kinds.is_jpeg(path) else None
        if data is None:
            return regular_files.digest(path).hexdigest(), ""
    try:
        picture = jpeg.parse(data)
    except PictureError:
        return hashlib.sha256(data).hexdigest(), ""
    turned = tiff.read_orientation(picture.exif[0] if picture.exif else None)
    return picture.picture_hash(turned), embedded_pictures.hash_embedded_pictures(picture)


def read_bounded(path: Path) -> bytes | None:
    """The bytes of a file; None where they exceed JPEG_BYTES. Raises OSError."""
    if path.stat().st_size > JPEG_BYTES:
        return None
    with regular_files.open_regular(path) as file:
        data = file.read(JPEG_BYTES + 1)  # it may have grown
    return data if len(data) <= JPEG_BYTES else None


def load_picture(picture: Picture) -> Picture:
    """The picture with its bytes in memory, so that showing it never waits for the file; unchanged if too large."""
    if picture.path is None:
        return picture
    with explain_read_errors(picture.path):
        data = read_bounded(picture.path)
    return picture if data is None else replace(picture, path=None, data=data)


def is_complete(path: Path) -> bool:
    """Whether a JPEG or PNG has its end; True for other formats and large files, where that is expensive."""
    with explain_read_errors(path):
        found = file_kinds.read_format(path)
        if found == "JPEG":
            data = read_bounded(path)
            return data is None or jpeg.has_end_marker(data)
        if found == "PNG":
            with regular_files.open_regular(path) as file:
                file.seek(max(0, path.stat().st_size - _PNG_END))
                return b"IEND" in file.read(_PNG_END)
    return True
