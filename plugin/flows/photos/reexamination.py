"""Photographs that were examined by earlier, less thorough rules count as unknown, and are queued again in portions.

A portion is queued after everything else, and the next one when it is done, so that no event waits for them. A
photograph waits until it was examined again, so an interrupted run continues at the next start.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, func, select

from plugin.flows.common.services import Services
from plugin.flows.photos import scan_queue
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.store import Tx
from plugin.quitclaim.words.examination_words import NotExamined

JOB = "closely"
_PRIORITY = 9  # after everything that people wait for


def _is_waiting() -> ColumnElement[bool]:
    r = t.resource.c
    return (r.examined == "no") & (r.examined_reason == NotExamined.BEFORE.value) & r.deleted_at.is_(None)


def count_waiting(services: Services) -> int:
    """How many still wait to be examined again."""
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(t.resource).where(_is_waiting())) or 0


def queue_waiting(services: Services) -> None:
    """Queue the job if any photograph waits."""
    with services.store.read() as conn:
        if conn.execute(select(t.resource.c.id).where(_is_waiting()).limit(1)).first() is None:
            return
    with services.store.write() as tx:
        queue_from_start(services, tx)


def queue_from_start(services: Services, tx: Tx) -> None:
    """Queue the job from the first photograph that waits, in the caller's transaction."""
    services.queue.put(tx, JOB, JOB, {"after": 0}, priority=_PRIORITY)


def handle_portion(services: Services, job: ClaimedJob) -> None:
    """Queue the next photographs and the next portion in one commit: a crash loses no progress."""
    with services.store.read() as conn:
        busy = scan_queue.is_busy(services, conn)
        behind = select(t.resource.c.id, t.resource.c.ref).where(_is_waiting(), t.resource.c.id > job.payload["after"])
        rows = [] if busy else conn.execute(behind.order_by(t.resource.c.id).limit(scan_queue.PORTION)).all()
    with services.store.write() as tx:
        services.queue.finish(tx, job)
        for row in rows:
            services.queue.put(tx, "photo", row.ref, priority=_PRIORITY)
        after, delay = job.payload["after"], scan_queue.BUSY_DELAY if busy else timedelta(0)
        if busy or len(rows) == scan_queue.PORTION:
            payload = {"after": after if busy else rows[-1].id}
            services.queue.put(tx, JOB, JOB, payload, priority=_PRIORITY, delay=delay)
