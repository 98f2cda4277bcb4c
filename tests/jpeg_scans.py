"""JPEGs that go over their pixels more often than they have to."""

from plugin.recognizer.pictures.jpeg_parts import _find_scan_end

_EOI, _SOS = 0xD9, 0xDA


def with_more_scans(data: bytes, more: int) -> bytes:
    """A progressive JPEG whose last scan stands there so many times more, each of them whole."""
    at, start = 2, 0
    scans: list[bytes] = []
    while data[at + 1] != _EOI:
        code, end = data[at + 1], at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        start = start or (at if code in (0xC4, _SOS) else 0)
        if code == _SOS:
            end = _find_scan_end(data, end)
            scans.append(data[start:end])
            start = 0
        at = end
    return data[:at] + scans[-1] * more + data[at:]
