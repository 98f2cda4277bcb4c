"""The fields of an EXIF block as plain values, to compare before and after a rewrite (TIFF 6.0, EXIF 2.32)."""

import struct
from dataclasses import dataclass, field
from typing import Literal

from plugin.errors import PictureError

Value = bytes | tuple[float, ...]


@dataclass(frozen=True)
class TiffField:
    """A field's value, which is compared, and its TIFF type, which is not."""

    value: Value
    kind: int = field(compare=False)

    @property
    def number(self) -> int:
        """The first number, 0 if it has none."""
        return int(self.value[0]) if self.value else 0


TiffFields = dict[int, TiffField]
ExifFields = dict[tuple[str, int], TiffField]

ORIENTATION = 0x0112
XP_KEYWORDS = 0x9C9E
MAKER_NOTE = 0x927C
THUMBNAIL = -1

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_CODES = {3: "H", 4: "L", 5: "LL", 8: "h", 9: "l", 10: "ll", 11: "f", 12: "d", 13: "L"}
_POINTERS = {("0th", 0x8769): "Exif", ("0th", 0x8825): "GPS", ("Exif", 0xA005): "Interop"}
_ELSEWHERE = {0x0111, 0x0144, 0x014A, 0x0190, 0x0201}  # strips, tiles, sub-directories, pictures
_THUMB_AT, _THUMB_LENGTH = 0x0201, 0x0202


class _Block:
    """A TIFF block: byte order and directories."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        if data[:4] == b"II*\x00":
            self.order: Literal["<", ">"] = "<"
        elif data[:4] == b"MM\x00*":
            self.order = ">"
        else:
            raise PictureError("the EXIF block has no TIFF header")
        self.left = 2 * len(data)  # bytes of values: those of a sound block lie beside each other
        self.first = self.number(4, 4)

    def number(self, at: int, size: int) -> int:
        if at < 0 or at + size > len(self.data):
            raise PictureError("the EXIF block points outside itself")
        return int.from_bytes(self.data[at : at + size], "little" if self.order == "<" else "big")

    def directory(self, at: int) -> TiffFields:
        """The entries of the directory at `at`."""
        entries: TiffFields = {}
        for spot in range(at + 2, self._end(at), 12):
            tag = self.number(spot, 2)
            if tag in entries:
                raise PictureError("the EXIF block has a field twice")
            entries[tag] = self._value(spot)
        return entries

    def next(self, at: int) -> int:
        """Where the next directory is, 0 after the last; inner directories have none."""
        return self.number(self._end(at), 4)

    def _end(self, at: int) -> int:
        return at + 2 + 12 * self.number(at, 2)

    def _value(self, spot: int) -> TiffField:
        kind, count = self.number(spot + 2, 2), self.number(spot + 4, 4)
        if kind not in _SIZES:
            raise PictureError(f"the EXIF block has a field of the unknown type {kind}")
        length = _SIZES[kind] * count
        at = spot + 8 if length <= 4 else self.number(spot + 8, 4)
        self.number(at + length, 0)
        self.left -= length
        if self.left < 0:
            raise PictureError("the fields of the EXIF block are larger than it is")
        raw = self.data[at : at + length]
        code = _CODES.get(kind)
        if code is None:
            return TiffField(raw, kind)
        return TiffField(struct.unpack(f"{self.order}{len(code) * count}{code[0]}", raw), kind)


def read_first_directory(block: bytes) -> TiffFields:
    """The fields of the main directory, which has the orientation and the keywords."""
    tiff = _Block(block)
    return tiff.directory(tiff.first)


def read_orientation(block: bytes | None) -> int:
    """The EXIF orientation, 1 to 8; 1 where none can be read."""
    try:
        number = read_first_directory(block)[ORIENTATION].number if block else 1
    except (PictureError, KeyError):
        return 1
    return number if 1 <= number <= 8 else 1


def read_fields(block: bytes) -> ExifFields:
    """Every field by directory and tag, independent of byte order; the thumbnail is one.

    Raises PictureError for what cannot be read, or for a pointer to data that a rewrite would lose.
    """
    tiff = _Block(block)
    found: ExifFields = {}
    _add_fields(tiff, found, "0th", tiff.directory(tiff.first))
    if second := tiff.next(tiff.first):
        if tiff.next(second):
            raise PictureError("the EXIF block has a third directory")
        entries = tiff.directory(second)
        _add_thumbnail(tiff, found, entries)
        _add_fields(tiff, found, "1st", entries)
    return found


def _add_fields(tiff: _Block, found: ExifFields, name: str, entries: TiffFields) -> None:
    for tag, entry in entries.items():
        if tag in _ELSEWHERE:
            raise PictureError("the EXIF block points to data that a rewrite would not carry along")
        if inner := _POINTERS.get((name, tag)):
            _add_fields(tiff, found, inner, tiff.directory(entry.number))
        else:
            found[name, tag] = entry


def _add_thumbnail(tiff: _Block, found: ExifFields, entries: TiffFields) -> None:
    at, length = entries.pop(_THUMB_AT, None), entries.pop(_THUMB_LENGTH, None)
    if at and length:
        start, end = at.number, at.number + length.number
        tiff.number(end, 0)
        found["1st", THUMBNAIL] = TiffField(tiff.data[start:end], 7)
