"""The words of our letters, by kind and language: kept as data, filled in when a letter is sent.

Whatever is put in stands on one line of its own: a name, a title or a file name begins no header, no
line and no paragraph.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from plugin.flows.mail.smtp import one_line
from plugin.quitclaim.consent import intervals
from plugin.quitclaim.consent.model import Grant, GrantKind
from plugin.quitclaim.words import wording

LANGUAGES = ("en", "nl")
GUARDIAN = "-guardian"

Value = str | Sequence[str]
"""What a $word stands for: one line, or several lines that stand one below the other."""

_PARAGRAPHS = re.compile(r"(?<!:)\n\n")  # what ends in a colon belongs to what follows
_WORD = re.compile(r"\$(\w+)")


@cache
def words(language: str) -> Mapping[str, Any]:
    """Every letter of a language; English for one that we do not have."""
    known = language if language in LANGUAGES else "en"
    return tomllib.loads((files("plugin.flows.mail") / f"letters.{known}.toml").read_text(encoding="utf-8"))


def letter(kind: str, language: str, values: Mapping[str, Value]) -> tuple[str, str]:
    """Subject and text. A paragraph with a $word that is not among `values` is left out, and what leads to it.

    Where `values` has a guardian it is the letter to a guardian, if that kind has one.
    """
    known = words(language)
    form = known.get(kind + GUARDIAN if "guardian" in values else kind, known[kind])
    lines = {name: _lines(value) for name, value in values.items()}
    paragraphs = [*_PARAGRAPHS.split(form["text"].strip()), known["words"]["closing"]]
    filled = [_fill(part, lines) for part in paragraphs if set(_WORD.findall(part)) <= set(lines)]
    return one_line(_fill(form["subject"], lines)), "\n\n".join(filled)


def _lines(value: Value) -> str:
    return one_line(value) if isinstance(value, str) else "\n".join(map(one_line, value))


def _fill(text: str, values: Mapping[str, str]) -> str:
    return Template(text).substitute(values)


def say(what: str, language: str, **values: object) -> str:
    """One of the smaller words of a language, filled in."""
    return _fill(str(words(language)["words"][what]), {name: str(value) for name, value in values.items()})


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
    if end is None:
        return said
    return say("until", language, line=said, end=last_day(end, language, zone))
