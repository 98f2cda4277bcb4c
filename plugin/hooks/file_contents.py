"""What a file holds: by what its picture is known, and whether it is all there."""

import hashlib
from pathlib import Path

from plugin.errors import PictureError
from plugin.hooks import file_kinds, further, jpeg, plain_files, tiff
from plugin.hooks.drafts import read_explained


def read(path: Path) -> tuple[str, str]:
    """What changes when the picture may have changed, and what changes when something else does that the file shows.

    Of a JPEG the picture's own segments and the orientation, so that metadata may change, and its thumbnails; of
    anything else the whole file, and nothing. A JPEG that cannot be read counts as a whole, too.
    """
    with read_explained(path):
        if file_kinds.is_jpeg(path):
            data = plain_files.read(path)
            try:
                picture = jpeg.parse(data)
            except PictureError:
                return hashlib.sha256(data).hexdigest(), ""
            turned = tiff.orientation(picture.exif[0] if picture.exif else None)
            return picture.picture_hash(turned), further.further_hash(picture)
        return plain_files.digest(path).hexdigest(), ""


def whole(path: Path) -> bool:
    """Whether a JPEG or PNG goes on to its end; of other kinds that cannot be told cheaply: True."""
    with read_explained(path):
        found = file_kinds.read_format(path)
        if found == "JPEG":
            return jpeg.complete(plain_files.read(path))
        if found == "PNG":
            return b"IEND" in plain_files.read(path)[-4096:]
    return True
