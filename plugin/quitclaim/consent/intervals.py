"""Half-open intervals of time, by which the rules compute what is in force."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from plugin.quitclaim.consent.model import Window

TICK = timedelta(microseconds=1)
"""The step of every moment that is stored."""


def last_day(end: datetime, zone: tzinfo) -> date:
    """The last day in `zone` on which something is so that ends at `end`, which itself does not belong to it."""
    return (end - TICK).astimezone(zone).date()


def last_whole_day(end: datetime, zone: tzinfo) -> date:
    """The last day in `zone` that is over by `end`: for who reads a date as the whole of that day."""
    return end.astimezone(zone).date() - timedelta(days=1)


def end_of(day: date, zone: tzinfo) -> datetime:
    """The first moment after `day` in `zone`, in UTC: it does not belong to it."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def contains(window: Window, at: datetime) -> bool:
    """Whether `at` lies in `window`: its start does, its end does not."""
    return window[0] <= at and (window[1] is None or at < window[1])


def union(windows: Iterable[Window]) -> list[Window]:
    """The same moments in as few windows as possible, in order; what only touches is joined."""
    merged: list[Window] = []
    for start, end in sorted((w for w in windows if w[1] is None or w[0] < w[1]), key=lambda w: w[0]):
        if merged and (merged[-1][1] is None or start <= merged[-1][1]):
            merged[-1] = (merged[-1][0], _later(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def intersect(one: Iterable[Window], other: Iterable[Window]) -> list[Window]:
    """The moments that lie in both, in as few windows as possible, in order."""
    others = union(other)
    return union((max(a[0], b[0]), earlier(a[1], b[1])) for a in union(one) for b in others)


def containing(windows: Sequence[Window], at: datetime) -> Window | None:
    """The longest unbroken window around `at`, or None where `at` lies in none."""
    return next((window for window in union(windows) if contains(window, at)), None)


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two ends, where None is no end."""
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)


def minus(one: Iterable[Window], other: Iterable[Window]) -> list[Window]:
    """The moments of `one` that do not lie in `other`, in as few windows as possible, in order."""
    left = union(one)
    for start, end in union(other):
        kept: list[Window] = []
        for window in left:
            kept.append((window[0], earlier(window[1], start)))
            if end is not None:
                kept.append((max(window[0], end), window[1]))
        left = union(kept)
    return left
