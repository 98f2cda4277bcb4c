"""Why a photograph was not, or only partly, looked at, and why names could not be read: codes in words.

Codes are parted by spaces, and ": " and more may follow. Those of `recognizer.partly` and `hooks.unread` are among
them. What is no code (a sentence of a decoder, or one that was stored before there were codes) is shown as it is.
"""

from enum import StrEnum

from plugin.words.catalogues import Words


class NotExamined(StrEnum):
    """Why a photograph was not examined at all."""

    NO_PHOTOGRAPH = "no_photograph"
    OFF = "recognition_off"
    FAILED = "failed"
    REPLACED = "replaced"
    FORGOTTEN = "boxes_forgotten"
    BEFORE = "looked_less_closely"


def say(why: str, language: str) -> str:
    """The codes in words; unchanged where any of them is none."""
    words = Words("examination", language)
    head, colon, rest = why.partition(": ")
    codes = head.split()
    if not codes or not all(code in words for code in codes):
        return why
    return "; ".join(words[code] for code in dict.fromkeys(codes)) + colon + rest
