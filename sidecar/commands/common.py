"""What every command shares: the house, output for people or machines, and errors in one sentence."""

import getpass
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import click

from plugin.clock import Clock, SystemClock
from plugin.config import Config
from plugin.errors import FaceLeaseError
from plugin.flows import chores, roster
from plugin.flows.services import Services
from sidecar import house
from sidecar.runner import Runner

Command = Callable[..., None]


class Shell:
    """The configuration, the clock and the manner of speaking of one call."""

    def __init__(self, config: Config, clock: Clock | None = None, path: Path | None = None) -> None:
        self.config = config
        self.path = path
        self.clock = clock or SystemClock()

    @contextmanager
    def house(self, catch_up: bool = True) -> Iterator[Services]:
        """The open house; what the calendar or a crash has ended is carried out first (rule 1)."""
        with house.open_house(self.config, self.clock) as services:
            if catch_up:
                chores.start(services)
            yield services

    def moment(self, text: str | None, end: bool = False) -> datetime | None:
        """A day (its first moment, or with `end` the first after it) or an ISO moment, in the site's zone."""
        if text is None:
            return None
        try:
            if len(text) == len("2026-01-31"):
                day = date.fromisoformat(text)
                midnight = datetime.combine(day, time(), self.config.site.zone)
                return _next_day(midnight) if end else midnight
            given = datetime.fromisoformat(text)
        except ValueError:
            raise click.BadParameter(
                f"{text!r} is no day like 2026-01-31 and no moment like 2026-01-31T12:00"
            ) from None
        return given if given.tzinfo else given.replace(tzinfo=self.config.site.zone)


def _next_day(midnight: datetime) -> datetime:
    return datetime.combine(date.fromordinal(midnight.date().toordinal() + 1), time(), midnight.tzinfo)


def actor() -> str:
    """Who acts, for the audit log: the account on this machine."""
    return f"cli:{getpass.getuser()}"


def someone(services: Services, who: str) -> str:
    """The id of the person meant by an id or a display name. Raises NotFound."""
    with services.store.read() as conn:
        return roster.find(conn, who)


def finish_jobs(services: Services, *kinds: str) -> None:
    """Carry out now what the command has queued; a worker would do the same."""
    Runner(services).drain(kinds or ("revoke", "recompute", "remode", "erase"))


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def say(as_json: bool, data: Any, lines: Iterable[str]) -> None:
    """Print `data` as JSON, or the lines for people."""
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False, indent=2, default=plain))
    else:
        for line in lines:
            click.echo(safe(line))


def safe(text: str) -> str:
    """Text without characters that a terminal obeys."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def plain(value: Any) -> Any:
    """What JSON has no word for: moments in UTC, days, and sets as sorted lists."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset | set | tuple):
        return sorted(value)
    return str(value)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Columns as wide as they need be."""
    cells = [tuple(heads), *(tuple(safe(str(cell)) for cell in row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


@contextmanager
def plain_errors() -> Iterator[None]:
    """An error of ours is one sentence and exit code 1, not a traceback."""
    try:
        yield
    except FaceLeaseError as error:
        raise click.ClickException(safe(str(error))) from error
