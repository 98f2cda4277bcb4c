"""Finds pictures, films and sounds in arbitrary bytes by their signatures, and cuts them out."""

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from plugin.recognizer.pictures import jpeg_parts
from plugin.recognizer.pictures.partial_reasons import Partly
from plugin.recognizer.pictures.tiff_directories import BrokenTiff, TiffBlock, TiffDirectory

_MOST_TEXT = 50_000_000  # bytes of one picture in text or in a compressed chunk


@dataclass(frozen=True)
class Piece:
    """A further picture: a complete file in `data`. `code`: what another person on it means."""

    data: bytes
    code: Partly = Partly.OTHER_PICTURE
    searched: bool = False
    """Whether what else is in `data` is looked for already."""


Pieces = Iterator[Piece | Partly]

_SIGNS = re.compile(
    rb"(?P<jpeg>\xff\xd8\xff)|(?P<png>\x89PNG\r\n\x1a\n)|(?P<gif>GIF8[79]a)|(?P<riff>RIFF....(?:WEBP|AVI |WAVE))"
    rb"|(?P<boxes>ftyp|moov....mvhd)|(?P<tiff>II[*+]\0|MM\0[*+])"
    rb"|(?P<bmp>BM....\0\0\0\0....[\x0c\x28\x6c\x7c]\0\0\0)"
    rb"|(?P<film>\x1aE\xdf\xa3|\0\0\x01\xba|FLV\x01|0&\xb2u\x8ef\xcf\x11)"
    rb"|(?P<sound>OggS\0|ID3[\x02-\x04]\0|fLaC\0|\#!AMR|caff\0\x01|FORM....AIF[FC])"
    rb"|(?P<unread>8BPS\0[\x01\x02]|<svg[\s>]"
    rb"|\0\0\0\x0cj(?:P  |XL )\r\n\x87\n|\0\0\0\x0cJXL \r\n\x87\n|\xff\x4f\xff\x51\0)"
    rb"|(?P<behind>PK\x03\x04|%PDF-\d)"
    rb"|(?P<base64>/9j/[0-9A-Za-z+/]|iVBORw0KGgo|R0lGOD[dl]h|UklGR[g-v]|SUkqA|TU0AK|AAAA[A-Z]GZ0eX)"
    rb"|(?P<hex>(?i:ffd8ff[0-9a-f]{2}|89504e470d0a1a0a))",
    re.DOTALL,
)
_LITERAL = (
    b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"ftyp", b"mvhd", b"II*\0", b"II+\0", b"MM\0*", b"MM\0+",
    b"\x1aE\xdf\xa3", b"\0\0\x01\xba", b"FLV\x01", b"0&\xb2u", b"OggS", b"ID3", b"fLaC", b"#!AMR", b"caff", b"FORM",
    b"8BPS", b"<svg", b"\0\0\0\x0cj", b"\0\0\0\x0cJ", b"\xff\x4f\xff\x51", b"PK\x03\x04", b"%PDF-",
    b"/9j/", b"iVBORw0KGgo", b"R0lGOD", b"UklGR", b"SUkqA", b"TU0AK", b"Z0eX",
)  # fmt: skip
"""What must be in the data for a sign to be found: many times as quick to look for as the signs."""
_BITMAP = re.compile(rb"BM....\0\0\0\0", re.DOTALL)
_HEXED = (b"ffd8ff", b"89504e47")
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/=\s]|&#x?[0-9A-Da-d]{1,3};|\\[nr])+")
_HEX = re.compile(rb"[0-9A-Fa-f\s]+")
_ENTITY = re.compile(rb"&#x?[0-9A-Da-d]{1,3};|\\[nr]|\s")
_STILL = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1", b"avif", b"avis", b"miaf")
_SOUND = (b"M4A ", b"M4B ", b"F4A ")
_BOXES = 4096
_SHORTEST = 200  # characters of a picture that is written as text


def cut_pieces(data: bytes, at: int = 0) -> Iterator[tuple[Piece | Partly, int, int]]:
    """What begins in `data` from `at` on, with its start and end; scans each byte once."""
    if not _may_begin(data):
        return
    while found := _SIGNS.search(data, at):
        kind = str(found.lastgroup)
        what, start, end = _CUTTERS[kind](data, found.start())
        for one in what:
            yield one, start, end
        at = max(end, found.start() + 3)


def _may_begin(data: bytes) -> bool:
    if any(sign in data for sign in _LITERAL) or _BITMAP.search(data):
        return True
    lower = data.lower()
    return any(sign in lower for sign in _HEXED)


def find_pieces(data: bytes) -> Pieces:
    """What begins anywhere in `data`."""
    for what, _, _ in cut_pieces(data):
        yield what


def inflate(data: bytes) -> bytes:
    """A zlib stream, up to a limit. Raises zlib.error."""
    return zlib.decompressobj().decompress(data, _MOST_TEXT)


CutPieces = tuple[Sequence[Piece | Partly], int, int]


