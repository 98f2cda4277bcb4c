"""Promised work that should be done by now: how much, and since when, from indexes alone.

A job that is retried again and again is neither done nor dead, so no list of dead jobs has it. `retries` queues it
again, `overdue_letter` reports it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Subquery, func, or_, select

from plugin.flows.common.services import Services
from plugin.ledger import tables as t

LATE = timedelta(hours=1)
"""A withdrawal, an erasure or a date takes a minute while the DAM answers."""

BULK_LATE = timedelta(days=1)
"""Photographs to look at come by the thousand: a queue of a day is long, and no fault before."""

LETTER_LATE = timedelta(hours=2)
_MONTH = timedelta(days=30)

_OWN = ("revoke", "erase", "state", "mail")  # kinds of job that have a line of their own
# through the library, or through everybody who is enrolled, in portions
_CHAINS = ("anew", "closely", "comparison", "late-consent", "reencode", "unheld", "vouched")
_BULK = ("photo", "names", "compare", "gone", "members", *_CHAINS)
_OPEN = ("queued", "running")


@dataclass(frozen=True)
class OverdueFigure:
    """How much of a kind is overdue, and since when the oldest is; None if nothing is."""

    count: int
    since: datetime | None


def _late(now: datetime, by: timedelta) -> ColumnElement[bool]:
    """Open, and overdue: counted from its creation once it was tried, else from when it was to begin."""
    j, since = t.job.c, now - by
    tried = (j.attempt > 0) & (j.created_at < since)
    return j.state.in_(_OPEN) & or_(tried, (j.attempt == 0) & (j.run_after < since))


def _revocations(now: datetime) -> Subquery:
    """People who ended recognition, or everything, and whose tags may still be in the DAM."""
    p, j = t.person.c, t.job.c
    overdue = or_(_late(now, LATE), j.state == "dead")
    asked = select(j.key, j.created_at.label("since")).where(j.kind == "revoke", overdue)
    named = select(t.tag.c.id).where(t.tag.c.person_id == p.id, t.tag.c.origin.in_(("machine", "confirmed")))
    over = select(p.id.label("key"), p.ended_at.label("since")).where(p.ended_at < now - LATE, named.exists())
    both = asked.union_all(over).subquery()
    return select(both.c.key, func.min(both.c.since).label("since")).group_by(both.c.key).subquery()


def _erasures(now: datetime) -> Subquery:
    """People whose erasure began and is not finished; also from before there was a register of them."""
    p, j, e, r = t.person.c, t.job.c, t.erasure.c, t.request.c
    mine = (j.kind == "erase") & (j.key == e.person_id)
    fresh = select(j.id).where(mine, j.state.in_(_OPEN), ~_late(now, LATE))
    asked = select(func.min(j.created_at)).where(mine).scalar_subquery()
    decided = (
        select(func.max(r.decided_at))
        .where(r.person_id == e.person_id, r.outcome == "done")
        .correlate(t.erasure)
        .scalar_subquery()
    )
    begun = select(e.person_id.label("key"), func.coalesce(asked, decided, e.asked_at).label("since")).where(
        e.finished_at.is_(None), e.held.is_not(None), ~fresh.exists()
    )
    jobs = select(j.key, j.created_at.label("since")).where(j.kind == "erase", or_(_late(now, LATE), j.state == "dead"))
    granted = (
        select(r.person_id.label("key"), r.decided_at.label("since"))
        .join(t.person, p.id == r.person_id)
        .where(r.outcome == "done", r.kind == "erasure", r.decided_at < now - LATE)
    )
    both = begun.union_all(jobs, granted).subquery()
    return select(both.c.key, func.min(both.c.since).label("since")).group_by(both.c.key).subquery()


def _dates(now: datetime) -> Subquery:
    """Photographs of which the DAM shows another last day than it should."""
    s = t.statement.c
    late = s.stated_at.is_(None) & (s.wanted_at < now - LATE)
    return select(s.resource_id.label("key"), s.wanted_at.label("since")).where(late).subquery()


def _writes(now: datetime) -> Subquery:
    """Names that were to be written or removed, with an unknown outcome."""
    i = t.intent.c
    late = (i.state == "open") & (i.created_at < now - LATE)
    return select(i.id.label("key"), i.created_at.label("since")).where(late).subquery()


def _letters(now: datetime) -> Subquery:
    """Letters that no server accepted in the last month, and those that have waited for more than two hours."""
    m = t.mail.c
    failed = (m.state == "failed") & (m.finished_at > now - _MONTH)
    waits = (m.state == "queued") & (m.created_at < now - LETTER_LATE)
    return select(m.id.label("key"), m.created_at.label("since")).where(or_(failed, waits)).subquery()


def _jobs(now: datetime) -> Subquery:
    """Everything else that is overdue."""
    j = t.job.c
    late = or_(_late(now, LATE) & j.kind.not_in((*_OWN, *_BULK)), _late(now, BULK_LATE) & j.kind.in_(_BULK))
    return select(j.id.label("key"), j.created_at.label("since")).where(late).subquery()


def _dead(_now: datetime) -> Subquery:
    """Dead jobs: overdue until they are queued again and done."""
    j = t.job.c
    return select(j.id.label("key"), j.created_at.label("since")).where(j.state == "dead").subquery()


QUERIES: Mapping[str, Callable[[datetime], Subquery]] = {
    "owed_revocations": _revocations,
    "owed_erasures": _erasures,
    "owed_dates": _dates,
    "owed_writes": _writes,
    "owed_letters": _letters,
    "owed_jobs": _jobs,
    "dead_jobs": _dead,
}
"""Whose, or what (`key`), and since when, by the kind of `waiting_list`."""

PERSONAL = ("owed_revocations", "owed_erasures")
"""What somebody has a right to: each is a matter of its own, and an hour is long."""


def measure(services: Services, kind: str) -> OverdueFigure:
    """How much of a kind is overdue now."""
    found = QUERIES[kind](services.clock.now())
    with services.store.read() as conn:
        row = conn.execute(select(func.count(), func.min(found.c.since)).select_from(found)).one()
    return OverdueFigure(int(row[0]), row[1])


def list_oldest(services: Services, kind: str, limit: int) -> list[tuple[str, datetime]]:
    """The oldest few of a kind: whose or what, and since when."""
    query = QUERIES[kind](services.clock.now())
    with services.store.read() as conn:
        rows = conn.execute(select(query).order_by(query.c.since).limit(limit)).all()
    return [(str(row.key), row.since) for row in rows]


def is_pending(services: Services, person_id: str) -> bool:
    """Whether a revocation or the erasure of this person is not finished."""
    j = t.job.c
    mine = (j.key == person_id) & j.kind.in_(("revoke", "erase")) & j.state.in_((*_OPEN, "dead"))
    with services.store.read() as conn:
        return conn.execute(select(j.id).where(mine)).first() is not None
