"""A JPEG as segments, so that one changes and all others provably do not (ITU T.81, B.1)."""

import hashlib
import os
import re
from dataclasses import dataclass, replace
from typing import BinaryIO

from plugin.errors import PictureError

_SOI = b"\xff\xd8"
_SOS = 0xDA
_APP1, _APP2, _APP14, _COM = 0xE1, 0xE2, 0xEE, 0xFE
EXIF = b"Exif\x00\x00"
LARGEST_EXIF = 0xFFFF - 2 - len(EXIF)  # bytes of TIFF in one segment
_MOST = 10_000  # segments: with 100 MB of metadata it has 1,600
_FILL = re.compile(b"\xff*")


@dataclass(frozen=True)
class Segment:
    """A marker segment: its code, its raw bytes and its contents."""

    code: int
    raw: bytes
    body: bytes


@dataclass(frozen=True)
class Jpeg:
    """`head`: the segments before the first scan; `scans`: the rest of the file."""

    head: tuple[Segment, ...]
    scans: bytes

    def join(self) -> bytes:
        return _SOI + b"".join(s.raw for s in self.head) + self.scans

    @property
    def exif(self) -> tuple[bytes, ...]:
        """The TIFF block of each EXIF segment; at most one in a sound file."""
        return tuple(s.body[len(EXIF) :] for s in self.head if _is_exif(s))

    @property
    def several_pictures(self) -> bool:
        """Whether a multi-picture index (CIPA DC-007) refers to byte offsets in this file."""
        return any(s.code == _APP2 and s.body.startswith(b"MPF\x00") for s in self.head)

    def with_exif(self, tiff: bytes | None) -> "Jpeg":
        """This file with `tiff` as EXIF, in the old place or after JFIF; None removes it."""
        new = [] if tiff is None else [_build_segment(_APP1, EXIF + tiff)]
        spots = [i for i, s in enumerate(self.head) if _is_exif(s)]
        first = spots[0] if spots else int(bool(self.head) and self.head[0].code == 0xE0)
        rest = [s for s in self.head if not _is_exif(s)]
        return replace(self, head=(*rest[:first], *new, *rest[first:]))

    def other(self) -> tuple[tuple[bytes, ...], bytes]:
        """Everything but the EXIF, for comparison."""
        return tuple(s.raw for s in self.head if not _is_exif(s)), self.scans

    def picture_hash(self, orientation: int) -> str:
        """A hash of what decides how the picture looks upright, not of its metadata.

        APP14 says how colours are stored. A new orientation moves every box, so it counts too.
        """
        digest = hashlib.sha256(bytes([orientation]))
        for segment in self.head:
            if segment.code == _APP14 or not (0xE0 <= segment.code <= 0xEF or segment.code == _COM):
                digest.update(segment.raw)
        digest.update(self.scans)
        return digest.hexdigest()


def _is_exif(segment: Segment) -> bool:
    return segment.code == _APP1 and segment.body.startswith(EXIF)


def _build_segment(code: int, body: bytes) -> Segment:
    raw = bytes([0xFF, code]) + (len(body) + 2).to_bytes(2, "big") + body
    return Segment(code, raw, body)


def parse(data: bytes) -> Jpeg:
    """The segments of a JPEG. Raises PictureError where it is none, or truncated."""
    if not data.startswith(_SOI):
        raise PictureError("not a JPEG file")
    head: list[Segment] = []
    at = 2
    for _ in range(_MOST):
        start = at
        if data[at : at + 1] != b"\xff":
            raise PictureError("a damaged JPEG file: no marker where one belongs")
        at = _skip_fill(data, at)  # fill bytes may precede a marker
        if data[at : at + 1] == bytes([_SOS]):
            return Jpeg(tuple(head), data[start:])
        length = int.from_bytes(data[at + 1 : at + 3], "big")
        end = at + 1 + length
        if length < 2 or end > len(data):
            raise PictureError("a JPEG file that ends too early")
        head.append(Segment(data[at], data[start:end], data[at + 3 : end]))
        at = end
    raise PictureError("a JPEG file of more segments than any picture has")


def _skip_fill(data: bytes, at: int) -> int:
    found = _FILL.match(data, at)
    return found.end() if found else at


def read_exif(file: BinaryIO) -> bytes | None:
    """The TIFF block of the first EXIF segment, without reading the picture; None without one."""
    if file.read(2) != _SOI:
        return None
    for _ in range(_MOST):
        if file.read(1) != b"\xff":
            return None
        code = next((sign for _ in range(_MOST) if (sign := file.read(1)) != b"\xff"), b"")
        length = int.from_bytes(file.read(2), "big") - 2
        if code in {b"", bytes([_SOS])} or length < 0:
            return None
        body = file.read(length) if code == bytes([_APP1]) else b""
        if body.startswith(EXIF):
            return body[len(EXIF) :]
        file.seek(length - len(body), os.SEEK_CUR)
    return None


def has_end_marker(data: bytes) -> bool:
    """Whether the JPEG has its end marker (bytes may follow it)."""
    return data.rfind(b"\xff\xd9") > 0
