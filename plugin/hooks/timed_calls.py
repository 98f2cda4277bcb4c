"""Calls to a DAM that a page waits for, with a short timeout.

A server that accepts calls and never answers, or a stuck share, blocks a thread here and no page: while a call that
timed out is still running, further calls are refused at once.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

from plugin.errors import DamError

T = TypeVar("T")
PAGE_SECONDS = 3.0
"""How long a page waits."""

_THREADS = 2
_NO_ANSWER = "the DAM does not answer now: it is asked again by itself"


class TimedCalls:
    """Runs a few calls at a time in daemon threads."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._stuck = 0
        self._started = False

    def ask(self, act: Callable[[], T]) -> T:
        """What `act` returns, or raises. Raises DamError on a timeout, and while an earlier call is stuck."""
        with self._lock:
            if self._stuck:
                raise DamError(_NO_ANSWER)
            self._start()
        answer: Future[T] = Future()
        self._calls.put(partial(_settle, answer, act))
        wait([answer], PAGE_SECONDS)
        if answer.done():
            return answer.result()
        if not answer.cancel():  # it was begun
            with self._lock:
                self._stuck += 1
            answer.add_done_callback(self._note_return)
        raise DamError(_NO_ANSWER)

    def close(self) -> None:
        """End the threads once their calls return."""
        for _ in range(_THREADS if self._started else 0):
            self._calls.put(None)

    def _start(self) -> None:
        if not self._started:
            self._started = True
            for number in range(_THREADS):
                threading.Thread(target=self._run, name=f"dam-{number}", daemon=True).start()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()

    def _note_return(self, _: object) -> None:
        with self._lock:
            self._stuck -= 1


def _settle(answer: "Future[T]", act: Callable[[], T]) -> None:
    if answer.set_running_or_notify_cancel():
        try:
            answer.set_result(act())
        except BaseException as error:  # the caller must get it
            answer.set_exception(error)
