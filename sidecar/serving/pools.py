"""Thread pools, one a surface, so that load on one surface takes no threads of another."""

import ctypes
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from sidecar.running import loops
from sidecar.serving.surfaces import BUDGETS, Budget, Surface

_LIBC = ctypes.CDLL(None)
_M_MMAP_THRESHOLD = -3
MAX_PER_VISIT = 8
"""Requests of one visit in a queue: a browser sends its photographs one after the other."""


class Work(Protocol):
    """A unit of work; `network` and `visit` of its sender, "" where unknown."""

    network: str
    visit: str

    def do(self) -> None:
        """Run it, in a thread of the pool."""

    def give_way(self) -> None:
        """It was removed from the queue for another; called by the thread that adds that."""


class Pool:
    """Threads with one queue. Networks take turns (round robin); work of one visit runs one at a time."""

    def __init__(self, name: str, budget: Budget) -> None:
        self._most = budget.waiting
        self._waiting: list[Work] = []
        self._busy: set[str] = set()
        self._served: dict[str, int] = {}
        self._turn = 0
        self._stopped = False
        self._changed = threading.Condition()
        self.crew = loops.ThreadGroup(name, self._run, budget.threads)

    def add(self, work: Work) -> bool:
        """Queue it; False where its visit has too much there, or the queue is full and no network has more there.

        When the queue is full, the network that has the most in it loses its newest.
        """
        with self._changed:
            known = sum(one.visit == work.visit for one in self._waiting) if work.visit else 0
            if self._stopped or known >= MAX_PER_VISIT:
                return False
            loser = self._loser(work) if len(self._waiting) >= self._most else None
            if loser is work:
                return False
            if loser is not None:
                self._waiting.remove(loser)
            self._waiting.append(work)
            self._changed.notify()
        if loser is not None:
            loser.give_way()
        return True

    def _loser(self, work: Work) -> Work:
        many = Counter(one.network for one in [*self._waiting, work])
        return max(reversed([*self._waiting, work]), key=lambda one: many[one.network])

    def stop(self) -> None:
        """End the threads after their present work; drop the queue."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _next(self) -> Work | None:
        """Work of the network that has waited longest for a turn; None where all visits in the queue are busy."""
        free = [work for work in self._waiting if not work.visit or work.visit not in self._busy]
        return min(free, key=lambda work: self._served.get(work.network, 0), default=None)

    def _take(self) -> Work | None:
        with self._changed:
            while not self._stopped:
                work = self._next()
                if work is not None:
                    self._waiting.remove(work)
                    self._busy.add(work.visit)
                    self._note_turn(work.network)
                    return work
                self._changed.wait()
        return None

    def _note_turn(self, network: str) -> None:
        if len(self._served) > 10_000:
            self._served.clear()
        self._turn += 1
        self._served[network] = self._turn

    def _run(self) -> None:
        while (work := self._take()) is not None:
            visit = work.visit  # once it is done the loop may have begun something else with it
            try:
                work.do()
            except BaseException as error:  # a thread must outlive whatever it is given
                loops.log_error("server", error)
            finally:
                with self._changed:
                    self._busy.discard(visit)
                    self._changed.notify()


class Pools:
    """One pool for each surface."""

    def __init__(self) -> None:
        self._pools = {surface: Pool(surface.value, budget) for surface, budget in BUDGETS.items()}

    def add(self, surface: Surface, work: Work) -> bool:
        """Queue it on that surface; False where its queue is full."""
        return self._pools[surface].add(work)

    def mend(self) -> None:
        """Restart threads that died."""
        for pool in self._pools.values():
            pool.crew.mend()

    def stop(self, seconds: float) -> bool:
        """End all threads; False where some did not end in time."""
        for pool in self._pools.values():
            pool.stop()
        ends = time.monotonic() + seconds
        return all(pool.crew.join(ends - time.monotonic()) for pool in self._pools.values())


def trim_memory() -> None:
    """Return freed memory to the system, which glibc keeps by default (malloc_trim)."""
    _call_glibc("malloc_trim", 0)


def mmap_large_blocks() -> None:
    """Allocate blocks of 128 KiB and more by mmap, so that free() returns them to the system."""
    _call_glibc("mallopt", _M_MMAP_THRESHOLD, 128 * 1024)


def _call_glibc(name: str, *values: int) -> None:
    call: Callable[..., int] | None = getattr(_LIBC, name, None) if sys.platform == "linux" else None
    if call is not None:
        call(*values)
