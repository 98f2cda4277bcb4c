"""Retry jobs that were given up or lost from the queue, each once a day until it is done.

Every kind of job is listed here: the ledger shows that it is owed (`OWED`), or only its row in the queue does
(`REMEMBERED`); such a row stays until the job is done and never expires.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select

from plugin.errors import NotFound, NothingDone
from plugin.flows.clearance import dam_dates
from plugin.flows.common import overdue
from plugin.flows.common.batches import chunked
from plugin.flows.common.services import Services
from plugin.flows.consent import cuts, renaming, tag_revocation
from plugin.flows.matching import reencoding, vouching
from plugin.flows.matching.gallery import REENCODE, REENCODE_PRIORITY
from plugin.flows.names import name_doubts
from plugin.flows.people import register
from plugin.flows.photos import comparison, reexamination, scan_queue
from plugin.flows.signing import lost_links
from plugin.flows.tags import intents
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx

PAUSE = timedelta(hours=20)
"""Between giving up and a retry: the chore runs hourly, so a job that always fails is retried once a day."""

OUTAGE = timedelta(minutes=10)
"""Between two successful polls of the DAM: a longer gap means that the DAM or the worker was down."""

_URGENT = ("revoke", "erase")
SYSTEM = "system"
_PORTION = 50  # jobs in one transaction, which others wait for
_NO_LIMIT = 1_000_000


def _find_erasures(services: Services) -> list[str]:
    return [key for key, _ in overdue.list_oldest(services, "owed_erasures", _NO_LIMIT)]


def _find_dates(services: Services) -> list[str]:
    """One job for all photographs without a job of their own, given up or not."""
    s, r, j = t.statement.c, t.resource.c, t.job.c
    own = select(j.key).where(j.kind == "state", j.state.in_(("queued", "running", "dead")))
    late = s.stated_at.is_(None) & (s.wanted_at < services.clock.now() - overdue.LATE)
    query = select(r.id).join(t.statement, s.resource_id == r.id).where(late, r.ref.not_in(own)).limit(1)
    with services.store.read() as conn:
        return [dam_dates.EVERY] if conn.execute(query).first() else []


def _scalars(query: Select[tuple[str]]) -> Callable[[Services], list[str]]:
    def find(services: Services) -> list[str]:
        with services.store.read() as conn:
            return list(conn.scalars(query))

    return find


_LETTERS = select(t.mail.c.id).where(t.mail.c.state == "queued")
_RECOMPUTE = select(t.state.c.policy).where(t.state.c.anew_after.is_not(None), t.state.c.policy.is_not(None))

OWED: Mapping[str, tuple[Callable[[Services], Iterable[str]], int]] = {
    cuts.JOB: (_scalars(select(t.cut.c.person_id).distinct()), 0),
    "revoke": (tag_revocation.list_overdue, 1),
    "erase": (_find_erasures, 1),
    "state": (_find_dates, 2),
    "mail": (_scalars(_LETTERS), 3),
    REENCODE: (reencoding.list_owed, REENCODE_PRIORITY),
    "names": (intents.list_stranded, 5),
    "anew": (_scalars(_RECOMPUTE), 5),
}
"""By kind of job: the keys that the ledger shows to be owed, with or without a row in the queue; and the priority."""

_COMPARED = "the daily comparison reads every photograph too"
_NOT_ALLOWED = "the daily comparison removes names that are not allowed"
REMEMBERED: Mapping[str, str] = {
    "photo": _COMPARED,
    "compare": _COMPARED,
    "returned": _COMPARED,
    "gone": _COMPARED,
    "members": _COMPARED,
    "renamed": _COMPARED,
    "rulings": "each poll follows what moved",
    "remode": f"its row holds the progress; {_NOT_ALLOWED}",
    "unheld": "its row holds the progress",
    comparison.JOB: "its row holds the portion; each night begins or continues a round",
    scan_queue.LATE_JOB: "its row holds the progress; each night begins a pass if one is due",
    vouching.REFUSED: f"its row holds the set; {_NOT_ALLOWED}",
    vouching.SUGGESTED: "its row holds the set and the progress",
    name_doubts.JOB: "its row holds the person; until it is done no name is theirs by spelling",
    reexamination.JOB: "each start of a worker begins with the first photograph that waits",
    "recompute": "its row holds the person; stored clearances were cut when the grant ended",
    "look-again": "its row waits for a day after each revocation",
    lost_links.JOB: "only its row holds the keyed hash of who asked",
    register.JOB: "its row holds the person whose name was adopted",
    renaming.JOB: "its row holds the person whose name was corrected",
}
"""By kind of job: why only its row in the queue shows what is owed."""


def retry_owed(services: Services, actor: str = SYSTEM, at_once: bool = False) -> int:
    """Queue what the ledger shows to be owed, and retry what was given up; returns how many jobs.

    Jobs given up less than `PAUSE` ago are left, unless `at_once`.
    """
    counts = [_retry_given_up(services, services.clock.now() - (timedelta(0) if at_once else PAUSE), actor)]
    with ExitStack() as each:  # one that fails does not stop the others
        for kind in OWED:
            each.callback(lambda kind=kind: counts.append(_queue_owed(services, kind)))  # type: ignore[misc]
    return sum(counts)


def retry_after_outage(services: Services, since: datetime, now: datetime) -> int:
    """If the DAM was away between the two successful polls: retry at once what was given up since, and what people
    have a right to; returns how many jobs."""
    if now - since < max(OUTAGE, 3 * timedelta(seconds=services.config.dam.poll_seconds)):
        return 0
    count = _retry_given_up(services, services.clock.now(), SYSTEM, since=since)
    return count + sum(_hasten(services, kind, SYSTEM) for kind in _URGENT)


def _queue_owed(services: Services, kind: str) -> int:
    what, urgent = OWED[kind]
    return queue_missing(services, kind, what(services), urgent)


def queue_missing(services: Services, kind: str, keys: Iterable[str], priority: int = 5) -> int:
    """Queue the jobs that have no row, neither open nor given up; returns how many."""
    count = 0
    for some in chunked(list(keys), _PORTION):
        with services.store.write() as tx:
            for key in sorted(set(some) - _find_known(tx, kind, some)):
                services.queue.put(tx, kind, key, None, priority)
                count += 1
    return count


def _find_known(tx: Tx, kind: str, keys: Iterable[str]) -> set[str]:
    j = t.job.c
    mine = (j.kind == kind) & j.key.in_(list(keys)) & j.state.in_(("queued", "running", "dead"))
    return set(tx.execute(select(j.key).where(mine)).scalars())


def _retry_given_up(
    services: Services, before: datetime, actor: str, kind: str | None = None, since: datetime | None = None
) -> int:
    """In portions, from the oldest row on; jobs given up from now on are left for later."""
    j, count = t.job.c, 0
    with services.store.read() as conn:
        last = conn.scalar(select(func.max(j.id)).where(j.state == "dead")) or 0
    which = (j.finished_at <= before) & (j.id <= last)
    if kind is not None:
        which &= j.kind == kind
    if since is not None:
        which &= j.finished_at > since
    while True:
        with services.store.write() as tx:
            begun = services.queue.begin_again(tx, which, actor, _PORTION)
        count += len(begun)
        if len(begun) < _PORTION:
            return count


def retry(services: Services, actor: str, job_id: int | None = None, kind: str | None = None) -> int:
    """Retry now, as staff: one job, those of a kind, or all that is owed; returns how many.

    Raises NotFound for a job that was not given up and does not wait for a retry; NothingDone if nothing is owed.
    """
    if job_id is not None:
        services.queue.revive(job_id, actor)
        return 1
    if kind is None:
        count = retry_owed(services, actor, at_once=True)
    else:
        count = _retry_given_up(services, services.clock.now(), actor, kind)
    count += _hasten(services, kind, actor)
    if not count:
        raise NothingDone("nothing was given up, and nothing waits for another try")
    return count


def _hasten(services: Services, kind: str | None, actor: str) -> int:
    """Run at once what waits for a retry."""
    j, count = t.job.c, 0
    waits = (j.state == "queued") & (j.attempt > 0) & (j.run_after > services.clock.now())
    if kind is not None:
        waits &= j.kind == kind
    with services.store.read() as conn:
        ids = list(conn.scalars(select(j.id).where(waits)))
    for job_id in ids:
        with suppress(NotFound):  # a race: a worker took it
            services.queue.revive(job_id, actor)
            count += 1
    return count


@dataclass(frozen=True)
class PendingJob:
    """A job that was given up, or failed and waits for a retry at `next`. `about`: a photograph, a collection, or the
    pseudonymous id of a person; never a name."""

    id: int
    kind: str
    about: str
    since: datetime
    tried: int
    why: str
    next: datetime | None


_WITHOUT_SUBJECT = frozenset({"anew", reexamination.JOB, "rulings", lost_links.JOB, REENCODE})


def list_pending(services: Services, limit: int) -> list[PendingJob]:
    """Jobs that were given up, newest first, then those that failed and are retried by themselves."""
    j = t.job.c
    waits = (j.state == "queued") & (j.attempt > 0)
    query = select(t.job).where(or_(j.state == "dead", waits)).order_by(j.state, j.id.desc()).limit(limit)
    with services.store.read() as conn:
        rows = conn.execute(query).all()
    pending = []
    for row in rows:
        about = "" if row.kind in _WITHOUT_SUBJECT or row.key == dam_dates.EVERY else row.key
        next_ = None if row.state == "dead" else row.run_after
        pending.append(PendingJob(row.id, row.kind, about, row.created_at, row.attempt, row.error or "", next_))
    return pending


def count_open_by_kind(services: Services) -> dict[str, int]:
    """How many jobs of each kind wait or run."""
    j = t.job.c
    query = select(j.kind, func.count().label("n")).where(j.state.in_(("queued", "running"))).group_by(j.kind)
    with services.store.read() as conn:
        return {str(row.kind): int(row.n) for row in conn.execute(query)}
