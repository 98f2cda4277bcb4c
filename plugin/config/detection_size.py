"""At which size a photograph is searched for faces, by its own size."""

FOUND_PX = 20
"""From this width on, in the finest picture that is searched, a face is found for sure: doubtful ones are looked at
once more, enlarged (`recognizer.finer_pass`).

Measured with the default detector on 260 people's faces (LFW) shrunk to this width: 17 px .987, 18 px .992, 20 px .994,
24 px 1.000 found; without the second look .40 at 16 px, .73 at 20, .97 at 24, 1.00 at 28. In pictures of 3,200 to
6,000 px, as JPEG, 875 of 882 faces 64 px wide in the file were found (.992).
"""


def detection_px(longest: int, recognisable_px: int, found_px: int = FOUND_PX) -> int:
    """The longest side, in px, at which a picture of `longest` px has to be searched.

    A face of `recognisable_px` in the file is `found_px` wide there.
    """
    return min(longest, -(-longest * found_px // recognisable_px))
