"""How wide a face is where its photograph is shown smaller."""


def is_wide(file_px: int, longest: int, shown: int, least: int) -> bool:
    """Whether a face is `least` px wide where the picture of `longest` px is shown at `shown` px, never enlarged.

    To the nearest px: the width in the file is a whole number, and the detector's own may be half a px more.
    """
    return (2 * file_px + 1) * min(shown, longest) > (2 * least - 1) * longest
