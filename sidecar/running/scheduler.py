"""The scheduler of the `work` process: each chore at its time, and a retry if a daily one failed."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from plugin.flows.common.services import Services
from plugin.flows.matching import look_alikes
from plugin.flows.schedule import calendar
from plugin.flows.views.people import awaited_answers
from sidecar.running import loops, metrics

_THREAD = "APScheduler"
_THREADS = 16  # more than there are acts: those that hang leave room for the sweep
_SOON, _LATER = 60.0, 3600.0  # seconds until a daily chore that failed is tried again


class Timetable:
    """Schedules the chores. Each is idempotent and asks what is due by now, so that a missed or repeated run is safe.

    `swept` is called after each sweep, whether or not it succeeded: the scheduler runs.
    """

    def __init__(self, services: Services, swept: Callable[[], object]) -> None:
        self._zone = ZoneInfo(services.config.site.timezone)
        once, executors = {"coalesce": True, "max_instances": 1}, {"default": ThreadPoolExecutor(_THREADS)}
        self._scheduler = BackgroundScheduler(timezone=self._zone, job_defaults=once, executors=executors)
        self._swept = swept
        self._acts: dict[str, Callable[[], None]] = {}

        def add(name: str, act: Callable[[Services], object], trigger: str, **when: object) -> None:
            run = self._daily(name, act, services) if trigger == "cron" else self._often(name, act, services)
            self._acts[name] = run
            self._scheduler.add_job(run, trigger, id=name, misfire_grace_time=None, **when)

        add("sweep", calendar.sweep_endings, "interval", seconds=60)
        add("poll", calendar.poll_dam, "interval", seconds=services.config.dam.poll_seconds)
        add("owed", calendar.follow_up_owed, "interval", minutes=60)
        add("owed at start", calendar.follow_up_owed, "date")
        add("look-alikes", look_alikes.note, "interval", minutes=60)
        add("look-alikes at start", look_alikes.note, "date")
        add("awaited answers", awaited_answers.note, "interval", minutes=60)
        add("awaited answers at start", awaited_answers.note, "date", run_date=self._soon(1))
        add("heads", calendar.write_log_head, "interval", minutes=60)
        add("housekeeping", calendar.run_housekeeping, "cron", hour=3)
        add("reconcile", calendar.begin_comparison, "cron", hour=4)
        add("remind", calendar.send_reminders, "cron", hour=9)
        add("remind at start", calendar.send_reminders, "date")  # once, now
        add("housekeeping missed", calendar.run_housekeeping, "date", run_date=self._soon(5))
        add("reconcile missed", calendar.begin_missed_comparison, "date", run_date=self._soon(10))

    def _soon(self, minutes: int) -> datetime:
        """Minutes after the start, for a machine that is off each night."""
        return datetime.now(self._zone) + timedelta(minutes=minutes)

    def start(self) -> None:
        """Start the scheduler's thread."""
        self._scheduler.start()

    @property
    def times(self) -> dict[str, str]:
        """When each chore is due, by its name."""
        return {job.id: str(job.trigger) for job in self._scheduler.get_jobs()}

    def act(self, name: str) -> Callable[[], None]:
        """The function that this chore runs."""
        return self._acts[name]

    def forget(self, name: str) -> None:
        """Remove a chore."""
        self._scheduler.remove_job(name)

    @property
    def runs(self) -> bool:
        """Whether its thread is alive."""
        return any(thread.name == _THREAD for thread in threading.enumerate())

    def stop(self, seconds: float) -> bool:
        """Start nothing more, and wait `seconds` for what runs; whether that ended."""
        end = threading.Thread(target=self._shut, daemon=True)
        end.start()
        return loops.join_threads([end], seconds)

    def _shut(self) -> None:
        """Pause first: APScheduler fails if it is shut down in the middle of a round; `get_jobs` waits for its lock."""
        self._scheduler.pause()
        self._scheduler.get_jobs()
        self._scheduler.shutdown()

    def _often(self, name: str, act: Callable[[Services], object], services: Services) -> Callable[[], None]:
        """A chore of the interval kind: if it fails, its next time is the retry."""

        def run() -> None:
            _run_chore(name, act, services)
            if name == "sweep":
                self._swept()

        return run

    def _daily(self, name: str, act: Callable[[Services], object], services: Services) -> Callable[[], None]:
        """A daily chore: if it fails it is retried with backoff, since its next time is tomorrow."""
        pause, turn = loops.Backoff(_SOON, _LATER), threading.Lock()

        def run() -> None:
            if not turn.acquire(blocking=False):
                return  # the run before has not ended
            try:
                well = _run_chore(name, act, services)
            finally:
                turn.release()
            if well:
                pause.reset()
                return
            when = datetime.now(self._zone) + timedelta(seconds=pause.next())
            again = {"id": f"{name} again", "replace_existing": True, "misfire_grace_time": None}
            self._scheduler.add_job(run, "date", run_date=when, **again)

        return run


def _run_chore(name: str, act: Callable[[Services], object], services: Services) -> bool:
    """Run it, count and log; whether it succeeded."""
    try:
        act(services)
    except BaseException as error:  # no signal raises in this thread: the scheduler must go on
        metrics.CHORES.labels(name, "failed").inc()
        loops.log_error("clock", error, chore=name)
        return False
    metrics.CHORES.labels(name, "done").inc()
    return True
