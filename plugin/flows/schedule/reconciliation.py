"""The daily comparison, started by hand, and its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from plugin.flows.common.services import Services
from plugin.flows.photos import comparison, scan_queue
from plugin.flows.review import names_by_hand
from plugin.flows.schedule import calendar
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import WaitingKind
from plugin.ledger import tables as t

# Jobs that a comparison queues, and those that follow from them.
JOB_KINDS = (
    comparison.JOB,
    scan_queue.LATE_JOB,
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
class Reconciliation:
    """When it began, how many changes the DAM reported, and how many resources are compared."""

    at: datetime
    changes: int
    resources: int


@dataclass(frozen=True)
class ReconciliationOutcome:
    """What was found since. It is done when no job is open and none was given up."""

    open: Mapping[str, int]  # jobs by kind that are due, running, or wait for a retry
    given_up: Mapping[str, int]
    taken_off: int  # names that were in the DAM without a ground
    listed: int  # names set by hand of people whose last grant ended, new since
    undecided: int  # all of those that wait for a decision
    failed_writes: int

    @property
    def done(self) -> bool:
        """Whether everything was compared."""
        return not self.open and not self.given_up


def begin_reconciliation(services: Services) -> Reconciliation:
    """Compare every known resource with the DAM, as the calendar does each day."""
    at = services.clock.now()
    changes = calendar.poll_dam(services)
    return Reconciliation(at, changes, calendar.begin_comparison(services, whole=True))


def find_outcome(services: Services, begun: Reconciliation) -> ReconciliationOutcome:
    """The outcome so far."""
    now = services.clock.now()
    queued = (t.job.c.state == "queued") & ((t.job.c.run_after <= now) | (t.job.c.attempt > 0))
    removed = t.taken_off.c.taken_at >= begun.at
    new = (t.tag.c.origin == "hand") & (t.tag.c.listed_at >= begun.at)
    with services.store.read() as conn:
        taken_off = conn.scalar(select(func.count()).where(removed)) or 0
        listed = conn.scalar(select(func.count()).where(new)) or 0
    waiting = {one.kind: one.count for one in waiting_list.list_counts(services)}
    return ReconciliationOutcome(
        open=_count_by_kind(services, queued | (t.job.c.state == "running")),
        given_up=_count_by_kind(services, (t.job.c.state == "dead") & (t.job.c.finished_at >= begun.at)),
        taken_off=taken_off,
        listed=listed,
        undecided=names_by_hand.count_undecided(services),
        failed_writes=waiting.get(WaitingKind.FAILED_WRITES, 0),
    )


def _count_by_kind(services: Services, where: ColumnElement[bool]) -> dict[str, int]:
    query = (
        select(t.job.c.kind, func.count().label("n")).where(where, t.job.c.kind.in_(JOB_KINDS)).group_by(t.job.c.kind)
    )
    with services.store.read() as conn:
        return {str(row.kind): int(row.n) for row in conn.execute(query)}
