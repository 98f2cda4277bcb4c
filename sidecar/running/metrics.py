"""What Prometheus may scrape: counts and durations, nobody's name."""

import math
import traceback

import structlog
from prometheus_client import Counter, Gauge, Histogram

log = structlog.get_logger()

SLOW_WRITE_SECONDS = 0.25
"""Seconds that a write transaction may block others (rule 45)."""

_PASSED_OVER = {__name__, "plugin.ledger.store.store", "plugin.flows.common.batches", "contextlib"}

JOBS = Counter("facelease_jobs_total", "Jobs by kind and outcome", ["kind", "outcome"])
JOB_SECONDS = Histogram("facelease_job_seconds", "Seconds a job took", ["kind"])
CHORES = Counter("facelease_chores_total", "Scheduled acts by outcome", ["chore", "outcome"])
LOOP_ERRORS = Counter("facelease_loop_errors_total", "Errors that a loop outlived, by loop", ["loop"])
_RESTARTS = "Times that the worker beside the server was started again, by why"
WORKER_RESTARTS = Counter("facelease_worker_restarts_total", _RESTARTS, ["why"])
EVENTS = Counter("facelease_events_total", "Events of the DAM that were signed, by outcome", ["outcome"])
QUEUE = Gauge("facelease_queue_jobs", "Jobs in the queue by state", ["state"])
PHOTOS = Gauge("facelease_photos", "Photographs in the ledger by how far they are examined", ["examined"])
FACES = Gauge("facelease_faces", "Faces in the ledger by state", ["state"])
GALLERY = Gauge("facelease_templates", "Templates that are kept")
SWEEP_AGE = Gauge("facelease_sweep_age_seconds", "Seconds since the last sweep")
MAILS = Gauge("facelease_mails", "Letters by state", ["state"])
OWED = Gauge("facelease_owed", "What is owed for longer than it takes, by kind", ["kind"])
OWED_SECONDS = Gauge("facelease_owed_seconds", "For how long the oldest of a kind is owed", ["kind"])
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, SLOW_WRITE_SECONDS, 0.5, 1, 2.5, 5, 10, 30, 60)
_WAITED = "Seconds that a write transaction kept others waiting"
WRITE_SECONDS = Histogram("facelease_write_seconds", _WAITED, buckets=_BUCKETS)
ROUND_SECONDS = Gauge("facelease_comparison_round_seconds", "Seconds that the last whole comparison with the DAM took")
ROUND_AGE = Gauge("facelease_comparison_age_seconds", "Seconds since a comparison with the DAM last came to its end")


STORE = Gauge("facelease_store_answers", "1 where the store answered when it was last asked, 0 where it did not")
_OF_THE_STORE = (GALLERY, SWEEP_AGE, ROUND_SECONDS, ROUND_AGE)
_OF_ITS_ROWS = (QUEUE, PHOTOS, FACES, MAILS, OWED, OWED_SECONDS)


def clear_store_metrics() -> None:
    """Drop the values that come from the store, which does not answer: old ones must not pass as current."""
    STORE.set(0)
    for one in _OF_THE_STORE:
        one.set(math.nan)
    for many in _OF_ITS_ROWS:
        many.clear()


def observe_write(seconds: float) -> None:
    """For `Store.watch`: count a write, and log which function opened it where it was too long."""
    WRITE_SECONDS.observe(seconds)
    if seconds > SLOW_WRITE_SECONDS:
        log.warning("long write", seconds=round(seconds, 3), by=_find_opener())


def _find_opener() -> str:
    """The function with this `store.write()`: the innermost call outside the store and the standard library."""
    calls = (frame for frame, _ in traceback.walk_stack(None))
    names = ((str(frame.f_globals.get("__name__")), frame.f_code.co_name) for frame in calls)
    opened = (f"{module}.{function}" for module, function in names if module not in _PASSED_OVER)
    return next(opened, "?")
