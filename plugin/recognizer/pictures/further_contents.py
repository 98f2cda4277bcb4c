"""What else a picture file contains that a program can show, by format."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator

from plugin.recognizer.pictures import heif_items, jpeg_parts
from plugin.recognizer.pictures.embedded_files import (
    Piece,
    Pieces,
    cut_pieces,
    find_pieces,
    inflate,
    list_directory_pieces,
)
from plugin.recognizer.pictures.partial_reasons import Partly
from plugin.recognizer.pictures.tiff_directories import BrokenTiff, TiffBlock, TiffDirectory

_PADDING = b"\0\xff \r\n\t"
_HARMLESS = 64  # bytes that are no padding: no picture of somebody is as small
_TRAILER = 16_384  # bytes: what cameras and programs write behind a picture about it
_KNOWN = re.compile(rb"SEFT\Z|CANON OPTIONAL DATA\0|AXS[!*]|cbipcbbl|\Avivo\{")
_TEXT = bytes(range(32, 127)) + b"\t\r\n\0"
_ZIPPED = 50_000_000  # bytes of all compressed texts of a file


def find_further_pictures(data: bytes) -> Pieces:
    """The further pictures of a picture file, and codes for other content."""
    for starts, find in _FORMATS:
        if starts(data):
            yield from find(data)
            return
    yield from find_pieces(data[16:])


def find_behind(rest: bytes) -> Pieces:
    """What follows the end of a picture."""
    at, left = 0, []
    for what, start, end in cut_pieces(rest):
        yield what
        left.append(rest[at:start])
        at = max(at, end)
    if not _is_harmless(b"".join((*left, rest[at:]))):
        yield Partly.BEHIND


def _is_harmless(left: bytes) -> bool:
    """Padding, a few bytes, or known data of cameras and programs."""
    if len(left.translate(None, _PADDING)) <= _HARMLESS:
        return True
    if len(left) > _TRAILER:
        return False
    return _KNOWN.search(left.rstrip(_PADDING)) is not None or not left.translate(None, _TEXT)


def _jpeg(data: bytes) -> Pieces:
    try:
        segments, end = jpeg_parts.parse_segments(data)
    except jpeg_parts.TruncatedJpeg:
        yield from find_pieces(data[2:])
        return
    for pixels in jpeg_parts.list_plain_thumbnails(segments):
        yield Piece(pixels, searched=True)
    for part in jpeg_parts.join_segments(segments):
        yield from find_pieces(part)
    yield from find_behind(data[end:])


def _png(data: bytes) -> Pieces:
    at, room = 8, _ZIPPED
    while at + 12 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        at += 12 + size
        if kind == b"IEND":
            break
        if kind == b"fdAT":
            yield Partly.FRAMES
        elif kind not in (b"IDAT", b"PLTE", b"tRNS"):
            yield from find_pieces(body)
            text = _unzip(kind, body)
            room -= len(text)
            if room < 0:
                yield Partly.UNREAD_PICTURE
                return
            yield from find_pieces(text)
    yield from find_behind(data[at:])


def _unzip(kind: bytes, body: bytes) -> bytes:
    """The text of a compressed chunk; b"" for others."""
    _, _, rest = body.partition(b"\0")
    if kind == b"iTXt" and rest[:1] == b"\1":
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    elif kind in (b"zTXt", b"iCCP"):
        rest = rest[1:]
    else:
        return b""
    try:
        return inflate(rest)
    except zlib.error:
        return b""


def _webp(data: bytes) -> Pieces:
    end = 8 + int.from_bytes(data[4:8], "little")
    at = 12
    while at + 8 <= min(end, len(data)):
        size, kind = int.from_bytes(data[at + 4 : at + 8], "little"), data[at : at + 4]
        if kind not in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF"):
            yield from find_pieces(data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    yield from find_behind(data[min(at, end) :])


def _gif(data: bytes) -> Pieces:
    """Comments and application data, whole and in blocks: all but the frames."""
    at = 13 + _colour_table_bytes(data[10:11])
    while at < len(data):
        start, kind, parts = at, data[at], []
        if kind == 0x3B:
            yield from find_behind(data[at + 1 :])
            return
        at += 11 + _colour_table_bytes(data[at + 9 : at + 10]) if kind == 0x2C else 2
        while at < len(data) and data[at]:
            parts.append(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
        at += 1
        if kind != 0x2C:
            yield from find_pieces(data[start:at])
            yield from find_pieces(b"".join(parts))


def _colour_table_bytes(flags: bytes) -> int:
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _bmp(data: bytes) -> Pieces:
    def number(at: int, size: int = 4) -> int:
        return int.from_bytes(data[at : at + size], "little", signed=size == 4)

    pixels, head = number(10), number(14)
    if head == 12:
        width, height, bits, packed, stated = number(18, 2), number(20, 2), number(24, 2), 0, 0
    else:
        width, height, bits, packed, stated = (number(18), abs(number(22)), number(28, 2), number(30), number(34))
    length = stated if packed not in (0, 3) else (width * bits + 31) // 32 * 4 * height
    yield from find_pieces(data[14:pixels])
    yield from find_behind(data[pixels + max(length, 0) :])


def _tiff(data: bytes) -> Pieces:
    block = TiffBlock(data)
    try:
        directories = list(block.directories())
    except BrokenTiff:
        yield Partly.UNREAD_PICTURE
        return
    for one in directories[1:]:
        if one.pictures and one.chained and not one.reduced:
            yield Partly.PAGES
        else:
            yield from list_directory_pieces(block, [one])
    if any(one.layered for one in directories):
        yield Partly.LAYERS
    for start, end in _list_gaps(directories, len(data)):
        yield from find_pieces(data[start:end])


def _list_gaps(directories: Iterable[TiffDirectory], end: int) -> Iterator[tuple[int, int]]:
    """Where no directory has its pixels, without the header."""
    at = 8
    for start, stop in sorted(span for one in directories for span in one.spans()):
        if start > at:
            yield at, start
        at = max(at, stop)
    if at < end:
        yield at, end


def _heif(data: bytes) -> Pieces:
    found, end = heif_items.find_further(data)
    yield from found
    yield from find_behind(data[end:])


_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], Pieces]], ...] = (
    (lambda data: data.startswith(b"\xff\xd8"), _jpeg),
    (lambda data: data.startswith(b"\x89PNG"), _png),
    (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _webp),
    (lambda data: data.startswith(b"GIF8"), _gif),
    (lambda data: data.startswith(b"BM"), _bmp),
    (lambda data: data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _tiff),
    (lambda data: data[4:8] == b"ftyp", _heif),
)
