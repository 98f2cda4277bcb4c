"""Thumbnails and previews in a JPEG's metadata, by their bytes.

Programs rewrite the metadata around them, but copy the pictures byte for byte. Bytes after the picture belong to its
scans (`jpeg.Jpeg.picture_hash`).
"""

import hashlib
import re
from collections.abc import Iterator

from plugin.hooks.files.jpeg import Jpeg, Segment

_JPEG = re.compile(rb"\xff\xd8\xff.*?(?:\xff\xd9|\Z)", re.DOTALL)
_BASE64 = re.compile(rb"(?:/9j/|iVBORw0K|UklGR|R0lGOD)(?:[A-Za-z0-9+/=\s]++|&#x[aAdD];|&#1[03];)++")
_BREAKS = re.compile(rb"\s|&#x[aAdD];|&#1[03];")
_XMP = (b"http://ns.adobe.com/xap/1.0/\x00", b"http://ns.adobe.com/xmp/extension/\x00")
_EXTENSION = 40  # bytes before what a segment of extended XMP holds: its GUID, length, and offset
_PROFILE = b"ICC_PROFILE\x00"


def hash_embedded_pictures(picture: Jpeg) -> str:
    """One hash of all of them, in any order; "" for none."""
    found = sorted({hashlib.sha256(one).hexdigest() for one in _list_pictures(picture.head)})
    return hashlib.sha256("".join(found).encode()).hexdigest() if found else ""


def _list_pictures(head: tuple[Segment, ...]) -> Iterator[bytes]:
    said = bytearray()
    for segment in head:
        if not 0xE0 <= segment.code <= 0xEF or segment.body.startswith(_PROFILE):
            continue
        if segment.body.startswith(_XMP[0]):
            said += segment.body + b"\x00"
        elif segment.body.startswith(_XMP[1]):
            said += segment.body[len(_XMP[1]) + _EXTENSION :]
        else:
            yield from _find_in_segment(segment)
    for text in _BASE64.findall(said):
        yield _BREAKS.sub(b"", text)


def _find_in_segment(segment: Segment) -> Iterator[bytes]:
    """Encoded pictures in a segment, and the raw pixels of JFIF."""
    yield from _JPEG.findall(segment.body)
    plain = segment.body[14:] if segment.body.startswith(b"JFIF\x00") else b""
    if segment.body.startswith(b"JFXX\x00") and segment.body[5:6] in {b"\x11", b"\x13"}:
        plain = segment.body[6:]
    if plain:
        yield plain
