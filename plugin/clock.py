"""Time as an argument: everything that depends on the moment takes a Clock."""

import calendar
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

NO_END = datetime(9999, 1, 1, tzinfo=UTC)
"""Stands for "no end" where a moment is needed."""


def format_local(at: datetime, zone: tzinfo, seconds: bool = False) -> str:
    """A moment as the clock on the organisation's wall shows it, for people.

    In the hour that a clock set back shows twice, with the short name of the zone: CEST, then CET.
    """
    there = at.astimezone(zone)
    said = f"{there:%Y-%m-%d %H:%M:%S}" if seconds else f"{there:%Y-%m-%d %H:%M}"
    twice = there.replace(fold=0).utcoffset() != there.replace(fold=1).utcoffset()
    return f"{said} {there:%Z}" if twice else said


def format_local_day(at: datetime, zone: tzinfo) -> str:
    """The day of a moment on the organisation's calendar, for people."""
    return at.astimezone(zone).date().isoformat()


class Clock(Protocol):
    """Tells the present moment."""

    def now(self) -> datetime:
        """The moment, time-zone aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is moved: for tests and the demonstration."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs a time zone: give an aware datetime")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock by `by`, backwards too."""
        self._now += by

    def set(self, to: datetime) -> None:
        """Put the clock at `to` (aware)."""
        self._now = to.astimezone(UTC)


class MonotonicClock:
    """A clock that never goes back: what has ended stays ended when somebody sets the clock back."""

    def __init__(self, inner: Clock) -> None:
        self._inner = inner
        self._latest: datetime | None = None

    def not_before(self, floor: datetime | None) -> None:
        """Never tell a moment before `floor`: the latest that the store has seen."""
        if floor is not None and (self._latest is None or floor > self._latest):
            self._latest = floor

    def now(self) -> datetime:
        now = self._inner.now()
        if self._latest is None or now > self._latest:
            self._latest = now
        return self._latest

    def machine(self) -> datetime:
        """What the clock inside says, also where the store has seen a later moment."""
        return self._inner.now()

    def behind(self) -> timedelta:
        """How far the machine's clock is behind the latest moment that was seen; zero when all is well."""
        return timedelta(0) if self._latest is None else max(timedelta(0), self._latest - self._inner.now())


def machine_now(clock: Clock) -> datetime:
    """The moment by the machine alone: for what has to hold against whoever can write the store."""
    return clock.machine() if isinstance(clock, MonotonicClock) else clock.now()


def months_before(now: datetime, months: int) -> datetime:
    """The same day and time `months` calendar months earlier; the month's last day if it is shorter."""
    years, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    day = min(now.day, calendar.monthrange(years, month + 1)[1])
    return now.replace(year=years, month=month + 1, day=day)
