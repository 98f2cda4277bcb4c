"""Work that was given up, or that nobody asks for any more, is started again: once a day each, until it is done.

Whoever adds a kind of job says here how it is known to be owed: the ledger shows it (`OWED`), or only its row in the
queue does (`REMEMBERED`), which stays until the job is done and is never taken for old.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from plugin.errors import NotFound, NothingDone
from plugin.flows.clearance import dam_dates
from plugin.flows.common import overdue
from plugin.flows.common.batches import chunked
from plugin.flows.common.services import Services
from plugin.flows.consent import cuts, revocation
from plugin.flows.matching import vouching
from plugin.flows.names import name_doubts
from plugin.flows.people import register
from plugin.flows.photos import comparison, reexamination, scan_queue
from plugin.flows.signing import lost_links
from plugin.flows.tags import intents
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx

PAUSE = timedelta(hours=20)
"""Between giving up and another start: the chore comes each hour, so a job that always fails is tried once a day."""

OUTAGE = timedelta(minutes=10)
"""Between two polls of the DAM that succeeded: it was away, or nobody worked."""

_URGENT = ("revoke", "erase")
SYSTEM = "system"
_PORTION = 50  # jobs of one transaction: others wait for it
_NO_LIMIT = 1_000_000

Payloads = Mapping[str, Any]  # payloads by key


def _keys(found: Iterable[str]) -> dict[str, Any]:
    return dict.fromkeys(found)


def _find_revocations(services: Services) -> Payloads:
    return _keys(revocation.list_overdue(services))


def _find_erasures(services: Services) -> Payloads:
    return _keys(key for key, _ in overdue.list_oldest(services, "owed_erasures", _NO_LIMIT))


def _find_dates(services: Services) -> Payloads:
    """One job for all of them, but those that have one of their own, given up or not."""
    s, r, j = t.statement.c, t.resource.c, t.job.c
    own = select(j.key).where(j.kind == "state", j.state.in_(("queued", "running", "dead")))
    late = s.stated_at.is_(None) & (s.wanted_at < services.clock.now() - overdue.LATE)
    query = select(r.id).join(t.statement, s.resource_id == r.id).where(late, r.ref.not_in(own)).limit(1)
    with services.store.read() as conn:
        return _keys([dam_dates.EVERY] if conn.execute(query).first() else [])


def _find_writes(services: Services) -> Payloads:
    return _keys(intents.list_stranded(services))


def _find_letters(services: Services) -> Payloads:
    with services.store.read() as conn:
        return _keys(conn.scalars(select(t.mail.c.id).where(t.mail.c.state == "queued")))


def _find_cuts(services: Services) -> Payloads:
    with services.store.read() as conn:
        return _keys(conn.scalars(select(t.cut.c.person_id).distinct()))


def _find_recompute(services: Services) -> Payloads:
    """How far it has come says the store too."""
    with services.store.read() as conn:
        under_way = t.state.c.anew_after.is_not(None) & t.state.c.policy.is_not(None)
        return _keys(conn.scalars(select(t.state.c.policy).where(under_way)))


OWED: Mapping[str, tuple[Callable[[Services], Payloads], int]] = {
    cuts.JOB: (_find_cuts, 0),
    "revoke": (_find_revocations, 1),
    "erase": (_find_erasures, 1),
    "state": (_find_dates, 2),
    "mail": (_find_letters, 3),
    "names": (_find_writes, 5),
    "anew": (_find_recompute, 5),
}
"""By kind of job what the ledger shows to be owed, whether or not a row of the queue says so; and how urgent it is."""

_COMPARED = "the daily comparison looks at every photograph too"
REMEMBERED: Mapping[str, str] = {
    "photo": _COMPARED,
    "compare": _COMPARED,
    "returned": _COMPARED,
    "gone": _COMPARED,
    "members": _COMPARED,
    "renamed": _COMPARED,
    "rulings": "each poll follows what moved",
    "remode": "its row knows how far it has come; what stands where it must not, the daily comparison takes off",
    "unheld": "its row knows how far it has come",
    comparison.JOB: "its row knows which portion; each night begins a round, or goes on with one",
    scan_queue.LATE_JOB: "its row knows how far it has come; each night begins a pass where one is due",
    vouching.REFUSED: "its row knows which set; what stands where it must not, the daily comparison takes off",
    vouching.SUGGESTED: "its row knows which set, and how far it has come",
    name_doubts.JOB: "its row knows whose; until it is done no name is theirs by its spelling",
    reexamination.JOB: "each start of a worker begins with the first photograph that waits",
    "recompute": "its row knows whose; what is stored meanwhile was cut when the grant ended",
    "look-again": "its row waits for a day after each revocation",
    lost_links.JOB: "who asked is known by a keyed hash in its row alone",
    register.JOB: "its row knows whose name was adopted",
}
"""By kind why only its row in the queue knows what is owed."""


def retry_owed(services: Services, actor: str = SYSTEM, at_once: bool = False) -> int:
    """Ask for what the ledger shows to be owed, and begin what was given up again; returns how many jobs.

    Not what was given up a moment ago, unless `at_once`: somebody says that what it needs is there again.
    """
    counts = [_retry_given_up(services, services.clock.now() - (timedelta(0) if at_once else PAUSE), actor)]
    with ExitStack() as each:  # what fails keeps nothing else from being done
        for kind in OWED:
            each.callback(lambda kind=kind: counts.append(_queue_owed(services, kind)))  # type: ignore[misc]
    return sum(counts)


def retry_after_outage(services: Services, since: datetime, now: datetime) -> int:
    """Of two polls that succeeded: where the DAM was away in between, what was given up meanwhile begins at once, and
    what somebody has a right to does not wait for its next try; returns how many jobs."""
    if now - since < max(OUTAGE, 3 * timedelta(seconds=services.config.dam.poll_seconds)):
        return 0
    count = _retry_given_up(services, services.clock.now(), SYSTEM, since=since)
    return count + sum(_hasten(services, kind, SYSTEM) for kind in _URGENT)


def _queue_owed(services: Services, kind: str) -> int:
    what, urgent = OWED[kind]
    return queue_missing(services, kind, what(services), urgent)


def queue_missing(services: Services, kind: str, asked: Payloads, priority: int = 5) -> int:
    """Ask for jobs that are neither open nor given up; returns how many. Those have their row, and their pause."""
    count = 0
    for keys in chunked(list(asked), _PORTION):
        with services.store.write() as tx:
            for key in sorted(set(keys) - _find_known(tx, kind, keys)):
                services.queue.put(tx, kind, key, asked[key], priority)
                count += 1
    return count


def _find_known(tx: Tx, kind: str, keys: Iterable[str]) -> set[str]:
    j = t.job.c
    mine = (j.kind == kind) & j.key.in_(list(keys)) & j.state.in_(("queued", "running", "dead"))
    return set(tx.execute(select(j.key).where(mine)).scalars())


def _retry_given_up(
    services: Services, before: datetime, actor: str, kind: str | None = None, since: datetime | None = None
) -> int:
    """In portions, from the oldest row on; what is given up meanwhile is left for later."""
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
    """Somebody has it tried again now: one job, those of a kind, or all that is owed; returns how many.

    Raises NotFound for a job that was not given up and does not wait for another try; NothingDone where nothing is
    owed.
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
    """What waits for another try comes at once."""
    j, count = t.job.c, 0
    waits = (j.state == "queued") & (j.attempt > 0) & (j.run_after > services.clock.now())
    if kind is not None:
        waits &= j.kind == kind
    with services.store.read() as conn:
        ids = list(conn.scalars(select(j.id).where(waits)))
    for job_id in ids:
        with suppress(NotFound):  # a worker took it meanwhile
            services.queue.revive(job_id, actor)
            count += 1
    return count


