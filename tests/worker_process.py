"""A worker in a process of its own that records its writes in the DAM, and can be stopped or killed between two steps.

`python -m tests.worker_process CONFIG.json CONTROL`: works until the file CONTROL/stop is there. The
steps are match (examined, nothing stored), intent (stored, not written), call (written, no outcome
stored) and outcome (stored, on to the next). CONTROL/kill-PID holds a step and a number: at that
step, the so-manyth time, the process kills itself as kill -9 would. CONTROL/pause holds a step: the
process takes the file, says so by CONTROL/paused and waits for CONTROL/go. CONTROL/idle-PID is there
once it has looked for work and done it.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from plugin.clock import SystemClock
from plugin.config import Config, parse
from plugin.flows.common.recogniser import Recogniser
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Picture, Resource
from plugin.recognizer.examination.messages import Examination, ExaminationRequest
from plugin.recognizer.process.examiner import Examiner
from sidecar.running import bootstrap
from sidecar.running.runner import Runner
from tests.dams import Recording


class Steps:
    """Kills or stops this process where it was asked to."""

    def __init__(self, control: Path) -> None:
        self._control = control
        self._passed: dict[str, int] = {}

    def at(self, step: str, _ref: str = "") -> None:
        self._passed[step] = self._passed.get(step, 0) + 1
        with suppress(FileNotFoundError, ValueError):
            where, count = (self._control / f"kill-{os.getpid()}").read_text().split()
            if where == step and self._passed[step] >= int(count):
                os.kill(os.getpid(), signal.SIGKILL)
        with suppress(FileNotFoundError):
            if (self._control / "pause").read_text() == step:
                (self._control / "pause").unlink()
                (self._control / "paused").touch()
                while not (self._control / "go").exists():
                    time.sleep(0.005)
                (self._control / "go").unlink()


class SteppingFaces(Recogniser):
    """The recogniser, and the step after it."""

    def __init__(self, examiner: Examiner, steps: Steps) -> None:
        super().__init__(examiner)
        self._steps = steps

    def examine(self, picture: Picture, request: ExaminationRequest) -> Examination:
        found = super().examine(picture, request)
        self._steps.at("match")
        return found


class SteppingDam(Recording):
    """The recording DAM; the next look is the step after an outcome."""

    def look(self, ref: str) -> Resource:
        self._at("outcome", ref)
        return super().look(ref)


def main(config: Config, control: Path) -> None:
    """Work until told to stop."""
    steps = Steps(control)
    with bootstrap.open_house(config, SystemClock()) as services:
        services.faces.close()
        examiner = Examiner.from_config(bootstrap.resolve_models(config))
        services = replace(
            services,
            faces=SteppingFaces(examiner, steps),
            dam=SteppingDam(services.dam, control / f"writes-{os.getpid()}", steps.at),
        )
        calendar.start_process(services)
        while not (control / "stop").exists():
            well = 0
            for chore in (calendar.poll_dam, calendar.sweep_endings):
                with suppress(Exception):  # as the clock of the real one does: the next round tries again
                    chore(services)
                    well += 1
            Runner(services).drain()
            if well == 2:
                (control / f"idle-{os.getpid()}").touch()
            time.sleep(0.02)
        services.faces.close()


def start(config: Config, control: Path, kill: str = "") -> "subprocess.Popen[bytes]":
    """Start one; `kill`, as "call 2", says where it dies."""
    control.mkdir(exist_ok=True)
    path = control / "config.json"
    path.write_text(config.model_dump_json(exclude_unset=True))
    command = [sys.executable, "-m", "tests.worker_process", str(path), str(control), kill]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=(control / "errors").open("ab"))


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    if sys.argv[3]:
        (folder / f"kill-{os.getpid()}").write_text(sys.argv[3])
    main(parse(json.loads(Path(sys.argv[1]).read_text())), folder)
