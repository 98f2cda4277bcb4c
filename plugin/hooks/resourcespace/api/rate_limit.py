"""Limits the calls a second: a token bucket, shared by threads."""

import threading
import time
from collections.abc import Callable


class RateLimit:
    """Grants `rate` calls a second, and up to a second's worth at once after a pause."""

    def __init__(
        self, rate: float, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._rate = rate
        self._full = max(1.0, rate)
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._left = self._full
        self._at = now()

    def take(self) -> float:
        """Wait for a token; returns the seconds waited."""
        with self._lock:
            at = self._now()
            self._left = min(self._full, self._left + (at - self._at) * self._rate)
            self._at = at
            self._left -= 1
            wait = max(0.0, -self._left / self._rate)  # those who wait have their turn reserved already
        if wait > 0:
            self._sleep(wait)
        return wait
