"""Why a face was dismissed, in words, English and Dutch."""

from collections.abc import Mapping

from plugin.quitclaim.clearance.dismissal import Dismissal

_DISMISSALS: Mapping[str, Mapping[Dismissal, str]] = {
    "en": {
        Dismissal.NO_PERSON: "it shows no person",
        Dismissal.TOO_SMALL: "too small to be recognised",
        Dismissal.BYSTANDER: "a bystander",
        Dismissal.OBJECTS: "somebody who objects",
        Dismissal.OTHER: "something else",
    },
    "nl": {
        Dismissal.NO_PERSON: "het toont geen persoon",
        Dismissal.TOO_SMALL: "te klein om herkend te worden",
        Dismissal.BYSTANDER: "een omstander",
        Dismissal.OBJECTS: "iemand die bezwaar maakt",
        Dismissal.OTHER: "iets anders",
    },
}
_BEFORE = {"en": "before there was a list", "nl": "voordat er een lijst was"}


def dismissal(key: str, said: str, language: str) -> str:
    """Why a face was dismissed, with what was said of it in brackets; an empty key: before there was a list."""
    tongue = language if language in _DISMISSALS else "en"
    if not key:
        return f"{_BEFORE[tongue]}: {said}" if said else _BEFORE[tongue]
    words = _DISMISSALS[tongue][Dismissal(key)]
    return f"{words} ({said})" if said else words
