"""When each use was, is and will be agreed to, as bars on one line of time: drawn by the server, in SVG.

The page says the same in its lists, so that nobody has to see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from plugin.flows.views.people.person_file import FiledVersion, GrantLine

WIDTH, ROW = 1000.0, 30
"""Of the drawing, and how high a row is: units of its own."""

_AHEAD = timedelta(days=365)  # of what has no end


@dataclass(frozen=True)
class Bar:
    """A grant's time: from where, how wide, and its state, as `GrantLine` has it."""

    left: float
    width: float
    state: str


@dataclass(frozen=True)
class UseRow:
    """A use (None: recognition), and its bars from the oldest version on."""

    use: tuple[str, str] | None
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class TimeLine:
    """The rows, where today is, and the first and the last day."""

    rows: tuple[UseRow, ...]
    today: float
    first: datetime
    last: datetime


def draw_time_line(versions: Sequence[FiledVersion], now: datetime) -> TimeLine | None:
    """The time line of what was ever in force; None where nothing was."""
    lines = [line for version in reversed(versions) for line in version.lines if line.state != "never"]
    if not lines:
        return None
    first = min(now, *(line.start for line in lines))
    last = max(now + timedelta(days=30), *(line.end or now + _AHEAD for line in lines))
    whole = (last - first) / timedelta(days=1) or 1.0

    def place(moment: datetime) -> float:
        return round(WIDTH * ((moment - first) / timedelta(days=1)) / whole, 1)

    def bar(line: GrantLine) -> Bar:
        left = place(line.start)
        return Bar(left, max(2.0, round(place(line.end or last) - left, 1)), line.state)

    uses = dict.fromkeys(_find_use(line) for line in lines)
    rows = (UseRow(use, tuple(bar(line) for line in lines if _find_use(line) == use)) for use in uses)
    return TimeLine(tuple(rows), place(now), first, last)


def _find_use(line: GrantLine) -> tuple[str, str] | None:
    grant = line.grant
    return (grant.purpose, grant.channel) if grant.purpose and grant.channel else None
