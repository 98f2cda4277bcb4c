"""The words of the staff's pages, in each language that we ship."""

from collections.abc import Mapping

from sidecar.console.words_en import ENGLISH
from sidecar.console.words_nl import DUTCH

LANGUAGES = ("en", "nl")

_WORDS: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "nl": DUTCH}


def of(language: str) -> Mapping[str, str]:
    """The words of a language; English for one that we do not have."""
    return _WORDS.get(language, ENGLISH)
