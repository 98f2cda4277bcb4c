"""The reasons of an answer in plain words. Plain text: whoever shows it escapes it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from plugin.quitclaim.clearance.answers import Reason, ReasonCode
from plugin.quitclaim.words.dismissal_words import dismissal
from plugin.quitclaim.words.examination_words import say
from plugin.words.catalogues import Words, known


def term(word: str, language: str) -> str | None:
    """What a purpose or channel that the configuration comes with is called in a language; None for one that the
    house added itself, which is shown as written."""
    return Words("term", language).get(word)


def render(reason: Reason, language: str, zone: tzinfo = UTC) -> str:
    """The reason as a sentence without a full stop; days as they are in `zone`. Other languages get English."""
    words, log = Words("reason", language), Words("ended log", language)
    values = dict(reason.values)
    sentence = words.counted(reason.code.value, int(values.get("count", "1")))
    return sentence.format(
        name=values.get("name") or words["somebody"],
        use=_use(values, words),
        date=_date(values["moment"], language, zone) if "moment" in values else "",
        why=f": {_why(reason.code, values['why'], language)}" if values.get("why") else "",
        px=thousands(int(values.get("px", "0")), language),
        count=values.get("count", "1"),
        dismissal=dismissal(values.get("dismissal", ""), values.get("why", ""), language),
        log=log.get(values.get("log", ""), log["different"]),
    )


# A reason of a dismissal is not in these words: an editor may have typed it.
_CODED = frozenset({ReasonCode.NOT_EXAMINED, ReasonCode.EXAMINED_PARTLY, ReasonCode.NAMES_UNREAD})


def _why(code: ReasonCode, why: str, language: str) -> str:
    return say(why, language) if code in _CODED else why


def thousands(number: int, language: str) -> str:
    """1,200 in English, 1.200 in Dutch."""
    return format_decimal(number, locale=known(language))


def percent(share: float, language: str) -> str:
    """3.8 % in English, 3,8 % in Dutch, for 0.038."""
    return format_percent(share, format="#,##0.0 %", locale=known(language))


def _use(values: Mapping[str, str], words: Words) -> str:
    if "channel" not in values:
        return words["this_use"]
    said = {key: values.get(key, "") for key in ("purpose", "channel")}
    return words["use"].format(**{key: term(word, words.lang) or word for key, word in said.items()})


def _date(moment: str, language: str, zone: tzinfo) -> str:
    return day(datetime.fromisoformat(moment).astimezone(zone).date(), language)


def day(of: date, language: str) -> str:
    """A day in words, such as 31 July 2026."""
    return format_date(of, "d MMMM y", locale=known(language))
