"""The daily comparison by hand: what it asks for, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from plugin.flows.common.services import Services
from plugin.flows.photos import comparison, scan_queue
from plugin.flows.review import names_by_hand
from plugin.flows.schedule import calendar
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import Kind
from plugin.ledger import tables as t

# What a comparison asks for, and what follows from that.
KINDS = (
    comparison.JOB,
    scan_queue.LATE,
    "compare",
    "names",
    "photo",
    "gone",
    "members",
    "renamed",
    "remode",
    "revoke",
    "erase",
    "recompute",
    "state",
    "returned",
    "rulings",
)


@dataclass(frozen=True)
class Begun:
    """Since when, how many changes the DAM told of, and how many resources were asked for."""

    at: datetime
    changes: int
    resources: int


@dataclass(frozen=True)
class Outcome:
    """What was found since. Done is only what leaves no job open and none given up."""

    open: Mapping[str, int]  # jobs by kind that are due, running, or wait for another try
    given_up: Mapping[str, int]
    taken_off: int  # names that stood in the DAM and had no ground
    listed: int  # names by hand of people who ended, new since
    undecided: int  # all of those that wait for a decision
    failed_writes: int

    @property
    def done(self) -> bool:
        """Whether everything was compared."""
        return not self.open and not self.given_up


def begin(services: Services) -> Begun:
    """Ask for every resource that we know to be compared with the DAM, as the calendar does each day."""
    at = services.clock.now()
    changes = calendar.poll(services)
    return Begun(at, changes, calendar.reconcile(services, whole=True))


def outcome(services: Services, begun: Begun) -> Outcome:
    """What has come of it by now."""
    now = services.clock.now()
    queued = (t.job.c.state == "queued") & ((t.job.c.run_after <= now) | (t.job.c.attempt > 0))
    removed = t.taken_off.c.taken_at >= begun.at
    new = (t.tag.c.origin == "hand") & (t.tag.c.listed_at >= begun.at)
    with services.store.read() as conn:
        taken_off = conn.scalar(select(func.count()).where(removed)) or 0
        listed = conn.scalar(select(func.count()).where(new)) or 0
    waiting = {one.kind: one.count for one in waiting_list.entries(services)}
    return Outcome(
        open=_by_kind(services, queued | (t.job.c.state == "running")),
        given_up=_by_kind(services, (t.job.c.state == "dead") & (t.job.c.finished_at >= begun.at)),
        taken_off=taken_off, listed=listed, undecided=names_by_hand.count(services),
        failed_writes=waiting.get(Kind.FAILED_WRITES, 0),
    )  # fmt: skip


def _by_kind(services: Services, where: ColumnElement[bool]) -> dict[str, int]:
    query = (
        select(t.job.c.kind, func.count().label("n"))
        .where(where, t.job.c.kind.in_(KINDS))
        .group_by(t.job.c.kind)
    )
    with services.store.read() as conn:
        return {str(row.kind): int(row.n) for row in conn.execute(query)}
