"""One child process: sends an order, returns its answer, enforces a time limit."""

import os
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, cast

from pydantic import BaseModel

from plugin.config import MatchingSection, RecognizerSection
from plugin.confinement import environment, wire
from plugin.confinement.sandbox import Confinement
from plugin.errors import EngineError, ExaminationFailed
from plugin.recognizer.engines import registry

_START_SECONDS = 180  # the first start converts the model
_ANSWER_LIMIT = 1_000_000
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")


class ChildSettings(BaseModel):
    """The first message to a child. `parent`: the process id. `engine`: the id that its engine must have."""

    parent: int
    engine: str
    recognizer: RecognizerSection
    matching: MatchingSection
    cache: Path
    recognisable_px: int


class Worker:
    """A child that starts on first use and is replaced when it was killed.

    Call `ask` from one thread at a time; `kill` from any.
    """

    def __init__(
        self,
        recognizer: RecognizerSection,
        matching: MatchingSection,
        cache: Path,
        recognisable_px: int = 64,
        engine: str = "",
    ) -> None:
        """`engine`: the id that its engine must have, if it is known already."""
        self._recognisable_px = recognisable_px
        self._recognizer = registry.pin(recognizer)
        self._engine = engine
        self._matching = matching
        self._cache = cache
        self._process: subprocess.Popen[bytes] | None = None
        self._done = 0
        self.held: Confinement | None = None
        """What of its confinement holds; None before the first child."""
        self.holds: int | None = None
        """Serial number of the gallery that the child holds; None for a child without one."""

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return self._process.pid if self._process else None

    def start(self) -> Confinement | None:
        """Start the child unless it runs; returns its confinement. Raises EngineError."""
        if self._process is None:
            self._start()
        return self.held

    def reap(self) -> None:
        """Discard a child that ended while idle."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()

    def ask(self, header: Mapping[str, object], parts: list[bytes], seconds: float) -> wire.Message:
        """The child's answer. Raises ExaminationFailed if it dies or takes longer than `seconds`."""
        process = self._process or self._start()
        answer = self._exchange(process, header, parts, seconds)
        self._done += 1
        if self._done >= self._recognizer.recycle_after or answer[0].get("leaving"):
            self.stop()
        return answer

    def _exchange(
        self, process: subprocess.Popen[bytes], header: Mapping[str, object], parts: list[bytes], seconds: float
    ) -> wire.Message:
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            process.kill()

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            wire.send(cast(BinaryIO, process.stdin), header, parts)
            return wire.receive(cast(BinaryIO, process.stdout), _ANSWER_LIMIT)
        except wire.PipeClosed as error:
            self.stop()
            raise ExaminationFailed(_explain_death(process, expired.is_set(), seconds)) from error
        finally:
            timer.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        process = wire.start_process("plugin.recognizer.process.child", _build_environment())
        self._process, self._done, self.holds = process, 0, None
        settings = ChildSettings(
            parent=os.getpid(),
            engine=self._engine,
            recognizer=self._recognizer,
            matching=self._matching,
            cache=self._cache.absolute(),
            recognisable_px=self._recognisable_px,
        )
        try:
            answer, _ = self._exchange(process, settings.model_dump(mode="json"), [], _START_SECONDS)
        except ExaminationFailed as error:
            raise EngineError(f"the face engine does not start: {error}") from error
        if "ready" not in answer:
            self.stop()
            raise EngineError(str(answer.get("message", "the face engine does not start")))
        self.held = Confinement.from_json(answer["held"])
        return process

    def stop(self) -> None:
        """Kill the child, which keeps nothing."""
        process, self._process, self.holds = self._process, None, None
        if process is not None:
            wire.end_process(process)

    def kill(self) -> None:
        """Kill the child, from any thread; its current order fails."""
        process = self._process
        if process is not None:
            process.kill()


def _build_environment() -> dict[str, str]:
    """No secrets and nothing unneeded; one thread in every library."""
    return environment.build_environment() | dict.fromkeys(_THREADS, "1") | {"MALLOC_ARENA_MAX": "2"}


def _explain_death(process: subprocess.Popen[bytes], expired: bool, seconds: float) -> str:
    if expired:
        return f"the photograph was not examined within {seconds:g} s (recognizer.seconds)"
    code = process.returncode
    how = f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return f"the process that examined the photograph ended ({how})"
