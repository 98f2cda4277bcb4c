"""Queue photographs for examination: first scan, late consent, another engine. The queue makes it resumable."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, and_, exists, func, select, update

from plugin.errors import ExaminationFailed, PictureError, ResourceGone
from plugin.flows.clearance import policy_fingerprint
from plugin.flows.collections import modes
from plugin.flows.common import closed_house, face_rows
from plugin.flows.common.batches import queue_jobs
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import IS_OPEN, NIGHTLY, ClaimedJob
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.examination.messages import ExaminationRequest

LATE_JOB = "late-consent"
PORTION = 100
BUSY_DELAY = timedelta(minutes=1)
_WINDOW, _LOOKS = 5000, 20  # numbers that one look spans, and looks of a portion: few may be unnamed
_SAMPLE = 3  # photographs on which the cost is measured before it is asked for


@dataclass(frozen=True)
class ScanCost:
    """The cost of a scan, measured on a few of the photographs; `left_out` are in no collection that is on."""

    photos: int
    left_out: int
    seconds: float | None


def list_due(
    services: Services, collections: Sequence[str] = (), again: bool = False, other_engine: bool = False
) -> Iterator[str]:
    """The photographs to scan: in collections that are on, not examined yet.

    With `other_engine` also those that another engine examined than the one that serves; all of them with `again`.
    """
    modes.import_from_dam(services)
    done = policy_fingerprint.is_examined(services)
    if other_engine:
        done &= t.resource.c.engine == services.faces.engine_id
    with services.store.read() as conn:
        examined = set(conn.scalars(select(t.resource.c.ref).where(done))) if not again else set()
    for ref in _list_candidates(services, collections):
        if ref not in examined:
            yield ref


def _list_candidates(services: Services, collections: Sequence[str]) -> Iterator[str]:
    wanted = collections or _list_switched_on(services)
    yield from services.dam.refs(*wanted) if wanted else ()


def _list_switched_on(services: Services) -> list[str]:
    with services.store.read() as conn:
        on = (Mode.DETECT.value, Mode.SUGGEST.value, Mode.AUTO.value)
        return list(conn.scalars(select(t.collection.c.ref).where(t.collection.c.mode.in_(on))))


def list_unknown(services: Services) -> list[str]:
    """Photographs in collections that are on and that the ledger does not know, because no event reported them.

    For example an old photograph that is added to a collection, if the DAM does not log that.
    """
    modes.import_from_dam(services)
    with services.store.read() as conn:
        known = set(conn.scalars(select(t.resource.c.ref).where(t.resource.c.deleted_at.is_(None))))
    return [ref for ref in _list_candidates(services, ()) if ref not in known]


def estimate_cost(services: Services, refs: Sequence[str]) -> ScanCost:
    """How many photographs, and how long on one process: measured on the first few, boxes only."""
    total = sum(collection.resources for collection in services.dam.collections())
    began, done = time.perf_counter(), 0
    for ref in refs[:_SAMPLE]:
        try:
            with services.store.read() as conn:
                scope = modes.scope_for(services, conn, services.dam.look(ref).collections)
            if scope.mode in {Mode.OFF, Mode.NEVER}:
                continue
            now, generation = services.clock.now(), services.faces.generation
            boxes_only = ExaminationRequest(now, False, {}, (), frozenset(), generation)
            services.faces.examine(services.dam.picture(ref), boxes_only)
            done += 1
        except (PictureError, ExaminationFailed, ResourceGone):
            continue
    seconds = (time.perf_counter() - began) / done * len(refs) if done else None
    return ScanCost(len(refs), max(0, total - len(refs)), seconds)


def enqueue(services: Services, refs: Sequence[str], priority: int = 6) -> int:
    """Queue each photograph to be examined, idempotently; returns how many."""
    queue_jobs(services, "photo", refs, priority)
    return len(refs)


def count_waiting(services: Services) -> int:
    """How many photographs are still to be examined."""
    query = select(func.count()).select_from(t.job).where(t.job.c.kind == "photo", IS_OPEN)
    with services.store.read() as conn:
        return conn.scalar(query) or 0


def begin_late_consent(services: Services, paced: bool = True) -> int:
    """Begin a pass for all who enrolled or were vouched for since the last; returns how many its first portion queues.

    It queues photographs with unnamed faces where comparison is allowed; each portion is a job that follows the one
    before (not `paced`: at once). Only one pass runs at a time. When it is done, its start is stored: the next pass
    takes everybody who enrolled after that.
    """
    began = services.clock.now()
    with services.store.read() as conn:
        if not _is_due(conn) or _is_under_way(conn):
            return 0
    return _run_late(services, 0, began, paced)


def handle_late_portion(services: Services, job: ClaimedJob) -> None:
    """Queue the next photographs of the pass and the next portion in one commit: a crash loses no progress."""
    asked = job.payload
    _run_late(services, asked["after"], datetime.fromisoformat(asked["began"]), asked["paced"], job)


def _run_late(services: Services, start: int, began: datetime, paced: bool, job: ClaimedJob | None = None) -> int:
    with services.store.read() as conn:
        waits = paced and is_busy(services, conn)
        refs, after = ([], start) if waits else _find_unnamed(services, conn, start)
    with services.store.write() as tx:
        if job is not None:
            services.queue.finish(tx, job)
        elif _is_under_way(tx.connection):
            return 0
        for ref in refs:
            services.queue.put(tx, "photo", ref, priority=NIGHTLY)
        if after is None:
            tx.execute(update(t.state).values(late_consent_at=began))
        else:
            delay = BUSY_DELAY if waits else timedelta(0)
            payload = {"after": after, "began": began.isoformat(), "paced": paced}
            services.queue.put(tx, LATE_JOB, LATE_JOB, payload, priority=NIGHTLY, delay=delay)
    return len(refs)


def is_busy(services: Services, conn: Connection) -> bool:
    """Whether nightly jobs are not done yet, or cannot run: then no more are queued.

    A portion is queued after the photographs of the one before; more of these wait while the DAM is away.
    """
    waiting = select(t.job.c.id).where(t.job.c.state == "queued", t.job.c.priority >= NIGHTLY)
    full = conn.execute(waiting.offset(2 * PORTION).limit(1)).first() is not None
    return full or closed_house.find_reason_in(services, conn) is not None


def _is_due(conn: Connection) -> bool:
    """Whether somebody enrolled, or was vouched for, since the last pass."""
    since = conn.scalar(select(t.state.c.late_consent_at))
    kept = select(func.max(t.sealed.c.created_at)).where(t.sealed.c.kind == "template")
    vouched = select(func.max(t.reference_set.c.vouched_at)).where(t.reference_set.c.ended_at.is_(None))
    newest = [at for at in (conn.scalar(kept), conn.scalar(vouched)) if at is not None]
    return bool(newest) and (since is None or max(newest) > since)


def _is_under_way(conn: Connection) -> bool:
    j = t.job.c
    open_ = select(j.id).where(j.kind == LATE_JOB, j.key == LATE_JOB, IS_OPEN)
    return conn.execute(open_).first() is not None


def _find_unnamed(services: Services, conn: Connection, after: int) -> tuple[list[str], int | None]:
    """The next of them after the id `after`, and how far the search went: None at the end of the library."""
    end = conn.scalar(select(func.max(t.resource.c.id))) or 0
    refs: list[str] = []
    for _ in range(_LOOKS):
        if after >= end:
            return refs, None
        rows = conn.execute(_select_unnamed(conn, after, after + _WINDOW)).all()
        after = rows[-1].id if len(rows) == PORTION else after + _WINDOW
        refs += [row.ref for row in rows if modes.scope_of(services, conn, row.id).compares]
        if len(refs) + len(rows) >= PORTION:
            break
    return refs, after if after < end else None


def _select_unnamed(conn: Connection, after: int, last: int) -> Select[tuple[int, str]]:
    """By id, the order of the table, so that no index on changing columns is needed."""
    r, f = t.resource.c, t.face.c
    generation = conn.scalar(select(t.state.c.generation)) or 0
    unnamed = exists().where(f.resource_id == r.id, f.state.in_(face_rows.UNDECIDED))
    mine = and_(r.id > after, r.id <= last, r.deleted_at.is_(None), r.matched_generation < generation)
    return select(r.id, r.ref).where(mine, unnamed).order_by(r.id).limit(PORTION)
