"""Why a photograph was not, or only partly, looked at, and why names could not be read: codes in words.

Codes are parted by spaces, and ": " and more may follow. Those of `recognizer.partly` and `hooks.unread` are among
them. What is no code (a sentence of a decoder, or one that was stored before there were codes) is shown as it is.
"""

from collections.abc import Mapping
from enum import StrEnum


class NotExamined(StrEnum):
    """Why a photograph was not examined at all."""

    NO_PHOTOGRAPH = "no_photograph"
    OFF = "recognition_off"
    FAILED = "failed"
    REPLACED = "replaced"
    FORGOTTEN = "boxes_forgotten"
    BEFORE = "looked_less_closely"


_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "pages": "the file has further pages",
        "frames": "the file has further frames",
        "layers": "the file has further layers",
        "film": "a film lies behind the picture",
        "sound": "the file holds a sound",
        "other_picture": "a smaller picture inside the file shows somebody else",
        "unread_picture": "a further picture inside the file cannot be opened",
        "transparent": "somebody is seen where the picture is transparent",
        "turned": "programs turn the picture differently, and somebody is seen only as others turn it",
        "behind": "something unknown stands behind the picture",
        "preview_only": "only a preview was looked at, not what else the original holds",
        "small_preview": "there is only a preview, which is too small for the size of the original",
        "unknown_size": "there is only a preview, and the size of the original is not known",
        "not_close": "it is too large to be looked at closely enough",
        "no_photograph": "it is no photograph: films, documents and files of several pages are not examined yet",
        "recognition_off": "recognition is off in every collection of this photograph",
        "failed": "examining it failed",
        "replaced": "the file was replaced, and its turn has not come yet",
        "boxes_forgotten": "what was found on it was past its term",
        "looked_less_closely": "it was examined less closely than is asked for now",
        "photo": "the file itself is damaged or may not be read",
        "sidecar": "the file beside it that holds its metadata is damaged or may not be read",
        "list": "a list of names beside it cannot be read, or has somebody whom it does not name",
    },
    "nl": {
        "pages": "het bestand heeft meer pagina's",
        "frames": "het bestand heeft meer beelden",
        "layers": "het bestand heeft meer lagen",
        "film": "achter de foto zit een film",
        "sound": "het bestand bevat geluid",
        "other_picture": "een kleinere afbeelding in het bestand toont iemand anders",
        "unread_picture": "een andere afbeelding in het bestand kan niet worden geopend",
        "transparent": "waar de afbeelding doorzichtig is, is iemand te zien",
        "turned": "programma's draaien de foto verschillend, en alleen anders gedraaid is iemand te zien",
        "behind": "achter de foto zit iets onbekends",
        "preview_only": "alleen een voorbeeldweergave is bekeken, niet wat het origineel verder bevat",
        "small_preview": "er is alleen een voorbeeldweergave, en die is te klein voor de grootte van het origineel",
        "unknown_size": "er is alleen een voorbeeldweergave, en de grootte van het origineel is niet bekend",
        "not_close": "ze is te groot om nauwkeurig genoeg te bekijken",
        "no_photograph": "het is geen foto: films, documenten en bestanden met meer pagina's worden niet onderzocht",
        "recognition_off": "herkenning staat uit in elke collectie van deze foto",
        "failed": "het onderzoeken mislukte",
        "replaced": "het bestand is vervangen, en deze foto is nog niet aan de beurt geweest",
        "boxes_forgotten": "wat erop gevonden was, was over zijn bewaartermijn",
        "looked_less_closely": "de foto is minder nauwkeurig onderzocht dan nu gevraagd wordt",
        "photo": "het bestand zelf is beschadigd of mag niet worden gelezen",
        "sidecar": "het bestand ernaast met de metadata is beschadigd of mag niet worden gelezen",
        "list": "een namenlijst ernaast kan niet worden gelezen, of heeft iemand die ze niet noemt",
    },
}  # fmt: skip


def say(why: str, language: str) -> str:
    """The codes in words, "en" or "nl"; unchanged where any of them is none."""
    words = _WORDS[language]
    head, colon, rest = why.partition(": ")
    codes = head.split()
    if not codes or not all(code in words for code in codes):
        return why
    return "; ".join(words[code] for code in dict.fromkeys(codes)) + colon + rest
