"""What commands share: the open house, output for people or as JSON, the person that is meant, jobs to finish.

Exit codes: 0 done, or it was so already; 1 an error, or there was nothing to do it on; 2 wrong use; 3 not finished, or
a report that warns.
"""

import getpass
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import click

from plugin.clock import Clock, SystemClock, format_local
from plugin.config import Config
from plugin.errors import NotFound, NothingDone
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.mail import delivery
from plugin.flows.review import already_done
from plugin.flows.schedule import calendar
from plugin.ledger.queue.jobs import UnfinishedJob
from plugin.ledger.store.engine import MOST_NUMBER
from sidecar.output import say, table
from sidecar.running import bootstrap
from sidecar.running.runner import Runner
from sidecar.words import error_words, staff_words

Command = Callable[..., None]

NOT_FINISHED = 3
ALARM = 3
"""Of a report that was made, and warns."""
_FOLLOW_UP_KINDS = ("revoke", "recompute", "remode", "erase", "state")
"""Kinds of the jobs that a command queues, and runs itself before it reports."""


class Shell:
    """The configuration and the clock of one call of the command line; formats moments in the site's zone."""

    def __init__(self, config: Config, clock: Clock | None = None, path: Path | None = None) -> None:
        self.config = config
        self.path = path
        self.clock = clock or SystemClock()

    @contextmanager
    def house(self, catch_up: bool = True) -> Iterator[Services]:
        """The open house; with `catch_up` what expired or was interrupted by a crash is ended first (rule 1)."""
        with bootstrap.open_house(self.config, self.clock) as services:
            if catch_up:
                calendar.start_process(services)
            services.queue.follow()
            yield services

    @contextmanager
    def person(self, who: str) -> Iterator[tuple[Services, str]]:
        """The open house, and the id of the person meant by an id or a display name. Raises NotFound."""
        with self.house() as services:
            yield services, find_person(services, who)

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
            said = f"{text!r} is no day like 2026-01-31 and no moment like 2026-01-31T12:00"
            raise click.BadParameter(said) from None
        return given if given.tzinfo else given.replace(tzinfo=self.config.site.zone)

    def local(self, moment: datetime | None) -> str:
        """A moment in the site's zone; "" for none."""
        return "" if moment is None else format_local(moment, self.config.site.zone)

    def table(self, heads: Sequence[str], rows: Iterable[Mapping[str, object]]) -> list[str]:
        """The values of the rows under these keys, as `table` prints them."""
        return table(heads, [[self.cell(row[head]) for head in heads] for row in rows])

    def cell(self, value: object) -> str:
        """A value for a table: moments in the site's zone, lists as words."""
        if isinstance(value, datetime):
            return self.local(value)
        return " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _next_day(midnight: datetime) -> datetime:
    return datetime.combine(date.fromordinal(midnight.date().toordinal() + 1), time(), midnight.tzinfo)


def actor() -> str:
    """Who acts, for the audit log: the account on this machine."""
    return f"cli:{getpass.getuser()}"


def find_person(services: Services, who: str) -> str:
    """The id of the person meant by an id or a display name. Raises NotFound, with names that nearly match."""
    with services.store.read() as conn:
        try:
            return roster.find(conn, who)
        except NotFound:
            near = roster.find_near_names(conn, who)  # whoever has this command line may list everybody
            if not near:
                raise
    raise NotFound(f"no person called {who!r}. Did you mean {' or '.join(map(repr, near))}?")


def describe_act(services: Services, done: str, before: datetime | None, again: str) -> str:
    """What was `done`; or `again`, and since when, if it was so already."""
    return done if before is None else f"{again} already on {already_done.format_day(services, before)}"


def finish_jobs(services: Services, *kinds: str) -> list[UnfinishedJob]:
    """Run now the jobs that the command queued, as a worker would; returns those that are not done."""
    Runner(services).drain(kinds or _FOLLOW_UP_KINDS)
    return services.queue.unfinished(kinds or _FOLLOW_UP_KINDS)


def send_letters(services: Services) -> list[UnfinishedJob]:
    """Send the letters that the command queued; returns those that wait. Raises NothingDone for a refused one."""
    left = finish_jobs(services, "mail")
    refused = delivery.list_failures(services, services.queue.followed("mail"))
    if refused:
        raise NothingDone(f"the letter was not sent: {refused[0]}")
    return left


def describe_unfinished(left: Sequence[UnfinishedJob]) -> list[str]:
    """UnfinishedJob jobs, a line a kind, with the error and who goes on with it."""
    lines = []
    for kind in dict.fromkeys(one.kind for one in left):
        mine = [one for one in left if one.kind == kind]
        why = next((f" ({error_words.reason(one.error).line})" for one in mine if one.error), "")
        dead = all(one.dead for one in mine)
        goes_on = "given up: facelease jobs list" if dead else "facelease work carries it out"
        lines.append(f"not finished: {len(mine)} x {staff_words.job(kind)}{why}; {goes_on}")
    return lines


def say_finished(as_json: bool, data: Mapping[str, Any], lines: Iterable[str], left: Sequence[UnfinishedJob]) -> None:
    """As `say`, and what is not finished; then the exit code is 3, or 1 where it was given up."""
    counts = {kind: sum(one.kind == kind for one in left) for kind in {one.kind for one in left}}
    say(as_json, {**data, "unfinished": counts}, [*lines, *describe_unfinished(left)])
    if left:
        raise SystemExit(1 if all(one.dead for one in left) else NOT_FINISHED)


class _Day(click.DateTime):
    """A day like 2026-01-31."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(value, param, ctx).date()


_ISO = click.DateTime(["%Y-%m-%d"])
DAY = _Day(_ISO.formats)
NUMBER = click.IntRange(1, MOST_NUMBER)
"""The number of a face, a tag or a job."""

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def as_json(command: Command) -> Command:
    """Give a command `--json`, and its Shell as the first argument."""
    return _json_option(click.pass_obj(command))
