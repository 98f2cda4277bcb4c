"""The longest write transaction of every chore and act, in a library of a million photographs."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine, event

from bench import write_cases
from bench.figures import Figure, Workshop
from bench.library import build_library
from plugin.flows.common.services import Services
from plugin.hooks.dam import Dam
from plugin.ledger.store import engine
from tests.stores import Postgres

_SIZES = {write_cases.SHOWN: 3, 5000: 1, 500: 1, 50: 1}


@dataclass
class _Longest:
    """The longest write of an act, in seconds: of the clock, and of processors; and the most statements of one."""

    seconds: float = 0.0
    busy: float = 0.0
    statements: int = 0
    writes: int = 0


class _Watch:
    """The longest write of each act, and the act that is done now. On a busy machine the seconds of processors say
    more than those of the clock: ours, and those of the server's process that works for us."""

    def __init__(self, services: Services) -> None:
        self.longest: dict[str, _Longest] = {}
        self._now: _Longest | None = None
        self._server: int | None = None
        self._busy, self._statements = 0.0, 0
        event.listen(Engine, "begin", self._began)
        event.listen(Engine, "before_cursor_execute", self._executed)
        services.store.watch = self._wrote

    def measure(self, act: str, do: Callable[[], object]) -> None:
        """Run `do`, and add its writes to those of `act`."""
        self._now = self.longest.setdefault(act, _Longest())
        do()
        self._now = None

    def _began(self, conn: Any) -> None:
        if conn.get_execution_options().get(engine.WRITE):
            driver = getattr(conn.connection.dbapi_connection, "info", None)
            self._server = getattr(driver, "backend_pid", None)
            self._busy, self._statements = self._worked(), 0

    def _executed(self, _conn: Any, _cursor: Any, _said: str, given: Any, _context: Any, many: bool) -> None:
        self._statements += len(given) if many else 1

    def _worked(self) -> float:
        ours = time.thread_time()
        path = Path(f"/proc/{self._server}/schedstat")
        return ours + int(path.read_text().split()[0]) / 1e9 if self._server and path.exists() else ours

    def _wrote(self, seconds: float) -> None:
        if self._now is not None:
            self._now.seconds = max(self._now.seconds, seconds)
            self._now.busy = max(self._now.busy, self._worked() - self._busy)
            self._now.statements = max(self._now.statements, self._statements)
            self._now.writes += 1


def run(workshop: Workshop) -> Iterator[Figure]:
    """longest_write_ms over all of them, on both stores; and a line for each, the longest first.

    `BENCH_ACTS`: only acts in whose names one of these words stands, with a comma between them.
    """
    photos = max(workshop.photos, 2 * write_cases.RULED)
    worst: dict[str, _Longest] = {}
    with ExitStack() as stack:
        server = Postgres()
        stack.callback(server.stop)
        server.do("CREATE DATABASE writes")
        for store, url in (("SQLite", ""), ("PostgreSQL", server.url("writes"))):
            longest, took = _measure(workshop.scratch / f"writes-{store}", photos, url)
            for act, one in sorted(longest.items(), key=lambda item: -item[1].seconds):
                worst[f"{act}, {store}"] = one
                said = f"{store}, {act}: {one.busy * 1000:.0f} ms of processors, {one.statements} statements"
                yield Figure("write", round(one.seconds * 1000), " ms", f"{said} at most, {one.writes} writes")
            yield Figure("writes_s", round(took), " s", f"{store}, {photos} photographs, chores and acts")
    act = max(worst, key=lambda one: worst[one].seconds)
    busiest = max(worst, key=lambda one: worst[one].busy)
    said = f"{photos} photographs; longest: {act}; of processors: {worst[busiest].busy * 1000:.0f} ms, {busiest}"
    yield Figure("longest_write_ms", round(worst[act].seconds * 1000), "", said)


def _measure(root: Path, photos: int, url: str) -> tuple[dict[str, _Longest], float]:
    words = [word for word in os.environ.get("BENCH_ACTS", "").split(",") if word]
    with build_library(root, photos, _SIZES, url) as library:
        services = replace(library.services, dam=cast(Dam, write_cases.FilelessDam(library.services.dam)))
        watch = _Watch(services)
        began = time.perf_counter()
        for act, before, do in write_cases.list_acts(replace(library, services=services)):
            if not words or any(word in act for word in words):
                before()
                watch.measure(act, do)
        return watch.longest, time.perf_counter() - began
