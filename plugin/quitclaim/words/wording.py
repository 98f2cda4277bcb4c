"""The reasons of an answer in plain words, English and Dutch. Plain text: whoever shows it escapes it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo

from plugin.quitclaim.clearance.answers import Code, Reason
from plugin.quitclaim.words.dismissal_words import dismissal
from plugin.quitclaim.words.examination_words import say

_MONTHS = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December"),
    "nl": ("januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september",
           "oktober", "november", "december"),
}  # fmt: skip

# One sentence, or two where a count tells one from several.
_SENTENCES: Mapping[str, Mapping[Code, tuple[str, ...]]] = {
    "en": {
        Code.NEVER_AGREED: ("{name} has not agreed to {use}",),
        Code.AGREEMENT_ENDED: ("the agreement of {name} to {use} ended on {date}",),
        Code.AGREEMENT_TO_COME: ("the agreement of {name} to {use} begins on {date}",),
        Code.NAME_NOT_LINKED: ("{name} is named, but no quitclaim is known under that name",),
        Code.NOT_EXAMINED: ("the photo has not been examined{why}",),
        Code.EXAMINED_PARTLY: ("only a part has been examined{why}",),
        Code.FACE_NOT_NAMED: ("a face is not named yet", "{count} faces are not named yet"),
        Code.FACE_SUGGESTED: (
            "a suggested name waits for a decision",
            "{count} suggested names wait for a decision",
        ),
        Code.FACE_REJECTED: (
            "a suggested name was rejected and the face has no other",
            "{count} suggested names were rejected and the faces have no other",
        ),
        Code.NOT_CONFIRMED: ("nobody has confirmed yet that this is {name}",),
        Code.FACE_NOT_VOUCHED: ("nobody has said yet how it is known that the pictures of {name} show them",),
        Code.NAME_MISSING: (
            "a recognised face does not bear its name on the photo",
            "{count} recognised faces do not bear their names on the photo",
        ),
        Code.FACE_DISMISSED: ("a face was left out: {dismissal}", "{count} faces were left out: {dismissal}"),
        Code.FACE_SET_ASIDE: (
            "a face was left out and is not decided for use: {dismissal}",
            "{count} faces were left out and are not decided for use: {dismissal}",
        ),
        Code.FACE_DISMISSED_BEFORE: (
            "a face was left out before the reasons were a list, and has to be decided again{why}",
            "{count} faces were left out before the reasons were a list, and have to be decided again{why}",
        ),
        Code.FACE_NOT_SMALL: (
            "a face was left out as too small, and in the file it is not, or its width there is not known{why}",
            "{count} faces were left out as too small, and in the file they are not, or their width is not known{why}",
        ),
        Code.SMALL_FIGURES: (
            "a small figure was seen and not counted",
            "{count} small figures were seen and not counted",
        ),
        Code.NO_FACE: ("no face was found",),
        Code.HOUSE_CLOSED: (
            "nothing is cleared now: FaceLease is closed, because its record of who has withdrawn is {log}",
        ),
        Code.NAMES_UNREAD: ("the names on the photo could not be read{why}",),
        Code.SHOWN_AT: ("{use}: judged for copies of at most {px} px on the longer side",),
    },
    "nl": {
        Code.NEVER_AGREED: ("{name} heeft niet ingestemd met {use}",),
        Code.AGREEMENT_ENDED: ("de toestemming van {name} voor {use} eindigde op {date}",),
        Code.AGREEMENT_TO_COME: ("de toestemming van {name} voor {use} gaat in op {date}",),
        Code.NAME_NOT_LINKED: ("{name} wordt genoemd, maar onder die naam is geen quitclaim bekend",),
        Code.NOT_EXAMINED: ("de foto is niet onderzocht{why}",),
        Code.EXAMINED_PARTLY: ("er is maar een deel onderzocht{why}",),
        Code.FACE_NOT_NAMED: ("een gezicht heeft nog geen naam", "{count} gezichten hebben nog geen naam"),
        Code.FACE_SUGGESTED: (
            "een voorgestelde naam wacht op een beslissing",
            "{count} voorgestelde namen wachten op een beslissing",
        ),
        Code.FACE_REJECTED: (
            "een voorgestelde naam is afgewezen en het gezicht heeft geen andere",
            "{count} voorgestelde namen zijn afgewezen en de gezichten hebben geen andere",
        ),
        Code.NOT_CONFIRMED: ("nog niemand heeft bevestigd dat dit {name} is",),
        Code.FACE_NOT_VOUCHED: (
            "nog niemand heeft aangegeven waarvan bekend is dat de foto's van {name} die persoon tonen",
        ),
        Code.NAME_MISSING: (
            "een herkend gezicht staat niet met naam bij de foto",
            "{count} herkende gezichten staan niet met naam bij de foto",
        ),
        Code.FACE_DISMISSED: (
            "een gezicht is buiten beschouwing gelaten: {dismissal}",
            "{count} gezichten zijn buiten beschouwing gelaten: {dismissal}",
        ),
        Code.FACE_SET_ASIDE: (
            "een gezicht is buiten beschouwing gelaten, en voor gebruik is niets beslist: {dismissal}",
            "{count} gezichten zijn buiten beschouwing gelaten, en voor gebruik is niets beslist: {dismissal}",
        ),
        Code.FACE_DISMISSED_BEFORE: (
            "een gezicht is buiten beschouwing gelaten voor er een lijst van redenen was: beslis opnieuw{why}",
            "{count} gezichten zijn buiten beschouwing gelaten voor er een lijst van redenen was: beslis opnieuw{why}",
        ),
        Code.FACE_NOT_SMALL: (
            "een gezicht heet te klein, en is dat in het bestand niet, of de breedte daar is niet bekend{why}",
            "{count} gezichten heten te klein, en zijn dat in het bestand niet, of de breedte is niet bekend{why}",
        ),
        Code.SMALL_FIGURES: (
            "er is een kleine figuur gezien en niet meegeteld",
            "er zijn {count} kleine figuren gezien en niet meegeteld",
        ),
        Code.NO_FACE: ("er is geen gezicht gevonden",),
        Code.HOUSE_CLOSED: (
            "er wordt nu niets vrijgegeven: FaceLease is gesloten, want het register van intrekkingen {log}",
        ),
        Code.NAMES_UNREAD: ("de namen bij de foto konden niet worden gelezen{why}",),
        Code.SHOWN_AT: ("{use}: beoordeeld voor kopieën van hoogstens {px} px aan de langste zijde",),
    },
}

_LOG = {
    "en": {"missing": "missing", "shorter": "shorter than it was", "different": "not what it was"},
    "nl": {"missing": "ontbreekt", "shorter": "is korter dan het was", "different": "is niet wat het was"},
}
_SOMEBODY = {"en": "somebody recognised in the photo", "nl": "iemand die op de foto is herkend"}
_THIS_USE = {"en": "this use", "nl": "dit gebruik"}
_USE = {"en": "{channel} use ({purpose})", "nl": "gebruik voor {channel} ({purpose})"}

# The words that the configuration comes with; what a house adds stands as it wrote it.
_DUTCH = {
    "internal": "intern", "social media": "sociale media", "print": "drukwerk", "press": "pers",
    "advertising": "reclame", "communication": "communicatie", "commercial": "commercieel",
    "website": "website",
}  # fmt: skip


def term(word: str, language: str) -> str | None:
    """What a purpose or channel is called in a language; None for one that the house added itself."""
    if word not in _DUTCH:
        return None
    return _DUTCH[word] if language == "nl" else word


def render(reason: Reason, language: str, zone: tzinfo = UTC) -> str:
    """The reason as a sentence without a full stop; days as they are in `zone`.

    Languages are "en" and "nl"; any other gets English.
    """
    tongue = language if language in _SENTENCES else "en"
    values = dict(reason.values)
    forms = _SENTENCES[tongue][reason.code]
    sentence = forms[0] if values.get("count", "1") == "1" else forms[-1]
    return sentence.format(
        name=values.get("name") or _SOMEBODY[tongue],
        use=_use(values, tongue),
        date=_date(values["moment"], tongue, zone) if "moment" in values else "",
        why=f": {_why(reason.code, values['why'], tongue)}" if values.get("why") else "",
        px=thousands(int(values.get("px", "0")), tongue),
        count=values.get("count", "1"),
        dismissal=dismissal(values.get("dismissal", ""), values.get("why", ""), tongue),
        log=_LOG[tongue].get(values.get("log", ""), _LOG[tongue]["different"]),
    )


# A reason of a dismissal is not in these words: an editor may have typed it.
_CODED = frozenset({Code.NOT_EXAMINED, Code.EXAMINED_PARTLY, Code.NAMES_UNREAD})


def _why(code: Code, why: str, tongue: str) -> str:
    return say(why, tongue) if code in _CODED else why


def thousands(number: int, language: str) -> str:
    """1,200 in English, 1.200 in Dutch."""
    return f"{number:,}".replace(",", "." if language == "nl" else ",")


def _use(values: Mapping[str, str], tongue: str) -> str:
    if "channel" not in values:
        return _THIS_USE[tongue]
    words = {key: values.get(key, "") for key in ("purpose", "channel")}
    if tongue == "nl":
        words = {key: _DUTCH.get(word, word) for key, word in words.items()}
    return _USE[tongue].format(**words)


def _date(moment: str, tongue: str, zone: tzinfo) -> str:
    return day(datetime.fromisoformat(moment).astimezone(zone).date(), tongue)


def day(of: date, language: str) -> str:
    """A day in words, such as 31 July 2026."""
    months = _MONTHS[language if language in _MONTHS else "en"]
    return f"{of.day} {months[of.month - 1]} {of.year}"
