"""Why a face need not be named: a closed list."""

from enum import StrEnum


class Dismissal(StrEnum):
    """What somebody of the staff says of a face."""

    NO_PERSON = "no_person"
    TOO_SMALL = "too_small"
    BYSTANDER = "bystander"
    OBJECTS = "objects"
    OTHER = "other"


SETTLING = frozenset({Dismissal.NO_PERSON, Dismissal.TOO_SMALL})
"""The reasons that leave nothing to decide; after any other the photograph stays unknown."""

LARGE = 2
"""From so many times `clearance.recognisable_px` on, in the file, no face is too small to be recognised."""


def is_small(file_px: int | None, recognisable_px: int) -> bool:
    """Whether a face so wide in the file may be called too small to be recognised; one of unknown width may not."""
    return file_px is not None and file_px < LARGE * recognisable_px


def settles(dismissal: Dismissal | None, file_px: int | None, recognisable_px: int) -> bool:
    """Whether nothing is left to decide about a face that was dismissed so; None: before there was a list."""
    small = dismissal is Dismissal.TOO_SMALL
    return dismissal in SETTLING and (not small or is_small(file_px, recognisable_px))
