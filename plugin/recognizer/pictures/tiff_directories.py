"""The directories of a TIFF block or file, wherever they are linked (TIFF 6.0, supplements; BigTIFF)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MOST_DIRECTORIES = 64
"""Directories that are followed; more are no picture that a camera made."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_MANY = 65_536  # numbers read of one field: strips of the largest picture
SUBFILE, WIDTH, HEIGHT, STRIPS, STRIP_BYTES, TILES, TILE_BYTES = 254, 256, 257, 273, 279, 324, 325
SUB_DIRECTORIES, EXIF, LAYERS = 330, 34665, 37724


class BrokenTiff(ValueError):
    """No TIFF, or one that points outside itself."""


@dataclass(frozen=True)
class TiffDirectory:
    """A directory: its offset, whether it is in the main chain, its numbers, whether it has layers."""

    at: int
    chained: bool
    numbers: dict[int, tuple[int, ...]]
    layered: bool

    @property
    def pictures(self) -> bool:
        """Whether it has pixels of its own."""
        return WIDTH in self.numbers and (STRIPS in self.numbers or TILES in self.numbers)

    @property
    def reduced(self) -> bool:
        """Whether it is declared a smaller version of another picture, or a mask."""
        return bool(self.numbers.get(SUBFILE, (0,))[:1] and self.numbers.get(SUBFILE, (0,))[0] & 5)

    def spans(self) -> Iterator[tuple[int, int]]:
        """Starts and ends of its pixels."""
        for places, lengths in ((STRIPS, STRIP_BYTES), (TILES, TILE_BYTES)):
            for start, length in zip(self.numbers.get(places, ()), self.numbers.get(lengths, ()), strict=False):
                yield start, start + length


class TiffBlock:
    """A TIFF block: its byte order, offset size and directories."""

    def __init__(self, data: bytes, base: int = 0) -> None:
        self.data, self.base = data, base
        head = data[base : base + 4]
        if head in (b"II*\0", b"II+\0"):
            self.order: Literal["<", ">"] = "<"
        elif head in (b"MM\0*", b"MM\0+"):
            self.order = ">"
        else:
            raise BrokenTiff
        self.big = b"+" in head
        self.first = self.number(8, 8) if self.big else self.number(4, 4)

    def number(self, at: int, size: int) -> int:
        raw = self.data[self.base + at : self.base + at + size]
        if at < 0 or len(raw) < size:
            raise BrokenTiff
        return int.from_bytes(raw, "little" if self.order == "<" else "big")

    def directories(self) -> Iterator[TiffDirectory]:
        """Each once, the first one first. Raises BrokenTiff for more than MOST_DIRECTORIES, or a broken chain."""
        waiting, seen, many = [(self.first, True)], set(), 0
        while waiting:
            at, chained = waiting.pop(0)
            if not at or at in seen:
                continue
            seen.add(at)
            if len(seen) > MOST_DIRECTORIES:
                raise BrokenTiff
            try:
                found, after = self._read_directory(at, chained)
            except BrokenTiff:
                if chained:
                    raise
                continue
            many += sum(map(len, found.numbers.values()))
            if many > 4 * _MANY:
                raise BrokenTiff
            yield found
            if chained:
                waiting.append((after, True))
            inner = (*found.numbers.get(SUB_DIRECTORIES, ()), *found.numbers.get(EXIF, ()))
            waiting += [(spot, False) for spot in inner[: MOST_DIRECTORIES + 1]]

    def alone(self, directory: TiffDirectory) -> bytes:
        """The block with this directory as its first, so that a decoder opens it."""
        where, size = (8, 8) if self.big else (4, 4)
        order: Literal["little", "big"] = "little" if self.order == "<" else "big"
        data = self.data[self.base :]
        return data[:where] + directory.at.to_bytes(size, order) + data[where + size :]

    def _read_directory(self, at: int, chained: bool) -> tuple[TiffDirectory, int]:
        head, step, wide = (8, 20, 8) if self.big else (2, 12, 4)
        count = self.number(at, head)
        if count > 4096:
            raise BrokenTiff
        numbers: dict[int, tuple[int, ...]] = {}
        layered = False
        for spot in range(at + head, at + head + count * step, step):
            tag, kind, many = self.number(spot, 2), self.number(spot + 2, 2), self.number(spot + 4, wide)
            if tag == LAYERS:
                layered = self._has_layers(*self._locate(spot + 4 + wide, kind, many, wide))
            elif kind in _NUMBERS and tag in _WANTED:
                start, length = self._locate(spot + 4 + wide, kind, min(many, _MANY), wide)
                raw = self.data[self.base + start : self.base + start + length]
                if len(raw) == length:
                    numbers[tag] = struct.unpack(f"{self.order}{min(many, _MANY)}{_NUMBERS[kind]}", raw)
        end = at + head + count * step
        after = self.number(end, wide) if chained and self.base + end + wide <= len(self.data) else 0
        return TiffDirectory(at, chained, numbers, layered), after

    def _locate(self, spot: int, kind: int, many: int, wide: int) -> tuple[int, int]:
        length = _SIZES.get(kind, 1) * many
        return (spot, length) if length <= wide else (self.number(spot, wide), length)

    def _has_layers(self, start: int, length: int) -> bool:
        """Whether Photoshop's data contains layers, which a program can show separately."""
        data = self.data[self.base + start : self.base + start + length]
        for name in (b"Layr", b"Lr16", b"Lr32", b"ryaL", b"61rL", b"23rL"):
            at = data.find(name)
            if at >= 0 and any(data[at + 4 : at + 10]):
                return True
        return False


_WANTED = {SUBFILE, WIDTH, HEIGHT, STRIPS, STRIP_BYTES, TILES, TILE_BYTES, SUB_DIRECTORIES, EXIF}
