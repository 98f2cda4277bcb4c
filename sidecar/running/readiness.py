"""Readiness checks for `/ready`, the front page and the console.

Each check runs in a thread of its own, of which there is one at most: if one hangs, the answer is there within two
seconds all the same, and many requests start no more threads than one does.
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait

from flask import current_app

from plugin.errors import FaceLeaseError, redact_error
from plugin.flows.common import closed_house, worker_state
from plugin.flows.common.services import Services
from plugin.ledger.keys import house_key
from sidecar.running import loops

_SECONDS = 1.5
_EXTENSION = "facelease.readiness"


def _check_store(services: Services) -> str | None:
    """Read a row."""
    services.store.generation()
    return None


def _check_master_key(services: Services) -> str | None:
    """Open the key of the house with it: that a master key is there does not prove that it is the right one."""
    with services.store.read() as conn:
        house_key.unwrap(conn, services.master)
    return None


def _check_worker(services: Services) -> str | None:
    found = worker_state.read(services)
    if found.age is None:
        return "no worker has swept yet: start `facelease work`"
    if not found.runs:
        return "the last sweep of a worker is long ago: is `facelease work` running?"
    return None if found.alike else "the worker runs with another configuration: restart `serve` and `work`"


def _check_dam(services: Services) -> str | None:
    services.dam.reach()
    return None


def _check_house(services: Services) -> str | None:
    found = closed_house.find_reason(services)
    return None if found is None else closed_house.explain(found)


Check = Callable[[Services], str | None]
CHECKS: Mapping[str, Check] = {
    "store": _check_store,
    "ended.log": _check_house,
    "master key": _check_master_key,
    "worker": _check_worker,
    "DAM": _check_dam,
}
"""The checks, in this order; each returns what is wrong, or raises it."""


class _PendingCheck:
    """One check; whoever asks while it runs gets the result of that run."""

    def __init__(self, name: str, check: Check, services: Services) -> None:
        self._name, self._check, self._services = name, check, services
        self._now: Future[str | None] | None = None
        self._began = 0.0
        self._lock = threading.Lock()

    def ask(self) -> tuple["Future[str | None]", float]:
        """The result, and when the check began, in seconds of the monotonic clock."""
        with self._lock:
            if self._now is None or self._now.done():
                self._now, self._began = Future(), time.monotonic()
                threading.Thread(target=self._find, args=(self._now,), daemon=True, name="ready").start()
            return self._now, self._began

    def _find(self, future: "Future[str | None]") -> None:
        try:
            future.set_result(self._check(self._services))
        except FaceLeaseError as error:
            future.set_result(f"{self._name}: {redact_error(error)}")
        except BaseException as error:
            loops.log_error("ready", error)
            future.set_result(f"{self._name}: it could not be looked at ({type(error).__name__})")


class Readiness:
    """The checks on one house."""

    def __init__(self, services: Services) -> None:
        self._looks = {name: _PendingCheck(name, check, services) for name, check in CHECKS.items()}

    def wrong(self, but: str = "", seconds: float = _SECONDS) -> str | None:
        """What keeps us from working, in one sentence; None when all that is in CHECKS is well, `but` one left out."""
        asked = {name: look.ask() for name, look in self._looks.items() if name != but}
        for name, (future, began) in asked.items():
            wait([future], max(0.0, began + seconds - time.monotonic()))  # none for what hangs since before
            wrong = future.result() if future.done() else f"{name}: no answer within {seconds:g} seconds"
            if wrong is not None:
                return wrong
        return None


def find_unready(but: str = "") -> str | None:
    """As `Readiness.wrong`, of the app that answers this request."""
    found: Readiness = current_app.extensions[_EXTENSION]
    return found.wrong(but)


def prepare(extensions: dict[str, object], services: Services) -> None:
    """Have `unready` know the house of an app."""
    extensions[_EXTENSION] = Readiness(services)