def _jpeg(data: bytes, at: int) -> CutPieces:
    try:
        _, end = jpeg_parts.parse_segments(data, at)
    except (
        jpeg_parts.TruncatedJpeg
    ):  # thumbnails without an end marker are common; of what is cut off viewers show the rest
        return ([Piece(data[at:] + b"\xff\xd9")] if len(data) - at > _SHORTEST else []), at, at
    if b"\xff\xda" not in data[at:end]:  # tables for pictures elsewhere
        return [], at, end
    return [Piece(data[at:end])], at, end


def _png(data: bytes, at: int) -> CutPieces:
    end = at + 8
    while end + 12 <= len(data):
        kind = data[end + 4 : end + 8]
        end += 12 + int.from_bytes(data[end : end + 4], "big")
        if kind == b"IEND":
            break
    return [Piece(data[at:end])], at, end


def _gif(data: bytes, at: int) -> CutPieces:
    return [Piece(data[at:])], at, len(data)


def _riff(data: bytes, at: int) -> CutPieces:
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    end = min(len(data), at + 8 + size + size % 2)
    kind = data[at + 8 : at + 12]
    if kind == b"WEBP":
        return [Piece(data[at:end])], at, end
    return [Partly.FILM if kind == b"AVI " else Partly.SOUND], at, end


def _boxes(data: bytes, at: int) -> CutPieces:
    """From the `ftyp` at `at` to the last box that follows."""
    start = at - 4
    size = int.from_bytes(data[start:at], "big") if start >= 0 else 0
    brands = {data[spot : spot + 4] for spot in (at + 4, *range(at + 12, at + min(size, 256) - 4, 4))}
    if data[at : at + 4] == b"ftyp" and not (8 <= size <= 4096 and data[at + 4 : at + 7].isalnum()):
        return [], at, at
    end = start
    for _ in range(_BOXES):
        if end + 8 > len(data) or not data[end + 4 : end + 8].isalnum():
            break
        size = int.from_bytes(data[end : end + 4], "big")
        if size == 1:
            size = int.from_bytes(data[end + 8 : end + 16], "big")
        end = len(data) if size == 0 else end + size
        if 0 < size < 8 or end > len(data):
            end = len(data)
            break
    if data[at + 4 : at + 8] in _STILL or brands & {b"heic", b"avif"}:
        return [Piece(data[start:end])], start, end
    return [Partly.SOUND if data[at + 4 : at + 8] in _SOUND else Partly.FILM], start, end


def _tiff(data: bytes, at: int) -> CutPieces:
    """An inner TIFF, as in EXIF: nothing unless one of its directories has pixels; its content is searched too."""
    try:
        return list(list_directory_pieces(TiffBlock(data, at))), at, at
    except BrokenTiff:
        return [], at, at


def list_directory_pieces(block: TiffBlock, directories: Iterable[TiffDirectory] | None = None) -> Pieces:
    """The pictures of a TIFF's directories, each as the first directory of a copy."""
    for directory in block.directories() if directories is None else directories:
        if directory.pictures:
            yield Piece(block.alone(directory), searched=True)


def _bmp(data: bytes, at: int) -> CutPieces:
    size = int.from_bytes(data[at + 2 : at + 6], "little")
    return [Piece(data[at : at + max(size, 60)])], at, min(len(data), at + max(size, 60))


def _take_rest(code: Partly) -> Callable[[bytes, int], CutPieces]:
    return lambda data, at: ([code], at, len(data))


def _base64(data: bytes, at: int) -> CutPieces:
    run = _BASE64.match(data, at, at + _MOST_TEXT)
    text = _ENTITY.sub(b"", run.group()) if run else b""
    if run is None or len(text) < _SHORTEST:
        return [], at, at
    text = text.split(b"=")[0]
    return _cut_text(base64.b64decode(text[: len(text) // 4 * 4] + _pad(text)), at, run.end())


def _pad(text: bytes) -> bytes:
    rest = len(text) % 4
    return text[len(text) - rest :] + b"=" * (4 - rest) if rest > 1 else b""


def _hex(data: bytes, at: int) -> CutPieces:
    run = _HEX.match(data, at, at + _MOST_TEXT)
    text = b"".join(run.group().split()) if run else b""
    if run is None or len(text) < _SHORTEST:
        return [], at, at
    try:
        return _cut_text(binascii.unhexlify(text[: len(text) // 2 * 2]), at, run.end())
    except ValueError:
        return [], at, at


def _cut_text(data: bytes, start: int, end: int) -> CutPieces:
    """The picture in decoded text."""
    inner = next(cut_pieces(data), None)
    return ([] if inner is None else [inner[0]]), start, end


_CUTTERS: dict[str, Callable[[bytes, int], CutPieces]] = {
    "jpeg": _jpeg, "png": _png, "gif": _gif, "riff": _riff, "boxes": _boxes, "tiff": _tiff, "bmp": _bmp,
    "film": _take_rest(Partly.FILM), "sound": _take_rest(Partly.SOUND), "unread": _take_rest(Partly.UNREAD_PICTURE),
    "behind": _take_rest(Partly.BEHIND), "base64": _base64, "hex": _hex,
}  # fmt: skip
