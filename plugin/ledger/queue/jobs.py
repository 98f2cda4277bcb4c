"""The queue: rows of the store, claimed with a lease, delivered at least once.

A job may run twice (a process dies after the effect and before the commit), so handlers must be idempotent; `finish` in
the transaction of the effect guarantees that for the ledger.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import sqlalchemy as sa
from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from plugin.config import JobsSection
from plugin.errors import LeaseLost, NotFound, QueueFull
from plugin.ledger.queue import job_rows
from plugin.ledger.queue.job_rows import DEAD
from plugin.ledger.queue.job_rows import ClaimedJob as ClaimedJob
from plugin.ledger.queue.job_rows import DeadJob as DeadJob
from plugin.ledger.queue.job_rows import UnfinishedJob as UnfinishedJob
from plugin.ledger.queue.job_rows import describe_error as describe_error
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Store, Tx
from plugin.ledger.tables import job, state
from plugin.ledger.tables.rows import JobRow

NIGHTLY = 8
"""From this priority on jobs are background work, such as the nightly comparison, and do not count as waiting."""

_LONGEST_BACKOFF = timedelta(hours=1)
KILLED = "its process died or overran its lease each time"
IS_OPEN = text("job.state IN ('queued', 'running')")
"""Literal values: with parameters SQLite does not use its partial index."""
_UNIQUE = text("state IN ('queued', 'running')")
_COMPARING = ("photo", "reencode")  # kinds that compare faces wait while the house is closed


class Queue:
    """The jobs of one store. `random` gives the jitter of retries."""

    def __init__(self, store: Store, config: JobsSection, random: Random) -> None:
        self._store = store
        self._config = config
        self._random = random
        self._followed: dict[tuple[str, str], int] | None = None

    def follow(self) -> None:
        """From now on remember the jobs that this process queues: a command reports the unfinished ones."""
        self._followed = {}

    def put(
        self,
        tx: Tx,
        kind: str,
        key: str,
        payload: object = None,
        priority: int = 5,
        delay: timedelta = timedelta(0),
        bounded: bool = False,
    ) -> int:
        """Queue a job in the caller's transaction; returns its id. Lower `priority` goes first.

        One (kind, key) is open at a time: a queued one takes the earlier time, the higher priority and the newest
        payload; a running one runs once more afterwards, whatever its outcome. Raises QueueFull if `bounded` and the
        queue is at its limit, unless the job is open already.
        """
        if bounded:
            self._refuse_when_full(tx, kind, key)
        insert_ = sqlite.insert if self._store.is_sqlite else postgresql.insert
        row = {"kind": kind, "key": key, "payload": {} if payload is None else payload, "priority": priority}
        row |= {"state": "queued", "again": False, "attempt": 0, "run_after": tx.now + delay}
        new = insert_(job).values(**row, created_at=tx.now)
        running = job.c.state == "running"
        first = and_(running, ~job.c.again)  # else it is already due for a waiting request
        merged = new.on_conflict_do_update(
            index_elements=[job.c.kind, job.c.key],
            index_where=_UNIQUE,
            set_={
                "payload": new.excluded.payload,
                "again": case((running, sa.true()), else_=sa.false()),
                "priority": job_rows.select_lesser(new.excluded.priority, job.c.priority),
                "run_after": case(
                    (first, new.excluded.run_after),
                    else_=job_rows.select_lesser(new.excluded.run_after, job.c.run_after),
                ),
            },
        )
        return self._note_followed(kind, key, int(tx.execute(merged.returning(job.c.id)).scalar_one()))

    def _note_followed(self, kind: str, key: str, job_id: int) -> int:
        if self._followed is not None:
            self._followed[kind, key] = job_id
        return job_id

    def claim(self, kinds: Sequence[str] | None = None, but: Sequence[int] = ()) -> ClaimedJob | None:
        """Claim the next due job, not of the ids in `but`, for the length of a lease; None for none.

        Also claims jobs with an expired lease; each claim counts as an attempt, so that a job that kills its process is
        given up too. While the house is closed, jobs that compare faces are not claimed.
        """
        open_ = sa.exists().where(state.c.closed_at.is_(None))
        kind = job.c.kind.in_(kinds) if kinds is not None else sa.true()
        others = job.c.id.not_in(but) if but else sa.true()
        wanted = and_(kind, others, job.c.kind.not_in(_COMPARING) | open_)
        now = self._store.clock.now()
        with self._store.read() as connection:
            # Most polls find nothing and must not block writers.
            due = connection.execute(select(job.c.id).where(wanted, job_rows.is_due(now)).limit(1)).first()
        if due is None:
            return None
        with self._store.write(alone=False) as tx:
            self._bury_overrun(tx)
            row = self._claim(tx, wanted)
        return None if row is None else ClaimedJob(row.id, row.kind, row.key, row.payload, row.attempt)

    def heartbeat(self, claimed: ClaimedJob) -> None:
        """Extend the lease. Raises LeaseLost where another worker has claimed the job."""
        with self._store.write(alone=False) as tx:
            lease = tx.now + timedelta(seconds=self._config.lease_seconds)
            _change(tx, claimed, lease_until=lease)

    def finish(self, tx: Tx, claimed: ClaimedJob) -> None:
        """Delete the job in the transaction of its effect. Raises LeaseLost, which rolls that back.

        If it was queued again while it ran, it becomes a new row, so that the old token is never valid again.
        """
        row = tx.execute(delete(job).where(_is_ours(claimed)).returning(job)).first()
        if row is None:
            raise _build_lease_error(claimed)
        tx.execute(delete(job).where(job_rows.is_given_up(row.kind, row.key)))  # it succeeded after all
        self._follow_on(tx, row)

    def fail(self, claimed: ClaimedJob, error: BaseException) -> str:
        """Requeue the job with growing, jittered backoff, or give it up after the last attempt.

        A retry covers what was queued meanwhile, with the newest payload; after the last attempt that becomes a new
        job. Returns `queued` or `dead`. Raises LeaseLost where another worker has claimed the job.
        """
        with self._store.write(alone=False) as tx:
            values: dict[str, object] = {"error": describe_error(error), "lease_until": None}
            dead = claimed.attempt >= self._config.attempts
            if dead:
                values |= {"state": "dead", "finished_at": tx.now}
            else:
                values |= {"state": "queued", "again": False, "run_after": tx.now + self._backoff(claimed.attempt)}
            row = _change(tx, claimed, **values)
            if dead:
                self._bury(tx, row)
        return str(values["state"])

    def put_back(self, claimed: ClaimedJob, delay: timedelta = timedelta(0)) -> None:
        """Return the job to the queue. Raises LeaseLost where another worker has claimed it."""
        with self._store.write(alone=False) as tx:
            _change(tx, claimed, state="queued", again=False, lease_until=None, run_after=tx.now + delay)

    def put_off(self, tx: Tx, job_ids: Sequence[int], until: datetime, priority: int) -> None:
        """Not before that moment, what is queued of these and as little urgent."""
        which = job.c.id.in_(job_ids) & (job.c.state == "queued") & (job.c.priority >= priority)
        tx.execute(update(job).where(which).values(run_after=until))

    def counts(self) -> dict[str, int]:
        """The number of queued, running and dead jobs; finished ones are deleted."""
        query = select(job.c.state, func.count()).group_by(job.c.state)
        with self._store.read() as connection:
            found = {str(state): int(count) for state, count in connection.execute(query).all()}
        return {state: found.get(state, 0) for state in ("queued", "running", "dead")}

    def followed(self, kind: str) -> list[str]:
        """The keys of the jobs of this kind queued since `follow`."""
        return [key for one, key in self._followed or () if one == kind]

    def unfinished(self, kinds: Sequence[str]) -> list[UnfinishedJob]:
        """Jobs queued since `follow` that are not done; without those scheduled for later and not tried yet."""
        now = self._store.clock.now()
        waits = and_(job.c.state == "queued", or_(job.c.run_after <= now, job.c.attempt > 0))
        query = select(job).where(job.c.kind.in_(kinds), or_(waits, job.c.state.in_(("running", "dead"))))
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(job.c.id)).all()
        ours = self._followed or {}
        return [
            UnfinishedJob(row.kind, row.key, row.error or "", row.state == "dead")
            for row in rows
            if (row.kind, row.key) in ours and (row.state != "dead" or row.id == ours[row.kind, row.key])
        ]

    def dead(self, most: int | None = None) -> list[DeadJob]:
        """The given-up jobs, newest first."""
        query = select(job).where(job.c.state == "dead").order_by(job.c.finished_at.desc(), job.c.id.desc())
        query = query if most is None else query.limit(most)
        with self._store.read() as connection:
            return [
                DeadJob(row.id, row.kind, row.key, row.attempt, row.error or "", row.finished_at)
                for row in connection.execute(query).all()
            ]

    def revive(self, job_id: int, actor: str = "system") -> int:
        """Retry a given-up job with all its attempts, or a waiting retry at once.

        Returns its id now. Raises NotFound.
        """
        with self._store.write() as tx:
            for new in self.begin_again(tx, job.c.id == job_id, actor):
                return new
            waits = (job.c.id == job_id) & (job.c.state == "queued") & (job.c.attempt > 0)
            row = tx.execute(update(job).where(waits).values(run_after=tx.now).returning(job)).first()
            if row is None:
                raise NotFound(
                    f"no job {job_id} was given up, or waits for another try: `facelease jobs list` shows those"
                )
            tx.audit(Action.JOB_REVIVE, actor, job=job_id, now=job_id)
        return self._note_followed(row.kind, row.key, job_id)

    def begin_again(self, tx: Tx, which: ColumnElement[bool], actor: str, most: int = 1) -> list[int]:
        """Restart the first `most` of these given-up jobs with all their attempts; returns their new ids.

        A job that was queued again since is left to that one, which has the newest payload.
        """
        some = select(job.c.id).where(DEAD, which).order_by(job.c.id).limit(most)
        rows = tx.execute(delete(job).where(job.c.id.in_(some)).returning(job)).all()
        return [self._begin(tx, row, actor) for row in rows]

    def _begin(self, tx: Tx, row: JobRow, actor: str) -> int:
        """Due since it was first queued, so that it counts as late at once."""
        open_ = select(job.c.id).where(job.c.kind == row.kind, job.c.key == row.key, IS_OPEN)
        new = tx.connection.scalar(open_) or self.put(
            tx, row.kind, row.key, row.payload, row.priority, delay=row.created_at - tx.now
        )
        older = (job.c.id == new) & (job.c.created_at > row.created_at)
        tx.execute(update(job).where(older).values(created_at=row.created_at))
        tx.audit(Action.JOB_REVIVE, actor, job=row.id, now=new)
        return self._note_followed(row.kind, row.key, new)

    def _follow_on(self, tx: Tx, row: JobRow) -> None:
        """What was queued while it ran becomes a new job."""
        if row.again:
            delay = max(row.run_after - tx.now, timedelta(0))
            self.put(tx, row.kind, row.key, row.payload, row.priority, delay)

    def _bury(self, tx: Tx, row: JobRow) -> None:
        """Replace an earlier given-up job of the same kind and key, so that rows do not accumulate."""
        earlier = and_(job_rows.is_given_up(row.kind, row.key), job.c.id != row.id)
        since = tx.execute(delete(job).where(earlier).returning(job.c.created_at)).scalars().all()
        if since:
            tx.execute(update(job).where(job.c.id == row.id).values(created_at=min([*since, row.created_at])))
        tx.audit(Action.JOB_DEAD, "system", job=row.id, kind=row.kind)
        self._follow_on(tx, row)

    def _refuse_when_full(self, tx: Tx, kind: str, key: str) -> None:
        pressing = (job.c.state == "queued") & (job.c.priority < NIGHTLY)
        last = select(job.c.id).where(pressing).offset(self._config.limit - 1).limit(1)  # no count of a million
        if tx.execute(last).first() is None:
            return
        there = select(job.c.id).where(job.c.kind == kind, job.c.key == key, IS_OPEN)
        if tx.execute(there).first() is None:
            raise QueueFull(self._config.limit, self._config.backoff_seconds)

    def _bury_overrun(self, tx: Tx) -> None:
        """Give up jobs whose lease expired at their last attempt."""
        overrun = and_(job_rows.is_overrun(tx.now), job.c.attempt >= self._config.attempts)
        last = select(job.c.id).where(overrun).with_for_update(skip_locked=True)
        values = {"state": "dead", "finished_at": tx.now, "lease_until": None, "error": KILLED}
        for row in tx.execute(update(job).where(job.c.id.in_(last)).values(**values).returning(job)).all():
            self._bury(tx, row)

    def _claim(self, tx: Tx, wanted: ColumnElement[bool]) -> JobRow | None:
        """One UPDATE ... RETURNING: first jobs with an expired lease, then queued ones."""
        lost = job_rows.select_next(and_(wanted, job_rows.is_overrun(tx.now)), "lost", job.c.lease_until)
        queued = job_rows.select_next(
            and_(wanted, job_rows.is_ready(tx.now)), "ready", job.c.priority, job.c.run_after, job.c.id
        )
        chosen = func.coalesce(select(lost.c.id).scalar_subquery(), select(queued.c.id).scalar_subquery())
        lease = tx.now + timedelta(seconds=self._config.lease_seconds)
        taken = {"state": "running", "attempt": job.c.attempt + 1, "lease_until": lease, "again": False}
        return tx.execute(update(job).where(job.c.id == chosen).values(**taken).returning(job)).first()

    def _backoff(self, attempt: int) -> timedelta:
        """Exponential backoff with jitter over its upper half, at most an hour."""
        pause = timedelta(seconds=self._config.backoff_seconds) * float(2 ** min(attempt - 1, 20))
        return min(pause, _LONGEST_BACKOFF) * self._random.uniform(0.5, 1.0)


def _is_ours(claimed: ClaimedJob) -> ColumnElement[bool]:
    return and_(job.c.id == claimed.id, job.c.attempt == claimed.attempt, job.c.state == "running")


def _change(tx: Tx, claimed: ClaimedJob, **values: object) -> JobRow:
    row = tx.execute(update(job).where(_is_ours(claimed)).values(**values).returning(job)).first()
    if row is None:
        raise _build_lease_error(claimed)
    return row


def _build_lease_error(claimed: ClaimedJob) -> LeaseLost:
    return LeaseLost(f"the lease of job {claimed.id} ({claimed.kind}) ran out and another worker has it")
