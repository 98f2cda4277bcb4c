"""The words of a receipt, English and Dutch."""

from collections.abc import Mapping
from datetime import date, datetime

from plugin.quitclaim.words import wording

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "lang": "en", "file": "receipt", "title": "Receipt", "of": "what was agreed about photographs",
        "person": "About", "guardian": "Signed for them by",
        "asked": "Asked by", "contact": "Contact", "signed": "Signed", "until": "Holds through",
        "number": "Receipt number",
        "lines": "What was chosen", "yes": "yes", "no": "no", "withdraw": "Changing or withdrawing",
        "retention": "What is kept, and for how long", "proof": "That nothing was changed",
        "hash": "This receipt also comes as a file (JSON). Its contents have the SHA-256",
        "text": "The text that was signed has the SHA-256", "policy": "All about how your data are used",
        "version": "Form",
    },
    "nl": {
        "lang": "nl", "file": "ontvangstbewijs", "title": "Ontvangstbewijs", "of": "wat er over foto's is afgesproken",
        "person": "Over", "guardian": "Namens deze persoon getekend door", "asked": "Gevraagd door",
        "contact": "Contact",
        "signed": "Getekend", "until": "Geldt tot en met", "number": "Nummer", "lines": "Wat er is gekozen",
        "yes": "ja", "no": "nee", "withdraw": "Wijzigen of intrekken", "retention": "Wat wij bewaren, en hoe lang",
        "proof": "Dat er niets is veranderd",
        "hash": "Dit bewijs is er ook als bestand (JSON). De inhoud daarvan heeft de SHA-256",
        "text": "De tekst die is getekend heeft de SHA-256", "policy": "Alles over het gebruik van uw gegevens",
        "version": "Formulier",
    },
}  # fmt: skip

_AT = {"en": "{day}, {time}", "nl": "{day} om {time}"}


def of(language: str) -> Mapping[str, str]:
    """The words of a language; English for one that we do not have."""
    return _WORDS.get(language, _WORDS["en"])


def moment(at: datetime, language: str) -> str:
    """A moment in words, as it was where it was signed."""
    said = _AT.get(language, _AT["en"])
    return said.format(day=wording.day(at.date(), language), time=f"{at:%H:%M} ({at:%z})")


def through(last_day: str, language: str) -> str:
    """The last day, in words."""
    return wording.day(date.fromisoformat(last_day), language)
