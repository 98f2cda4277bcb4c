"""Claims jobs and runs their stories; the clock of the `work` process."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from plugin.errors import LeaseLost, told
from plugin.flows import chores
from plugin.flows.services import Services
from plugin.ledger.jobs import Claimed
from sidecar import metrics

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

log = structlog.get_logger()
_IDLE_SECONDS = 0.5


class Runner:
    """Runs jobs of one process, in as many threads as keep the examiners busy."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._held: dict[int, Claimed] = {}
        self._lock = threading.Lock()

    @property
    def threads(self) -> int:
        """Two more than examiners: one lands what was found and one looks up the next, so that none waits."""
        return self._services.config.recognizer.processes + 2

    def run_one(self, kinds: Sequence[str] | None = None) -> bool:
        """Claim one job and run it; False when none is due. A job that fails is put back by the queue."""
        job = self._services.queue.claim(kinds)
        if job is None:
            return False
        began = time.perf_counter()
        with self._lock:
            self._held[job.id] = job
        try:
            chores.HANDLERS[job.kind](self._services, job)
            metrics.JOBS.labels(job.kind, "done").inc()
        except LeaseLost:
            metrics.JOBS.labels(job.kind, "lost").inc()
            log.warning("lease lost", job=job.id, kind=job.kind)
        except Exception as error:  # a job must not take its worker with it: the queue counts and keeps it
            self._failed(job, error)
        finally:
            with self._lock:
                self._held.pop(job.id, None)
            metrics.JOB_SECONDS.labels(job.kind).observe(time.perf_counter() - began)
        return True

    def _failed(self, job: Claimed, error: Exception) -> None:
        try:
            state = self._services.queue.fail(job, error)
        except LeaseLost:
            state = "lost"
        metrics.JOBS.labels(job.kind, state).inc()
        # The message of an error that is not ours may quote a name or a path: its class alone is logged.
        name = type(error).__name__
        log.error("job failed", job=job.id, kind=job.kind, state=state, error=name, said=told(error))

    def beat(self) -> None:
        """Lengthen the lease of every job in hand."""
        with self._lock:
            held = list(self._held.values())
        for job in held:
            try:
                self._services.queue.heartbeat(job)
            except LeaseLost:
                log.warning("lease lost", job=job.id, kind=job.kind)

    def drain(self, kinds: Sequence[str] | None = None, threads: int = 1) -> None:
        """Run jobs until none is due; jobs that wait for a later moment stay."""
        with self._beating():
            self._crew(lambda: self._until_idle(kinds), threads)

    def _until_idle(self, kinds: Sequence[str] | None) -> None:
        while self.run_one(kinds):
            pass

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set: chores by the clock, jobs as they come."""
        chores.start(self._services)
        chores.sweep(self._services)
        scheduler = _schedule(self._services, self.beat)
        scheduler.start()
        try:
            self._crew(lambda: self._until(stop), self.threads)
        finally:
            scheduler.shutdown(wait=True)

    def _until(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if not self.run_one():
                stop.wait(_IDLE_SECONDS)

    def _crew(self, work: Callable[[], None], threads: int) -> None:
        crew = [threading.Thread(target=work, name=f"worker-{n}") for n in range(1, threads)]
        for member in crew:
            member.start()
        work()
        for member in crew:
            member.join()

    def _beating(self) -> "_Beat":
        return _Beat(self.beat, self._services.config.jobs.lease_seconds / 3)


class _Beat:
    """Calls `beat` every so many seconds while the block runs."""

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(beat, seconds), daemon=True)

    def _run(self, beat: Callable[[], None], seconds: float) -> None:
        while not self._stop.wait(seconds):
            beat()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _schedule(services: Services, beat: Callable[[], None]) -> "BackgroundScheduler":
    """Every act asks what is due by now, so that one that was missed or came twice does no harm."""
    from apscheduler.schedulers.background import BackgroundScheduler  # a single command has no calendar

    zone = ZoneInfo(services.config.site.timezone)
    scheduler = BackgroundScheduler(timezone=zone, job_defaults={"coalesce": True, "max_instances": 1})
    config = services.config

    def add(name: str, act: Callable[[], object], trigger: str, **when: object) -> None:
        scheduler.add_job(_guarded(name, act), trigger, id=name, misfire_grace_time=None, **when)

    add("beat", beat, "interval", seconds=max(1, config.jobs.lease_seconds // 3))
    add("sweep", lambda: chores.sweep(services), "interval", seconds=60)
    add("poll", lambda: chores.poll(services), "interval", seconds=config.dam.poll_seconds)
    add("owed", lambda: chores.owe(services), "interval", minutes=60)
    add("owed at start", lambda: chores.owe(services), "date")
    add("heads", lambda: chores.heads(services), "interval", minutes=60)
    add("housekeeping", lambda: chores.housekeeping(services), "cron", hour=3)
    add("reconcile", lambda: chores.reconcile(services), "cron", hour=4)
    add("remind", lambda: chores.remind(services), "cron", hour=9)
    add("remind at start", lambda: chores.remind(services), "date")  # once, now
    return scheduler


def _guarded(name: str, act: Callable[[], object]) -> Callable[[], None]:
    """A chore that fails is logged, counted, and tried again at its next time."""

    def run() -> None:
        try:
            act()
            metrics.CHORES.labels(name, "done").inc()
        except Exception as error:  # the clock must go on
            metrics.CHORES.labels(name, "failed").inc()
            # No traceback: it may quote a name or a path.
            log.error("chore failed", chore=name, error=type(error).__name__, said=told(error))  # noqa: TRY400

    return run
