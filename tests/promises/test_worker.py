"""The real `work` process: killed at any moment it takes up where it was, and one bad photograph stops no other."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import SystemClock
from plugin.config import Config
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.crowd import A, Crowd

_PATIENCE = 40


def _start(config: Config, path: Path) -> "subprocess.Popen[bytes]":
    path.write_text(
        f'data = "{config.data}"\n[folder]\npath = "{config.folder.path}"\n[dam]\npoll_seconds = 1\n'
        "[resourcespace]\nseconds = 1\n[jobs]\nlease_seconds = 2\nbackoff_seconds = 1\nattempts = 50\n"
        + support.store_lines(config)
    )
    command = [sys.executable, "-m", "sidecar", "--config", str(path), "work"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _until(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def _count(services: Services, *where: object) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).where(*where)) or 0  # type: ignore[arg-type]


@pytest.mark.promise
def test_work_killed_at_any_moment_loses_no_photograph(tmp_path: Path, examiner: Examiner, full: bool) -> None:
    """Two `work` processes are killed in turn; every photograph ends tagged once, the broken one with a reason."""
    kills, chance = (20 if full else 3), random.Random(9)
    config = support.configuration(tmp_path)
    crowd, photos = Crowd(examiner), tmp_path / "photos"
    refs = [crowd.put(photos, f"shoot/{n:02}.jpg", crowd.row([A[n % 3]], 150 + n)) for n in range(16)]
    broken = crowd.put(photos, "shoot/broken.jpg", crowd.row([A[0]]))
    with support.opened(config, SystemClock(), examiner) as services:
        cast = support.Cast(services)
        asa = cast.add("Åsa")
        (photos / broken).write_bytes((photos / broken).read_bytes()[:300])
        support.settle(photos / broken)
        cast.sign(asa)
        cast.enrol(asa)
        cast.open_collection()
        crew = [_start(config, tmp_path / "work.toml") for _ in range(2)]
        try:
            for n in range(kills):
                assert _until(lambda: _count(services, t.intent.c.state == "done") > n)  # noqa: B023
                time.sleep(chance.uniform(0, 0.4))
                crew[n % 2].kill()
                crew[n % 2].wait()
                crew[n % 2] = _start(config, tmp_path / "work.toml")
            assert _until(lambda: len(cast.tags(asa)) == len(refs))
            assert _until(lambda: _count(services, t.job.c.state.in_(("queued", "running"))) == 0)
        finally:
            for process in crew:
                process.terminate()
            codes = [process.wait(20) for process in crew]
        assert codes == [0, 0]  # told to stop, it finishes what it has in hand
        assert [cast.names_on(ref) for ref in refs] == [{"Åsa"}] * len(refs)
        assert _count(services, t.face.c.state == "matched") == len(refs)
        assert _count(services, t.intent.c.state == "open") == 0
        assert _count(services, t.job.c.state == "dead") == 0
        with services.store.read() as conn:
            row = conn.execute(select(t.resource).where(t.resource.c.ref == broken)).one()
        assert (row.examined, bool(row.examined_reason)) == ("no", True)
