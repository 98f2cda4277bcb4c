"""How long a page of the staff waits for the server: seconds, and after a failure one caller at a time.

What hangs there must not hold up every thread here: the people in the photographs have their pages on them too.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from plugin.errors import DamError

PAGE_SECONDS = 3.0
"""Seconds for a question that a page waits for."""


class CallDeadline:
    """Shared by threads. Until the server has answered, and after it failed, one asks and the others are refused."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._answers = False
        self._asking = False
        self._mine = threading.local()

    @property
    def seconds(self) -> float | None:
        """What this thread has left for the question that it asks; None where it is not in a hurry."""
        until: float | None = getattr(self._mine, "until", None)
        return None if until is None else max(0.1, until - self._now())

    @contextmanager
    def shortly(self) -> Iterator[None]:
        """Whatever is asked in here is asked once and shortly. Raises DamError at once where another tries already."""
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
