"""The cost of decoding beyond the pixels: a JPEG processes all of them for each of its scans."""

import re

from plugin.errors import PictureTooLarge
from plugin.words.plurals import pluralize

MOST_SCANS = 100
"""Programs write 1, 3, or some 10; libtiff draws the line here, too."""

_MOST_WORK = 2_400_000_000  # pixels times scans: 120 megapixels in 20 scans, about three seconds
_MARK = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # as decoders go on: what is between two markers is passed over
_SOS, _EOI = 0xDA, 0xD9
_ALONE = {0x01, *range(0xD0, 0xD9)}


def count_scans(data: bytes) -> int:
    """The scans of a JPEG, up to the end of its first picture; decodes nothing."""
    found, at = 0, 2
    while mark := _MARK.search(data, at):
        code, at = data[mark.start() + 1], mark.end()
        if code == _EOI:
            break
        found += code == _SOS
        at += 0 if code in _ALONE else int.from_bytes(data[at : at + 2], "big")
    return found


def check_scans(data: bytes, pixels: int) -> None:
    """Raises PictureTooLarge for a JPEG with scans that take much longer than its size suggests."""
    scans = count_scans(data)
    if scans > MOST_SCANS:
        raise PictureTooLarge(
            f"the picture is stored in {pluralize(scans, 'scan')}, {MOST_SCANS} are looked at: save it anew"
        )
    if scans * pixels > _MOST_WORK:
        raise PictureTooLarge(
            f"the picture is stored in {pluralize(scans, 'scan')}, which is too many for its "
            "size: save it anew, not progressive"
        )
