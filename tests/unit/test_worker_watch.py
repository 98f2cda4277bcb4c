"""The watch over the worker beside the server: real processes that end, hang, and are left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sidecar.running import loops, metrics
from sidecar.running.worker_supervisor import WorkerSupervisor
from tests.processes import is_alive

_FOLLOW = (
    "import os, sys, time, pathlib\n"
    "from sidecar.running import loops, shutdown, worker_supervisor\n"
    "swept = worker_supervisor.follow_server(); shutdown.shutdown.begin(lambda: os._exit(0))\n"
    "pathlib.Path(sys.argv[1], str(os.getpid())).touch()\n"
)


def _until(true: Callable[[], object], seconds: float = 40) -> bool:
    ends = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < ends:
        time.sleep(0.02)
    return bool(found)


def _started(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir())


@contextmanager
def _watched(folder: Path, then: str, stuck: float = 600) -> Iterator[WorkerSupervisor]:
    watch = WorkerSupervisor([sys.executable, "-c", _FOLLOW + then, str(folder)], stuck)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()
        assert not any(map(is_alive, _started(folder)))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a second in the place of the first pause."""
    monkeypatch.setattr(loops, "_FIRST", 0.1)


def test_a_worker_that_ends_is_started_again_and_ended_with_us(tmp_path: Path) -> None:
    """Whatever its exit code: nobody told it to end. Its code is logged, and counted."""
    before = metrics.WORKER_RESTARTS.labels("ended")._value.get()
    with capture_logs() as logs, _watched(tmp_path, "sys.exit(3)"):
        assert _until(lambda: len(_started(tmp_path)) >= 2)
    ended = [entry for entry in logs if entry["event"] == "worker ended"]
    assert ended
    assert {(entry["why"], entry["code"]) for entry in ended} == {("ended", 3)}
    assert metrics.WORKER_RESTARTS.labels("ended")._value.get() > before


def test_a_worker_that_sweeps_no_more_is_ended_and_started_again(tmp_path: Path) -> None:
    """It lives, and hangs; what swept a moment ago, or not yet, is left alone."""
    hangs = "first = len(os.listdir(sys.argv[1])) == 1\nwhile True:\n  time.sleep(.05)\n  first or swept()\n"
    with capture_logs() as logs, _watched(tmp_path, "swept()\n" + hangs, stuck=2):
        assert _until(lambda: len(_started(tmp_path)) == 2)
        time.sleep(3)
        first, second = sorted(_started(tmp_path), key=lambda pid: (tmp_path / str(pid)).stat().st_mtime)
        assert (is_alive(first), is_alive(second)) == (False, True)
    assert [entry["why"] for entry in logs if entry["event"] == "worker ended"] == ["stuck"]


def test_what_goes_wrong_in_the_workers_loops_is_counted_here(tmp_path: Path) -> None:
    """Nobody can ask the worker for its figures."""
    count = metrics.LOOP_ERRORS.labels("told")
    fails = "loops.log_error('told', ValueError('x')); loops.log_error('told', ValueError('x'))\ntime.sleep(60)\n"
    with _watched(tmp_path, fails):
        assert _until(lambda: count._value.get() == 2)


def test_a_worker_that_does_not_hear_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left, it has as long as any process; then it goes."""
    monkeypatch.setattr("sidecar.running.shutdown.EXIT_SECONDS", 0.2)
    deaf = "stopping.shutdown._acts.clear()\ntime.sleep(600)\n"
    with _watched(tmp_path, deaf):
        assert _until(lambda: _started(tmp_path))
        time.sleep(0.5)
        began = time.monotonic()
    assert time.monotonic() - began < 5
