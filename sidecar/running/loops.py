"""Loops that outlive every error: it is logged without a value, counted, and tried again after a pause that grows."""

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
    """Seconds until the next try: twice as many each time, up to a minute; from the start again after a success."""

    def __init__(self, first: float | None = None, longest: float = _LONGEST) -> None:
        self._first, self._longest = _FIRST if first is None else first, longest
        self._next = self._first

    def next(self) -> float:
        """The seconds to wait now."""
        now, self._next = self._next, min(self._next * 2, self._longest)
        return now

    def reset(self) -> None:
        """It went well."""
        self._next = self._first


def log_error(loop: str, error: BaseException, **about: object) -> None:
    """Count and log an error that a loop outlives. Raises nothing: neither does a full disk end the loop."""
    with suppress(Exception):
        metrics.LOOP_ERRORS.labels(loop).inc()
        for hear in _listeners:
            hear(loop)
        log.error(
            "loop failed", loop=loop, error=type(error).__name__, said=redact_error(error), causes=_list_causes(error),
            where=list_calls(error), **about,
        )  # fmt: skip


def on_error(hear: Callable[[str], object]) -> None:
    """Call `hear` with the name of each loop that something went wrong in."""
    _listeners.append(hear)


def log_thread_errors() -> None:
    """From now on an error that ends a thread is a line in the log: by itself Python prints it, words and all."""

    def ended(about: threading.ExceptHookArgs) -> None:
        if about.exc_value is not None:
            log_error("thread", about.exc_value)

    threading.excepthook = ended


def list_calls(error: BaseException) -> list[str]:
    """The calls that led to it, as module:function:line, the innermost last: no value, and none of its words."""
    calls = traceback.walk_tb(error.__traceback__)
    names = [f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_name}:{line}" for frame, line in calls]
    return names[-_FRAMES:]


def _list_causes(error: BaseException) -> list[str]:
    """The kinds of the errors that it came of."""
    found: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(found) < _CAUSES:
        found.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    return found


def repeat(name: str, act: Callable[[], bool], stop: threading.Event, idle: float) -> None:
    """Call `act` until `stop` is set, whatever it raises; `idle` seconds pass where it had nothing to do (False).

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
    """Call `act` until it raises nothing; False where `stop` is set before. Raises what does not pass."""
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
    """Threads that go on until they are told to stop; one that died all the same is started again by `mend`."""

    def __init__(self, name: str, run: Callable[[], None], count: int) -> None:
        self._name, self._run = name, run
        self._threads = [self._start(number) for number in range(count)]

    def _start(self, number: int) -> threading.Thread:
        thread = threading.Thread(target=self._run, name=f"{self._name}-{number}", daemon=True)
        thread.start()
        return thread

    def mend(self) -> int:
        """Start those again that died; returns how many."""
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
