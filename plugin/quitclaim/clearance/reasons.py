"""The reasons of an answer."""

from dataclasses import dataclass
from enum import StrEnum


class ReasonCode(StrEnum):
    """Reasons for machines; `wording.render` words them for people."""

    NEVER_AGREED = "never_agreed"
    AGREEMENT_ENDED = "agreement_ended"
    AGREEMENT_TO_COME = "agreement_to_come"
    NAME_NOT_LINKED = "name_not_linked"
    NOT_EXAMINED = "not_examined"
    EXAMINED_PARTLY = "examined_partly"
    FACE_NOT_NAMED = "face_not_named"
    FACE_SUGGESTED = "face_suggested"
    FACE_REJECTED = "face_rejected"
    NOT_CONFIRMED = "not_confirmed"
    FACE_NOT_VOUCHED = "face_not_vouched"
    NAME_MISSING = "name_missing"
    FACE_DISMISSED = "face_dismissed"
    FACE_SET_ASIDE = "face_set_aside"  # dismissed by a reason that settles nothing
    FACE_DISMISSED_BEFORE = "face_dismissed_before"  # before the reasons were a list
    FACE_NOT_SMALL = "face_not_small"  # dismissed as too small, and it is not, or nobody knows
    SMALL_FIGURES = "small_figures"
    NO_FACE = "no_face"
    HOUSE_CLOSED = "house_closed"
    NAMES_UNREAD = "names_unread"
    SHOWN_AT = "shown_at"


@dataclass(frozen=True)
class Reason:
    """One reason, with what its sentence needs: name, use, moment (ISO 8601), count, why, px, dismissal."""

    code: ReasonCode
    values: tuple[tuple[str, str], ...] = ()
