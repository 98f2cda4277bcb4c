"""The daily comparison with the DAM runs in rounds, photograph by photograph, without a queue row for each.

The store holds the progress of a round. A job is one portion: it compares photographs for two seconds, and queues the
rest of it or the next portion in one commit; a few run in parallel. An unfinished round continues the next day. A
photograph that fails gets a job of its own and does not block the others; while the DAM is away they wait.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from plugin.errors import FaceLeaseError, StoreAway
from plugin.flows.common.services import Services
from plugin.flows.photos import tagging
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import IS_OPEN, NIGHTLY, ClaimedJob
from plugin.ledger.store.store import Tx

JOB = "comparison"
PORTION = 100
_PORTION_SECONDS = 2.0  # then the worker's thread is free for other jobs
_AWAY_DELAY = timedelta(minutes=5)
_FAILURES_IN_A_ROW = 5  # so many failures make it worth asking whether the DAM is there
_MAX_SINGLE_JOBS = 1000
_TRIES = 3  # a portion that crashes its process so often is queued photograph by photograph


@dataclass(frozen=True)
class ComparisonRound:
    """When the last one began and ended; `left` photographs are still to be compared in it."""

    began_at: datetime | None
    ended_at: datetime | None
    left: int

    @property
    def is_over(self) -> bool:
        """Whether none is under way."""
        return self.ended_at is not None and self.began_at is not None and self.ended_at >= self.began_at


@dataclass(frozen=True)
class _PortionResult:
    """How far a portion came, which photographs get a job of their own, and whether the DAM was away then."""

    to: int
    alone: Sequence[str]
    away: bool = False


def begin_round(services: Services, whole: bool = False, gone: bool = False) -> int:
    """Begin a round, or continue the one that is under way; returns how many photographs are known.

    `whole`: compare every photograph from now on, also those that the round under way has compared already: it runs
    to the end, and then from the beginning to where it is now. `gone`: include deleted photographs.
    """
    with services.store.write() as tx:
        after = tx.connection.scalar(select(t.state.c.compared_after))
        if whole and after is not None:
            tx.execute(update(t.state).values(round_from=after, round_began_at=tx.now))
        elif whole or (after is None and not _count_open(tx.connection)):
            tx.execute(update(t.state).values(compared_after=0, round_from=0, round_began_at=tx.now))
        if gone:
            _queue_portion(services, tx, 0, None, gone=True)
        for _ in range(_max_open(services) - _count_open(tx.connection)):
            _hand_out(services, tx)
        _end_round(tx)
    there = select(func.count()).select_from(t.resource)
    with services.store.read() as conn:
        return conn.scalar(there if gone else there.where(t.resource.c.deleted_at.is_(None))) or 0


def _max_open(services: Services) -> int:
    """The worker has two more threads, so no event waits for a portion."""
    return max(1, services.config.recognizer.processes)


def _count_open(conn: Connection) -> int:
    mine = select(func.count()).select_from(t.job).where(t.job.c.kind == JOB, IS_OPEN)
    return conn.scalar(mine) or 0


def _hand_out(services: Services, tx: Tx) -> None:
    """Queue the next portion, if any: to the end of the library, and then up to where the round began."""
    s = tx.execute(select(t.state.c.compared_after, t.state.c.round_from)).one()
    if s.compared_after is None:
        return
    start = s.round_from or 0
    last_lap = s.compared_after < start
    ids = [n for n, _ in _list_after(tx.connection, s.compared_after, start if last_lap else None, gone=False)]
    ended = len(ids) < PORTION or (last_lap and ids[-1] >= start)
    next_ = ids[-1] if not ended else 0 if start and not last_lap else None
    tx.execute(update(t.state).values(compared_after=next_))
    if ids:
        _queue_portion(services, tx, s.compared_after, ids[-1])
    elif next_ is not None:
        _hand_out(services, tx)


def _queue_portion(
    services: Services, tx: Tx, after: int, to: int | None, gone: bool = False, delay: timedelta = timedelta(0)
) -> None:
    """The key names the portion, so that one that was given up can be retried beside all others."""
    key, payload = "gone" if gone else f"{after}-{to}", {"after": after, "to": to, "gone": gone}
    services.queue.put(tx, JOB, key, payload, priority=NIGHTLY, delay=delay)


def _list_after(conn: Connection, after: int, to: int | None, gone: bool) -> Sequence[tuple[int, str]]:
    """The ids and refs of the next photographs."""
    r = t.resource.c
    query = select(r.id, r.ref).where(r.id > after, r.deleted_at.is_not(None) if gone else r.deleted_at.is_(None))
    query = query if to is None else query.where(r.id <= to)
    return conn.execute(query.order_by(r.id).limit(PORTION)).all()


def handle_portion(services: Services, job: ClaimedJob) -> None:
    """Compare photographs of the job's portion for two seconds; a crash repeats no more than that."""
    after, to, gone = job.payload["after"], job.payload["to"], bool(job.payload.get("gone"))
    with services.store.read() as conn:
        rows, full = _list_after(conn, after, to, gone), _is_full(conn)
    if full:
        done = _PortionResult(after, (), away=True)
    elif rows and job.attempt > _TRIES:
        done = _PortionResult(rows[-1][0], [ref for _, ref in rows])
    else:
        done = _compare(services, after, rows)
    if to is None and rows and len(rows) < PORTION:
        to = rows[-1][0]
    with services.store.write() as tx:
        services.queue.finish(tx, job)
        for ref in done.alone:
            services.queue.put(tx, "compare", ref, priority=NIGHTLY)
        if rows and (to is None or done.to < to):
            delay = _AWAY_DELAY if done.away else timedelta(0)
            _queue_portion(services, tx, done.to, job.payload["to"], gone, delay)
        elif _count_open(tx.connection) < _max_open(services):
            _hand_out(services, tx)
        _end_round(tx)


