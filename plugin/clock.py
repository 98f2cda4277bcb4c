"""Time as an argument: code that depends on the current moment takes a Clock."""

import calendar
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Protocol

NO_END = datetime(9999, 1, 1, tzinfo=UTC)
"""Means "no end" where a moment is needed."""


def format_local(at: datetime, zone: tzinfo, seconds: bool = False) -> str:
    """A moment in the organisation's time zone, for people.

    When clocks go back, the repeated hour carries the zone's short name: CEST, then CET.
    """
    there = at.astimezone(zone)
    said = f"{there:%Y-%m-%d %H:%M:%S}" if seconds else f"{there:%Y-%m-%d %H:%M}"
    twice = there.replace(fold=0).utcoffset() != there.replace(fold=1).utcoffset()
    return f"{said} {there:%Z}" if twice else said


def format_local_day(at: datetime, zone: tzinfo) -> str:
    """The day of a moment in the organisation's time zone, as YYYY-MM-DD."""
    return at.astimezone(zone).date().isoformat()


def format_calendar_moment(at: datetime) -> str:
    """A moment as iCalendar has it in UTC, such as 20261201T093000Z (RFC 5545, 3.3.5)."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def format_calendar_day(day: date) -> str:
    """A day as iCalendar has it, such as 20261201 (RFC 5545, 3.3.4)."""
    return f"{day:%Y%m%d}"


class Clock(Protocol):
    """Gives the current moment."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that changes only on request: for tests and the demonstration."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs a time zone: give an aware datetime")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock by `by`; negative moves it back."""
        self._now += by

    def set(self, to: datetime) -> None:
        self._now = to.astimezone(UTC)


class MonotonicClock:
    """A clock that never goes back: a grant that has ended stays ended when the system clock is set back."""

    def __init__(self, inner: Clock) -> None:
        self._inner = inner
        self._latest: datetime | None = None

    def not_before(self, floor: datetime | None) -> None:
        """Never return a moment before `floor`, the latest that the store has seen."""
        if floor is not None and (self._latest is None or floor > self._latest):
            self._latest = floor

    def now(self) -> datetime:
        now = self._inner.now()
        if self._latest is None or now > self._latest:
            self._latest = now
        return self._latest

    def machine(self) -> datetime:
        """The inner clock's moment, even where the store has seen a later one."""
        return self._inner.now()

    def behind(self) -> timedelta:
        """How far the inner clock is behind the latest moment seen; zero when it is not."""
        return timedelta(0) if self._latest is None else max(timedelta(0), self._latest - self._inner.now())


def machine_now(clock: Clock) -> datetime:
    """The machine's own moment: for checks that must hold against somebody who can write the store."""
    return clock.machine() if isinstance(clock, MonotonicClock) else clock.now()


def months_before(now: datetime, months: int) -> datetime:
    """The same day and time `months` calendar months earlier; the month's last day if it is shorter."""
    years, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    day = min(now.day, calendar.monthrange(years, month + 1)[1])
    return now.replace(year=years, month=month + 1, day=day)
