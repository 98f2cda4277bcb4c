"""The words of our pages, in each language that we ship."""

from collections.abc import Mapping

from flask import request

LANGUAGES = ("en", "nl")

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "lang": "en",
        "lead": "Tags the people in photographs only while they agree to it.",
        "ready": "Ready", "not_ready": "Not ready: see /ready",
        "photos": "Photographs", "whole": "examined", "partly": "examined in part", "no": "not examined",
        "faces": "Faces", "matched": "named", "suggested": "suggested", "unmatched": "unnamed",
        "rejected": "rejected", "dismissed": "left out",
        "jobs": "Jobs", "queued": "waiting", "running": "running", "dead": "given up",
        "templates": "Templates kept", "other": "Nederlands", "other_lang": "nl",
        "note": "A template is kept only while its person's recognition consent is in force. "
                "Faces without a name are a box and a count.",
    },
    "nl": {
        "lang": "nl",
        "lead": "Zet namen bij mensen op foto's zolang zij daarmee instemmen, en niet langer.",
        "ready": "Klaar voor gebruik", "not_ready": "Niet klaar: zie /ready",
        "photos": "Foto's", "whole": "onderzocht", "partly": "deels onderzocht", "no": "niet onderzocht",
        "faces": "Gezichten", "matched": "met naam", "suggested": "voorgesteld", "unmatched": "zonder naam",
        "rejected": "afgewezen", "dismissed": "weggelaten",
        "jobs": "Taken", "queued": "wachtend", "running": "bezig", "dead": "opgegeven",
        "templates": "Bewaarde templates", "other": "English", "other_lang": "en",
        "note": "Een template blijft alleen bewaard zolang de toestemming voor herkenning geldt. "
                "Een gezicht zonder naam is een kader en een telling.",
    },
}  # fmt: skip


def of(language: str) -> Mapping[str, str]:
    """The words of a language; English for one that we do not have."""
    return _WORDS.get(language, _WORDS["en"])


def chosen(wanted: str, house: str) -> str:
    """The language of this request: the one that was said (`nl`, `nl-BE`), else the browser's, else the house's."""
    said = wanted.replace("_", "-").split("-")[0].lower()
    return said if said in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or house
