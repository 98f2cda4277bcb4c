"""The segments of a JPEG, data that spans several of them, and where it ends (ITU T.81)."""

import re
from collections import defaultdict
from collections.abc import Iterator

_MARK = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # in a scan: anything but a stuffed byte, a restart and a fill byte
_SOS, _EOI = 0xDA, 0xD9
_ALONE = {0x01, *range(0xD0, 0xD9)}
_BASE = (0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD)  # frames and tables of the picture itself

# What a program puts before its part of data that spans segments: bytes to leave out, by which the parts are sorted too
_SPANNING = (
    (0xE1, b"Exif\0\0", 6),
    (0xE1, b"http://ns.adobe.com/xmp/extension/\0", 75),
    (0xE2, b"FPXR\0", 13),
    (0xE2, b"MPF\0", 4),
    (0xE2, b"ICC_PROFILE\0", 14),
    (0xEB, b"JP", 16),
    (0xED, b"Photoshop 3.0\0", 14),
)


class TruncatedJpeg(ValueError):
    """No JPEG, or one without its end marker."""


def parse_segments(data: bytes, at: int = 0) -> tuple[list[tuple[int, bytes]], int]:
    """The segments of the JPEG at `at`, by code and body, and its end. Raises TruncatedJpeg."""
    if data[at : at + 2] != b"\xff\xd8":
        raise TruncatedJpeg
    found: list[tuple[int, bytes]] = []
    at += 2
    while True:
        while data[at : at + 2] == b"\xff\xff":  # fill bytes may precede a marker
            at += 1
        if at + 2 > len(data) or data[at] != 0xFF:
            raise TruncatedJpeg
        code = data[at + 1]
        if code == _EOI:
            return found, at + 2
        if code in _ALONE:
            at += 2
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if size < 2 or at + 2 + size > len(data):
            raise TruncatedJpeg
        if code not in _BASE and code != _SOS:
            found.append((code, data[at + 4 : at + 2 + size]))
        at += 2 + size
        if code == _SOS:
            at = _find_scan_end(data, at)


def _find_scan_end(data: bytes, at: int) -> int:
    mark = _MARK.search(data, at)
    if mark is None:
        raise TruncatedJpeg
    return mark.start()


def join_segments(found: list[tuple[int, bytes]]) -> Iterator[bytes]:
    """The data of the segments; data that spans several is joined."""
    groups: dict[tuple[int, bytes], list[tuple[bytes, bytes]]] = defaultdict(list)
    for code, body in found:
        name, head = next(((n, h) for c, n, h in _SPANNING if c == code and body.startswith(n)), (b"", 0))
        groups[code, name].append((body[:head], body[head:]))
    for (_, name), parts in groups.items():
        if name:
            parts.sort(key=lambda part: part[0])
        yield b"".join(body for _, body in parts)


def list_plain_thumbnails(found: list[tuple[int, bytes]]) -> Iterator[bytes]:
    """The uncompressed thumbnails of JFIF and JFXX, as PPM."""
    for code, body in found:
        if code != 0xE0:
            continue
        if body.startswith(b"JFIF\0") and len(body) > 14:
            yield from _build_ppm(body[12], body[13], body[14:])
        elif body.startswith(b"JFXX\0\x13") and len(body) > 8:
            yield from _build_ppm(body[6], body[7], body[8:])
        elif body.startswith(b"JFXX\0\x11") and len(body) > 776:
            colours, pixels = body[8:776], body[776:]
            yield from _build_ppm(body[6], body[7], b"".join(colours[3 * n : 3 * n + 3] for n in pixels))


def _build_ppm(width: int, height: int, pixels: bytes) -> Iterator[bytes]:
    if width and height and len(pixels) >= width * height * 3:
        yield b"P6 %d %d 255\n" % (width, height) + pixels[: width * height * 3]