@dataclass(frozen=True)
class PendingJob:
    """A job that was given up, or failed and waits for another try at `next`. `about`: a photograph, a collection, or
    the pseudonymous id of a person; nobody's name."""

    id: int
    kind: str
    about: str
    since: datetime
    tried: int
    why: str
    next: datetime | None


_WITHOUT_SUBJECT = frozenset(
    {"anew", reexamination.JOB, "rulings", lost_links.JOB}
)  # their keys say nothing to anybody


def list_pending(services: Services, limit: int) -> list[PendingJob]:
    """What was given up, newest first, then what failed and is tried again by itself."""
    j = t.job.c
    waits = (j.state == "queued") & (j.attempt > 0)
    query = select(t.job).where(or_(j.state == "dead", waits)).order_by(j.state, j.id.desc()).limit(limit)
    with services.store.read() as conn:
        rows = conn.execute(query).all()
    return [
        PendingJob(
            row.id, row.kind, "" if row.kind in _WITHOUT_SUBJECT or row.key == dam_dates.EVERY else row.key,
            row.created_at, row.attempt, row.error or "", None if row.state == "dead" else row.run_after,
        )
        for row in rows
    ]  # fmt: skip


def count_open_by_kind(services: Services) -> dict[str, int]:
    """How many jobs of each kind wait or run."""
    j = t.job.c
    query = select(j.kind, func.count().label("n")).where(j.state.in_(("queued", "running"))).group_by(j.kind)
    with services.store.read() as conn:
        return {str(row.kind): int(row.n) for row in conn.execute(query)}
