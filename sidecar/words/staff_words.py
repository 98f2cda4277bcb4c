"""Sentences for the staff that more than one surface says: the command line, the doctor, the API and the console."""

from dataclasses import dataclass
from datetime import timedelta

from plugin.flows.collections.mode_effect import NoEffect
from plugin.flows.matching.look_alikes import LookAlikes
from plugin.flows.views.waiting_list import WaitingCount
from plugin.words.catalogues import Words


def without_effect(reason: NoEffect, language: str = "en") -> str:
    """Why a mode has no effect, and what would give it one."""
    mode = Words("console", language)[f"mode_{reason.mode}"] if reason.mode else ""
    return Words("no effect", language)[reason.code.value].format(other=reason.other, mode=mode)


@dataclass(frozen=True)
class Told:
    """What was seen, and what to do about it."""

    said: str
    mend: str


def look_alikes(found: LookAlikes, engine: str, language: str = "en") -> Told:
    """That an engine does not tell many of these people apart."""
    w = Words("look-alikes", language)
    return Told(w["many"].format(engine=engine, barred=found.barred, compared=found.compared), w["mend"])


@dataclass(frozen=True)
class Waiting:
    """What is said of an entry: a heading, what it means with its number, and what to do by command."""

    title: str
    said: str
    mend: str


def waiting(entry: WaitingCount, language: str = "en") -> Waiting:
    """The words of what waits."""
    w, kind = Words("waiting", language), entry.kind.value
    said = w.counted(kind, entry.count).format(count=entry.count)
    if entry.age is not None:
        said = Words("age", language)["oldest"].format(said=said, age=age(entry.age, language))
    return Waiting(w[f"{kind}.title"], said, w[f"{kind}.mend"])


def age(lasts: timedelta, language: str = "en") -> str:
    """About how long, in the unit that one would say."""
    minutes = int(lasts.total_seconds() // 60)
    unit, part = ("days", 1440) if minutes >= 2880 else ("hours", 60) if minutes >= 120 else ("minutes", 1)
    return Words("age", language).counted(unit, minutes // part).format(n=minutes // part)


def job(kind: str, language: str = "en") -> str:
    """A kind of job as the staff knows it."""
    return Words("job", language).get(kind, kind)
