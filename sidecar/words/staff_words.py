"""Sentences for the staff that more than one surface says: the command line, the doctor, the API and the console."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Any

from plugin.flows.collections.mode_effect import NoEffect
from plugin.flows.views.waiting_list import Entry
from sidecar.words import console_words

LANGUAGES = console_words.LANGUAGES


def _read(language: str) -> Mapping[str, Any]:
    return tomllib.loads(
        (files("sidecar.words") / f"staff_words.{language}.toml").read_text(encoding="utf-8")
    )


_WORDS = {language: _read(language) for language in LANGUAGES}


def of(language: str) -> Mapping[str, Any]:
    """The tables of a language; English for one that we do not have."""
    return _WORDS.get(language, _WORDS["en"])


def without_effect(reason: NoEffect, language: str = "en") -> str:
    """Why a mode has no effect, and what would give it one."""
    mode = console_words.of(language)[f"mode_{reason.mode}"] if reason.mode else ""
    said: str = of(language)["no_effect"][reason.code.value]
    return said.format(other=reason.other, mode=mode)


@dataclass(frozen=True)
class Waiting:
    """What is said of an entry: a heading, what it means with its number, and what to do by command."""

    title: str
    said: str
    mend: str


def waiting(entry: Entry, language: str = "en") -> Waiting:
    """The words of what waits."""
    w = of(language)["waits"][entry.kind.value]
    said: str = w["one"] if entry.count == 1 else w["said"].format(count=entry.count)
    if entry.age is not None:
        said = of(language)["age"]["oldest"].format(said=said, age=age(entry.age, language))
    return Waiting(w["title"], said, w["mend"])


def age(lasts: timedelta, language: str = "en") -> str:
    """About how long, in the unit that one would say."""
    minutes = int(lasts.total_seconds() // 60)
    unit, part = ("days", 1440) if minutes >= 2880 else ("hours", 60) if minutes >= 120 else ("minutes", 1)
    said: str = of(language)["age"][unit].format(n=minutes // part)
    return said


def job(kind: str, language: str = "en") -> str:
    """A kind of job as the staff knows it."""
    said: str = of(language)["jobs"].get(kind, kind)
    return said
