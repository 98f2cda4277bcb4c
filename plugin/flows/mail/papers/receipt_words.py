"""The words of a receipt."""

from datetime import date, datetime

from plugin.quitclaim.words import wording
from plugin.words.catalogues import Words


def of(language: str) -> Words:
    """The words of a language; English for one that we do not have."""
    return Words("receipt", language)


def moment(at: datetime, language: str) -> str:
    """A moment in words, as it was where it was signed."""
    return of(language)["moment"].format(day=wording.day(at.date(), language), time=f"{at:%H:%M} ({at:%z})")


def through(last_day: str, language: str) -> str:
    """The last day, in words."""
    return wording.day(date.fromisoformat(last_day), language)
