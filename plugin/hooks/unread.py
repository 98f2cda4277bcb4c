"""Files that cannot be read for names: that is an answer of its own, never "no name"."""

import re
from enum import StrEnum
from pathlib import Path

from plugin.hooks.name_spellings import lossless
from plugin.hooks.tool import Fields

LARGEST = 32 << 20
"""Bytes of a sidecar or a list of names; a larger one is not read."""


class Unread(StrEnum):
    """What of a photograph could not be read; `Resource.unread`."""

    PHOTO = "photo"
    SIDECAR = "sidecar"
    LIST = "list"
    """A list of names beside it, as Picasa writes one for a folder; or somebody in it whom it does not name."""


_RDF_ENDS = re.compile(r"</[^<>/]*RDF\s*>|<[^<>/]*RDF\b[^<>]*/\s*>")
_LOST = re.compile(
    r"XMP format error|XMP character encoding|double UTF|Invalid XMP|Incomplete extended XMP|Malformed APP1"
    r"|Ignored (?:APP1|non-standard)|Bad IPTC|improperly byte-swapped|No table for IPTC|(?:Bad|Invalid) Photoshop"
    r"|(?:Bad|Illegal|Short|Truncated) .*IFD0|IFD0 pointer references|Invalid EXIF|Missing Exif|EXIF TIFF header"
    r"|JPEG format error|Missing JPEG SOS|Error (?:reading|seeking|inflating)|Seek error|Truncated|Corrupted"
    r"|Invalid (?:chunk|atom|extended size|PNG)|Stopped parsing|End of processing|^Install|parsing aborted"
)
"""Warnings of ExifTool after which a field may be there that it did not show; others are about what is no name."""


def contents(path: Path) -> bytes | None:
    """The bytes of a sidecar or list; none of one that went meanwhile, None where it cannot be read.

    A pipe is not opened: it would not answer.
    """
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return None if path.is_symlink() or path.exists() else b""
        return path.read_bytes()
    except OSError:
        return None


def as_utf8(data: bytes) -> bytes | None:
    """XMP in UTF-8; what is in no encoding of Unicode, as if it were Latin. None where it is no whole XMP."""
    text = _text(data)
    if text is None or not _RDF_ENDS.search(text):
        return None
    return text.encode("utf-8")


def _text(data: bytes) -> str | None:
    try:
        if encoding := of_unicode(data):
            return data.decode(encoding)
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None if b"\0" in data.rstrip(b"\0") else lossless(data, "cp1252")


def of_unicode(data: bytes) -> str | None:
    """UTF-16 or UTF-32, by the mark at its start or by the first sign of XML."""
    for start, encoding in (
        (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"),
        (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"),
    ):  # fmt: skip
        if data.startswith(start):
            return encoding
    return None


def was_read(fields: Fields | None) -> bool:
    """Whether ExifTool read a file to the end of its metadata: what it could not open has an entry, too."""
    if fields is None or "File:FileType" not in fields:
        return False
    said = [str(value) for key, value in fields.items() if key.startswith("ExifTool:")]
    errors = any(key.startswith("ExifTool:") and key.endswith(":Error") for key in fields)
    return not errors and not any(_LOST.search(one) for one in said if not one.lower().startswith("[minor]"))
