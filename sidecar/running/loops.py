"""Loops that survive every error: it is logged without values, counted, and retried with exponential backoff."""

import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

import structlog

from plugin.errors import redact_error
from sidecar.running import metrics

log = structlog.get_logger()

_FIRST, _LONGEST = 1.0, 60.0
_FRAMES, _CAUSES = 20, 5
_listeners: list[Callable[[str], object]] = []


class Backoff:
    """Exponential backoff: seconds until the next try, doubled each time up to `longest`."""

    def __init__(self, first: float | None = None, longest: float = _LONGEST) -> None:
        self._first, self._longest = _FIRST if first is None else first, longest
        self._next = self._first

    def next(self) -> float:
        """The seconds to wait now."""
        now, self._next = self._next, min(self._next * 2, self._longest)
        return now

    def reset(self) -> None:
        """Start again with the first pause, after a success."""
        self._next = self._first


def log_error(loop: str, error: BaseException, **about: object) -> None:
    """Count and log an error of a loop. Raises nothing, so that a full disk does not end the loop either."""
    with suppress(Exception):
        metrics.LOOP_ERRORS.labels(loop).inc()
        for hear in _listeners:
            hear(loop)
        kind, causes = type(error).__name__, _list_causes(error)
        where = list_calls(error)
        log.error("loop failed", loop=loop, error=kind, said=redact_error(error), causes=causes, where=where, **about)


def on_error(hear: Callable[[str], object]) -> None:
    """Call `hear` with the name of the loop at each `log_error`."""
    _listeners.append(hear)


def log_thread_errors() -> None:
    """Log errors that end a thread without their messages, which Python would print."""

    def ended(about: threading.ExceptHookArgs) -> None:
        if about.exc_value is not None:
            log_error("thread", about.exc_value)

    threading.excepthook = ended


def list_calls(error: BaseException) -> list[str]:
    """The traceback as module:function:line, the innermost call last: no values, no message."""
    calls = traceback.walk_tb(error.__traceback__)
    names = [f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_name}:{line}" for frame, line in calls]
    return names[-_FRAMES:]


def _list_causes(error: BaseException) -> list[str]:
    """The classes of the errors that caused it."""
    found: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(found) < _CAUSES:
        found.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    return found


def repeat(name: str, act: Callable[[], bool], stop: threading.Event, idle: float) -> None:
    """Call `act` until `stop` is set, whatever it raises; wait `idle` seconds where it had nothing to do (False).

    For a thread of its own, in which no signal raises anything: SystemExit is an error like others there.
    """
    pause = Backoff()
    while not stop.is_set():
        try:
            busy = act()
        except BaseException as error:
            log_error(name, error)
            stop.wait(pause.next())
        else:
            pause.reset()
            if not busy:
                stop.wait(idle)


def retry(name: str, act: Callable[[], object], stop: threading.Event, passes: Callable[[BaseException], bool]) -> bool:
    """Call `act` until it succeeds; False if `stop` is set first. Raises errors for which `passes` is false."""
    pause = Backoff()
    while not stop.is_set():
        try:
            act()
        except BaseException as error:
            if not passes(error):
                raise
            log_error(name, error)
            stop.wait(pause.next())
        else:
            return True
    return False


class ThreadGroup:
    """Threads that run until they are stopped; `mend` restarts those that died."""

    def __init__(self, name: str, run: Callable[[], None], count: int) -> None:
        self._name, self._run = name, run
        self._threads = [self._start(number) for number in range(count)]

    def _start(self, number: int) -> threading.Thread:
        thread = threading.Thread(target=self._run, name=f"{self._name}-{number}", daemon=True)
        thread.start()
        return thread

    def mend(self) -> int:
        """Restart threads that died; returns how many."""
        dead = [number for number, thread in enumerate(self._threads) if not thread.is_alive()]
        for number in dead:
            metrics.LOOP_ERRORS.labels(self._name).inc()
            log.error("thread died", loop=self._name)
            self._threads[number] = self._start(number)
        return len(dead)

    def join(self, seconds: float) -> bool:
        """Whether all of them ended in that time."""
        return join_threads(self._threads, seconds)


def join_threads(threads: list[threading.Thread], seconds: float) -> bool:
    """Wait so long for all of them; whether they ended."""
    ends = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)
