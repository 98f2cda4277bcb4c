"""Claims jobs and runs their handlers: in `work` until it is stopped, in a command until none is due."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial

import structlog

from plugin.errors import ConfigError, FaceLeaseError, LeaseLost, StoreAway, StoreError, VaultError, redact_error
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.ledger.queue.jobs import ClaimedJob
from sidecar.running import loops, metrics, shutdown
from sidecar.running.shutdown import Callback

log = structlog.get_logger()
_IDLE_SECONDS = 0.5
_LONGEST_SECONDS = 12 * 3600.0
"""For so long at most the lease of a job is extended; then another worker may claim it."""


def _do_nothing() -> None:
    return


class Runner:
    """Runs jobs of one process, in as many threads as keep the examiners busy."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._held: dict[int, tuple[ClaimedJob, float]] = {}
        """Jobs that run here, each with its start (monotonic seconds): no other thread here claims them."""
        self._lost: set[int] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()

    @property
    def threads(self) -> int:
        """Two more than examiners: one writes results and one prepares the next job, so that no examiner waits."""
        return self._services.config.recognizer.processes + 2

    def run_one(self, kinds: Sequence[str] | None = None) -> bool:
        """Claim one job and run it; False when none is due. A job that fails is put back by the queue."""
        with self._lock:
            held = list(self._held)
        job = self._services.queue.claim(kinds, but=held)
        if job is None:
            return False
        began = time.monotonic()
        with self._lock:
            self._held[job.id] = (job, began)
        try:
            self._carry_out(job)
        finally:
            with self._lock:
                del self._held[job.id]
                self._lost.discard(job.id)
            metrics.JOB_SECONDS.labels(job.kind).observe(time.monotonic() - began)
        return True

    def _carry_out(self, job: ClaimedJob) -> None:
        try:
            calendar.HANDLERS[job.kind](self._services, job)
            metrics.JOBS.labels(job.kind, "done").inc()
        except LeaseLost:
            metrics.JOBS.labels(job.kind, "lost").inc()
            log.warning("lease lost", job=job.id, kind=job.kind)
        except BaseException as error:  # a job must not end its worker: the queue counts and keeps it
            if isinstance(error, KeyboardInterrupt) and _is_main_thread():
                self._put_back(job)
                raise
            self._failed(job, error)

    def _failed(self, job: ClaimedJob, error: BaseException) -> None:
        """Have it retried later; while this process stops, and its children may be gone, that counts as no attempt."""
        if self._stop.is_set():
            self._put_back(job)
            return
        try:
            state = self._services.queue.fail(job, error)
        except LeaseLost:
            state = "lost"
        metrics.JOBS.labels(job.kind, state).inc()
        # The message of an error that is not ours may quote a name or a path: its class alone is logged.
        where = [] if isinstance(error, FaceLeaseError) else loops.list_calls(error)
        about = {"job": job.id, "kind": job.kind, "state": state, "error": type(error).__name__}
        log.error("job failed", **about, said=redact_error(error), where=where)

    def _put_back(self, job: ClaimedJob, delay: timedelta = timedelta(0)) -> None:
        """Release it to the next worker; if the store does not answer, its lease expires."""
        with suppress(LeaseLost, StoreError):
            self._services.queue.put_back(job, delay)
            metrics.JOBS.labels(job.kind, "put back").inc()

    def beat(self) -> None:
        """Extend the lease of every job that runs here."""
        now = time.monotonic()
        with self._lock:
            young = [job for job, began in self._held.values() if now - began < _LONGEST_SECONDS]
            held = [job for job in young if job.id not in self._lost]
        for job in held:
            try:
                self._services.queue.heartbeat(job)
            except LeaseLost:
                log.warning("lease lost", job=job.id, kind=job.kind)
                with self._lock:
                    self._lost |= {job.id} & set(self._held)

    @contextmanager
    def _beating(self) -> Iterator[loops.ThreadGroup]:
        """Extend leases by a thread of its own while the block runs, whatever hangs in other threads."""
        stop, seconds = threading.Event(), self._services.config.jobs.lease_seconds / 3

        def beat() -> bool:
            self.beat()
            return False

        crew = loops.ThreadGroup("beat", lambda: loops.repeat("beat", beat, stop, seconds), 1)
        try:
            yield crew
        finally:
            stop.set()

    def drain(self, kinds: Sequence[str] | None = None, threads: int = 1, meanwhile: Callback | None = None) -> None:
        """Run jobs until none is due; jobs that wait for a later moment stay.

        `meanwhile` is called twice a second by this thread, while others work; without it this one works too. Raises
        what the store raises, and KeyboardInterrupt; what is in hand then comes to its end soon or is put back.
        """
        errors: list[BaseException] = []

        def work() -> None:
            try:
                while not self._stop.is_set() and self.run_one(kinds):
                    pass
            except BaseException as error:
                errors.append(error)

        crew = [threading.Thread(target=work, daemon=True) for _ in range(threads - (meanwhile is None))]
        with self._beating():
            try:
                for member in crew:
                    member.start()
                if meanwhile is None:
                    work()
                while not loops.join_threads(crew, _IDLE_SECONDS) and not errors:
                    if meanwhile is not None:
                        meanwhile()
            finally:
                self._stop.set()
                if loops.join_threads(crew, shutdown.GRACE_SECONDS):
                    self._stop.clear()
                else:
                    self._put_all_back()
        for error in errors:
            raise error

    def _put_all_back(self) -> None:
        """Release the jobs that still hang here, from the moment at which this process will have ended."""
        with self._lock:
            held = [job for job, _ in self._held.values() if job.id not in self._lost]
        for job in held:
            self._put_back(job, timedelta(seconds=shutdown.EXIT_SECONDS))

    def run(self, stop: threading.Event, swept: Callback = _do_nothing, begun: Callback = _do_nothing) -> None:
        """Work until `stop` is set: chores by the clock, jobs as they come.

        `swept` is called after each sweep, whether or not it succeeded; `begun` before the first job. Raises errors of
        the start that are not transient, and FaceLeaseError if the scheduler dies: a supervisor restarts the process.
        """
        self._stop = stop
        if not loops.retry("start", lambda: self._begin(swept), stop, _is_transient):
            return
        begun()
        from sidecar.running.scheduler import Timetable  # a single command has no calendar

        clock = Timetable(self._services, swept)
        with self._beating() as beats:
            clock.start()
            crews = self._crews(stop)
            try:
                while not stop.wait(1.0):
                    for crew in crews:
                        crew.mend()
                    beats.mend()
                    if not clock.runs:
                        raise FaceLeaseError("the clock of the worker died: start it again")
            finally:
                self._stop.set()
                ends = time.monotonic() + shutdown.GRACE_SECONDS
                ended = clock.stop(shutdown.GRACE_SECONDS)
                joined = [crew.join(max(0.0, ends - time.monotonic())) for crew in crews]
                if not (all(joined) and ended):
                    self._put_all_back()

    def _crews(self, stop: threading.Event) -> list[loops.ThreadGroup]:
        """The threads of the worker; the last claims only jobs without the DAM, in which the others may hang."""

        def begin(name: str, count: int, kinds: Sequence[str] | None) -> loops.ThreadGroup:
            act = partial(self.run_one, kinds)
            return loops.ThreadGroup(name, lambda: loops.repeat(name, act, stop, _IDLE_SECONDS), count)

        return [begin("worker", self.threads, None), begin("worker without DAM", 1, tuple(calendar.WITHOUT_DAM))]

    def _begin(self, swept: Callback) -> None:
        """Catch up and sweep before the first job."""
        try:
            calendar.start_process(self._services)
            calendar.sweep_endings(self._services)
        finally:
            swept()


def _is_transient(error: BaseException) -> bool:
    """Whether a retry may succeed without anybody mending anything."""
    return isinstance(error, StoreAway) or not isinstance(error, ConfigError | VaultError | StoreError)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
