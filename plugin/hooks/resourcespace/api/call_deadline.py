"""The short time limit of calls that a staff page waits for; after a failure one caller at a time.

A hanging server must not block all threads: people's own pages need them too.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from plugin.errors import DamError

PAGE_SECONDS = 3.0
"""Seconds for a question that a page waits for."""


class CallDeadline:
    """Thread-safe. Until the server has answered, and after a failure, one caller tries and the others are refused."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._answers = False
        self._asking = False
        self._mine = threading.local()

    @property
    def seconds(self) -> float | None:
        """The time left for this thread's call; None outside `timed_calls`."""
        until: float | None = getattr(self._mine, "until", None)
        return None if until is None else max(0.1, until - self._now())

    @contextmanager
    def shortly(self) -> Iterator[None]:
        """Calls in the block have a short time limit and no retry.

        Raises DamError at once while another caller tries.
        """
        with self._lock:
            first = not self._answers
            if first and self._asking:
                raise DamError("the DAM did not answer a moment ago: it is being asked")
            self._asking = self._asking or first
        self._mine.until = self._now() + PAGE_SECONDS
        try:
            yield
            self._answers = True
        except DamError:
            self._answers = False
            raise
        finally:
            self._mine.until = None
            if first:
                self._asking = False
