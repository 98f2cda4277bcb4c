"""Supervises the worker process beside the server: restarts it when it ends or hangs, ends it with the server.

The two share a socket, the worker's standard input. The kernel closes the server's end when the server ends, also at
kill -9, and then the worker stops: there are never two. The worker reports on it each sweep, whether or not it
succeeded, and each error of a loop.
"""

import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from sidecar.running import loops, metrics, shutdown

log = structlog.get_logger()
_STUCK_SECONDS = 600.0  # ten sweeps missed; by the monotonic clock, which stops while the machine sleeps
_GOOD_SECONDS = 60.0
_LOOK_SECONDS = 0.5
_SWEPT, _ERROR = b"swept", b"error "


class WorkerSupervisor:
    """Keeps one process of `command` running until `stop`."""

    def __init__(self, command: Sequence[str], stuck: float = _STUCK_SECONDS) -> None:
        self._command, self._stuck = list(command), stuck
        self._over = threading.Event()
        self._pause = loops.Backoff()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._lock = threading.Lock()
        self._crew: loops.ThreadGroup | None = None

    def start(self) -> None:
        """Start the process and its supervision."""
        name = "worker watch"
        self._crew = loops.ThreadGroup(name, lambda: loops.repeat(name, self._once, self._over, 0), 1)

    def mend(self) -> None:
        """Restart the supervising thread if it died."""
        if self._crew is not None and not self._over.is_set():
            self._crew.mend()

    def leave(self) -> None:
        """Tell the worker to stop, and start none again."""
        self._over.set()
        with self._lock:
            _close(self._line)

    def stop(self) -> None:
        """As `leave`, but wait for its end, and kill it if it does not end in time."""
        self.leave()
        with suppress(subprocess.TimeoutExpired):
            if self._process is not None:
                self._process.wait(shutdown.EXIT_SECONDS + _LOOK_SECONDS)
        self.kill()
        with suppress(subprocess.TimeoutExpired):
            if self._process is not None:
                self._process.wait(_LOOK_SECONDS)

    def kill(self) -> None:
        """Kill it now."""
        self._over.set()
        if self._process is not None:
            self._process.kill()

    def _once(self) -> bool:
        """Start it, wait for its end, and pause before the next start."""
        began = time.monotonic()
        process, line = self._started()
        why = self._attend(process, line)
        with self._lock:
            _close(line)
        process.kill()
        code = process.wait()
        if self._over.is_set():
            return True
        if time.monotonic() - began > _GOOD_SECONDS:
            self._pause.reset()
        pause = self._pause.next()
        metrics.WORKER_RESTARTS.labels(why).inc()
        log.error("worker ended", why=why, code=code, again_in_seconds=pause)
        self._over.wait(pause)
        return True

    def _started(self) -> tuple["subprocess.Popen[bytes]", socket.socket]:
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            try:
                process = subprocess.Popen(self._command, stdin=theirs.fileno())  # noqa: S603 - ourselves
            except BaseException:
                ours.close()
                raise
            self._process, self._line = process, ours
            if self._over.is_set():
                _close(ours)
        return process, ours

    def _attend(self, process: "subprocess.Popen[bytes]", line: socket.socket) -> str:
        """Wait until it ends or hangs; returns which."""
        swept: float | None = None
        begun = b""
        while not self._over.is_set() and process.poll() is None:
            with suppress(OSError, ValueError):  # closed by `leave`
                if select.select([line], [], [], _LOOK_SECONDS)[0]:
                    heard = line.recv(4096)
                    if not heard:  # it is about to end
                        self._over.wait(_LOOK_SECONDS)
                    *said, begun = (begun + heard).split(b"\n")
                    swept = time.monotonic() if _SWEPT in said else swept
                    _count_errors(said)
            if swept is not None and time.monotonic() - swept > self._stuck:
                return "stuck"
        if self._over.is_set():
            with suppress(subprocess.TimeoutExpired):
                process.wait(shutdown.EXIT_SECONDS + _LOOK_SECONDS)
        return "ended"


def _count_errors(said: Sequence[bytes]) -> None:
    """Count errors of the worker's loops here: its own metrics are not scraped."""
    for one in said:
        if one.startswith(_ERROR):
            metrics.LOOP_ERRORS.labels(one.removeprefix(_ERROR).decode("ascii", "replace")).inc()


def follow_server() -> Callable[[], object]:
    """In the worker: stop when the server's end of standard input closes. Returns what to call after each sweep."""
    line = socket.socket(fileno=os.dup(0))
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)  # a program that we start reads nothing of it
    os.close(nowhere)
    shutdown.shutdown.follow(line)

    def say(what: bytes) -> None:
        with suppress(OSError):  # nobody reads it now
            line.send(what + b"\n", socket.MSG_DONTWAIT)

    loops.on_error(lambda loop: say(_ERROR + loop.encode()))
    return lambda: say(_SWEPT)


def _close(line: socket.socket | None) -> None:
    """Both directions: a child of ours may hold a copy."""
    if line is not None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
        line.close()
