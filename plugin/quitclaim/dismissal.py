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