def _is_full(conn: Connection) -> bool:
    """Whether so many failed that something else is wrong: then no more are queued until some are done."""
    alone = select(t.job.c.id).where(t.job.c.kind == "compare", IS_OPEN)
    return conn.execute(alone.offset(_MAX_SINGLE_JOBS).limit(1)).first() is not None


def _compare(services: Services, after: int, rows: Sequence[tuple[int, str]]) -> _PortionResult:
    """For two seconds, or until nothing is left; if the DAM is away, back to before the failures."""
    until = time.monotonic() + _PORTION_SECONDS
    alone: list[str] = []
    in_a_row, good = 0, after
    for number, ref in rows:
        try:
            tagging.compare_photo(services, ref)
        except (StoreAway, SQLAlchemyError):
            raise  # the store, and not the photograph
        except Exception:  # its own job reports the error; the others are compared
            alone.append(ref)
            in_a_row += 1
            if in_a_row % _FAILURES_IN_A_ROW == 0 and _is_away(services):
                return _PortionResult(good, alone[:-in_a_row], away=True)
        else:
            in_a_row, good = 0, number
        if time.monotonic() >= until and in_a_row % _FAILURES_IN_A_ROW == 0:
            return _PortionResult(number, alone)
    return _PortionResult(rows[-1][0] if rows else after, alone)


def _is_away(services: Services) -> bool:
    try:
        services.dam.collections()
    except FaceLeaseError:
        return True
    return False


def _end_round(tx: Tx) -> None:
    s = t.state.c
    under_way = (s.compared_after.is_(None)) & s.round_began_at.is_not(None)
    not_noted = s.round_ended_at.is_(None) | (s.round_ended_at < s.round_began_at)
    if not _count_open(tx.connection):
        tx.execute(update(t.state).where(under_way, not_noted).values(round_ended_at=tx.now))


def find_round(services: Services, counted: bool = True) -> ComparisonRound:
    """The last round, or the one that is under way; `left` is 0 unless `counted`."""
    s = t.state.c
    with services.store.read() as conn:
        row = conn.execute(select(s.round_began_at, s.round_ended_at, s.compared_after, s.round_from)).one()
        left = _count_left(conn, row.compared_after, row.round_from or 0) if counted else 0
    return ComparisonRound(row.round_began_at, row.round_ended_at, left)


def _count_left(conn: Connection, after: int | None, start: int) -> int:
    """How many are left in the open portions and after them."""
    mine = select(t.job.c.payload).where(t.job.c.kind == JOB, IS_OPEN)
    asked = [payload for payload in conn.scalars(mine) if isinstance(payload, dict) and "after" in payload]
    left = sum(len(_list_after(conn, one["after"], one["to"], gone=False)) for one in asked if not one.get("gone"))
    if after is None:
        return left
    number = t.resource.c.id
    owed = (number > after) & (number <= start) if after < start else (number > after) | (number <= start)
    return left + (conn.scalar(select(func.count()).where(owed, t.resource.c.deleted_at.is_(None))) or 0)
