"""How closely a photograph has to be looked at, by its size alone."""

FOUND_PX = 24
"""From this width on, in the picture as the detector is given it, a face is found for sure."""


def look_px(longest: int, recognisable_px: int) -> int:
    """The longest side, in px, at which a picture of `longest` px has to be looked at.

    A face of `recognisable_px` in the file is FOUND_PX wide there.
    """
    return min(longest, -(-longest * FOUND_PX // recognisable_px))
