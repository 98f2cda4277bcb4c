"""Files that cannot be read for names: an answer of its own, never "no name"."""

import os
import re
from enum import StrEnum
from pathlib import Path

from plugin.errors import PictureError
from plugin.hooks.files import jpeg, regular_files, tiff
from plugin.hooks.files.exiftool import Fields
from plugin.hooks.name_spellings import decode_lossless
from plugin.hooks.names_in_files.name_fields import CAMERAS

LARGEST = 32 << 20
"""Bytes of a sidecar or a list of names; a larger one is not read."""


class Unread(StrEnum):
    """What of a photograph could not be read; `Resource.unread`."""

    PHOTO = "photo"
    SIDECAR = "sidecar"
    LIST = "list"
    """A list of names beside it, such as Picasa's; or an unnamed person in it."""


_RDF_ENDS = re.compile(r"</(?:(?!RDF\s*>)[^<>/])*+RDF\s*+>|<(?:(?!RDF\b)[^<>/])*+RDF\b(?:(?!/\s*>)[^<>])*+/\s*+>")
"""Possessive, without backtracking: linear for any input."""

_LOST = re.compile(
    r"XMP format error|XMP character encoding|double UTF|Invalid XMP|Incomplete extended XMP|Malformed APP1"
    r"|Ignored (?:APP1|non-standard)|Bad IPTC|improperly byte-swapped|No table for IPTC|(?:Bad|Invalid) Photoshop"
    r"|(?:Bad|Illegal|Short|Truncated) .*IFD0|IFD0 pointer references|Invalid EXIF|Missing Exif|EXIF TIFF header"
    r"|JPEG format error|Missing JPEG SOS|Error (?:reading(?! MPImage)|seeking|inflating)|Seek error|Truncated"
    r"|Corrupted"
    r"|Invalid (?:chunk|atom|extended size|PNG)|Stopped parsing|End of processing|^Install|parsing aborted"
    r"|Extracted only"
)
"""ExifTool's warnings after which a field may be missing; others do not concern names."""

_NO_LOSS = "[minor]"
"""Marks harmless warnings; for data that ExifTool skipped it is spelled [Minor]."""

_WITHOUT_NAMES = (jpeg.EXIF, b"JFIF\0", b"JFXX\0", b"ICC_PROFILE\0", b"MPF\0", b"Adobe\0")
_XMP, _IPTC, _PHOTOSHOP, _XP_SUBJECT, _MAKE = 0x02BC, 0x83BB, 0x8649, 0x9C9F, 0x010F
"""EXIF fields that only ExifTool reads, and the camera's maker."""


_UTF_32 = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
)
_UTF_16 = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))


def may_hold_names(data: bytes) -> bool:
    """Whether a JPEG may contain names that we cannot read without ExifTool."""
    try:
        picture = jpeg.parse(data)
        fields = [tiff.read_first_directory(block) for block in picture.exif]
    except PictureError:
        return True
    said = (one.body for one in picture.head if 0xE0 <= one.code <= 0xEF)
    if len(fields) > 1 or not data.endswith(b"\xff\xd9") or not all(b.startswith(_WITHOUT_NAMES) for b in said):
        return True
    make = fields[0].get(_MAKE) if fields else None
    camera = make.value if make is not None and isinstance(make.value, bytes) else b""
    of_one = any(one.encode() in camera.lower() for one in CAMERAS)
    return of_one or bool(fields and fields[0].keys() & {_XMP, _IPTC, _PHOTOSHOP, _XP_SUBJECT})


def read_contents(path: Path) -> bytes | None:
    """The bytes of a sidecar or list; b"" if it is gone, None if it cannot be read.

    Opens regular files only: a pipe would block.
    """
    try:
        if not regular_files.is_regular(path):
            return None if os.path.lexists(path) else b""
        return None if path.stat().st_size > LARGEST else regular_files.read(path)
    except FileNotFoundError:
        return b""
    except OSError:
        return None


def to_utf8(data: bytes) -> bytes | None:
    """XMP in UTF-8; other encodings are read as Latin. None where the XMP is not complete."""
    text = _decode(data)
    if text is None or not _RDF_ENDS.search(text):
        return None
    return text.encode("utf-8")


def _decode(data: bytes) -> str | None:
    try:
        if encoding := find_unicode_encoding(data):
            return data.decode(encoding)
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None if b"\0" in data.rstrip(b"\0") else decode_lossless(data, "cp1252")


def find_unicode_encoding(data: bytes) -> str | None:
    """UTF-16 or UTF-32, by the BOM or the first character of XML."""
    for start, encoding in (*_UTF_32, *_UTF_16):
        if data.startswith(start):
            return encoding
    return None


def is_fully_read(fields: Fields | None) -> bool:
    """Whether ExifTool read all metadata of a file: one that it could not open has an entry too."""
    if fields is None or "File:FileType" not in fields:
        return False
    said = [str(value) for key, value in fields.items() if key.startswith("ExifTool:")]
    errors = any(key.startswith("ExifTool:") and key.endswith(":Error") for key in fields)
    return not errors and not any(_LOST.search(one) for one in said if not one.startswith(_NO_LOSS))
