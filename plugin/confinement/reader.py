"""Runs a confined process for each kind of untrusted file, and replaces it when it dies.

Its answers are data of bounded size: the caller validates them.
"""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import BinaryIO, cast

from plugin.confinement import environment, wire
from plugin.confinement.sandbox import Confinement
from plugin.errors import FaceLeaseError, ReadingFailed

_MEMORY_MB = 1536
_BUSY_SECONDS, _CPU_SECONDS = 300, 600  # it is replaced before its time is used up
_START_SECONDS = 60.0
_LONGER = 64 * 2**20  # bytes by which an answer may be longer than what was asked


class Reader:
    """A process that reads one kind of file, through `answer(header, parts)` of the module `task`."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._busy = 0.0
        self.held: Confinement | None = None
        """What of its confinement holds; None before it was started."""

    def ask(
        self,
        header: Mapping[str, object],
        parts: Sequence[bytes] = (),
        seconds: float = 60,
        refusals: Sequence[type[FaceLeaseError]] = (),
    ) -> wire.Message:
        """The process's answer. Raises one of `refusals` if it refuses so, ReadingFailed if it dies or times out."""
        with self._lock:
            answer, found = self._ask_timed(header, parts, seconds)
        if "refused" in answer:
            kinds = {kind.__name__: kind for kind in refusals}
            raise kinds.get(str(answer["refused"]), ReadingFailed)(str(answer.get("message", ""))[:1000])
        return answer, found

    def start(self) -> Confinement:
        """Start the process; returns which measures of confinement are in force."""
        with self._lock:
            self._ensure_process()
        assert self.held is not None  # noqa: S101 (for the type checker)
        return self.held

    @property
    def pid(self) -> int | None:
        """The process id; None while there is none."""
        return None if self._process is None else self._process.pid

    def stop(self) -> None:
        """End the process; the next call starts a new one."""
        with self._lock:
            self._end()

    def _ask_timed(self, header: Mapping[str, object], parts: Sequence[bytes], seconds: float) -> wire.Message:
        process, began = self._ensure_process(), time.monotonic()
        answer = self._exchange(process, header, parts, seconds)
        self._busy += time.monotonic() - began
        return answer

    def _ensure_process(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is not None and process.poll() is None and self._busy < _BUSY_SECONDS:
            return process
        self._end()
        variables = environment.build_environment()
        process = self._process = wire.start_process("plugin.confinement.reading_process", variables)
        self._busy = 0.0
        first = {"task": self._task, "memory_mb": _MEMORY_MB, "cpu_seconds": _CPU_SECONDS}
        answer, _ = self._exchange(process, first, [], _START_SECONDS)
        self.held = Confinement.from_json(answer["held"])
        return process

    def _exchange(
        self, process: subprocess.Popen[bytes], header: Mapping[str, object], parts: Sequence[bytes], seconds: float
    ) -> wire.Message:
        timer = threading.Timer(seconds, process.kill)
        timer.daemon = True
        timer.start()
        try:
            wire.send(cast(BinaryIO, process.stdin), header, parts)
            return wire.receive(cast(BinaryIO, process.stdout), sum(map(len, parts)) + _LONGER)
        except wire.PipeClosed as error:
            self._end()
            raise ReadingFailed("the process that read the file ended, or took too long") from error
        finally:
            timer.cancel()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            wire.end_process(process)


_readers: dict[str, Reader] = {}
_opening = threading.Lock()


def find_reader(task: str) -> Reader:
    """The reader for this module, one a process."""
    with _opening:
        return _readers.setdefault(task, Reader(task))


def _forget_after_fork() -> None:
    """A forked child must not use its parent's readers."""
    global _readers, _opening
    _readers, _opening = {}, threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)
