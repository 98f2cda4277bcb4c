"""The words of our letters, by kind and language: kept in the catalogues, filled in when a letter is sent.

Whatever is put in stands on one line of its own: a name, a title or a file name begins no header, no
line and no paragraph.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from string import Template

from plugin.flows.mail.smtp import one_line
from plugin.quitclaim.consent import intervals
from plugin.quitclaim.consent.model import Grant, GrantKind
from plugin.quitclaim.words import wording
from plugin.words.catalogues import Words

GUARDIAN = "-guardian"

Value = str | Sequence[str]
"""What a $word stands for: one line, or several lines that stand one below the other."""

_PARAGRAPHS = re.compile(r"(?<!:)\n\n")  # what ends in a colon belongs to what follows
_WORD = re.compile(r"\$(\w+)")


def letter(kind: str, language: str, values: Mapping[str, Value]) -> tuple[str, str]:
    """Subject and text. A paragraph with a $word that is not among `values` is left out, and what leads to it.

    Where `values` has a guardian it is the letter to a guardian, if that kind has one.
    """
    known = Words("letter", language)
    if "guardian" in values and f"{kind}{GUARDIAN}.text" in known:
        kind += GUARDIAN
    lines = {name: _lines(value) for name, value in values.items()}
    paragraphs = [*_PARAGRAPHS.split(known[f"{kind}.text"]), Words("letter word", language)["closing"]]
    filled = [_fill(part, lines) for part in paragraphs if set(_WORD.findall(part)) <= set(lines)]
    about = f"{kind}.subject"
    subject = known.counted(about, int(lines["count"])) if "count" in lines else known[about]
    return one_line(_fill(subject, lines)), "\n\n".join(filled)


def _lines(value: Value) -> str:
    return one_line(value) if isinstance(value, str) else "\n".join(map(one_line, value))


def _fill(text: str, values: Mapping[str, str]) -> str:
    return Template(text).substitute(values)


def say(what: str, language: str, **values: object) -> str:
    """One of the smaller words of a language, filled in; with a `count`, in the form that it takes."""
    known, count = Words("letter word", language), values.get("count")
    said = known.counted(what, count) if isinstance(count, int) else known[what]
    return _fill(said, {name: str(value) for name, value in values.items()})


def day(moment: datetime, language: str, zone: tzinfo) -> str:
    """The day in `zone` on which `moment` falls, such as 31 July 2026."""
    return wording.day(moment.astimezone(zone).date(), language)


def last_day(end: datetime, language: str, zone: tzinfo) -> str:
    """The last day that lies before `end`, which itself does not belong to it."""
    return wording.day(intervals.last_day(end, zone), language)


def grant(line: Grant, end: datetime | None, language: str, zone: tzinfo) -> str:
    """A grant in plain words, with its last day."""
    said = say("recognition", language)
    if line.kind is GrantKind.PUBLICATION:
        terms = [wording.term(str(word), language) or str(word) for word in (line.purpose, line.channel)]
        said = say("publication", language, purpose=terms[0], channel=terms[1])
    return said if end is None else say("until", language, line=said, end=last_day(end, language, zone))
