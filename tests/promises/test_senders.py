"""G1: slow, huge and hostile senders on each surface stop nobody else."""

import io
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests.hostile_senders import KINDS
from tests.jpeg_scans import with_more_scans
from tests.served_house import Answered, Served

Promise = Callable[[str, str], None]
MOST_MB = 500
_TOGETHER = (
    ("slow_headers", "slow_bodies", "slow_visits", "slow_chunks", "slow_readers"),
    ("huge", "endless", "pipelined"),
    ("forms", "crowd"),
    ("bombs",),
)
_EXPECTED = {
    "own": 200,
    "public": 200,
    "events": 202,
    "panel": 200,
    "gate": 200,
    "programs": 200,
    "staff": 404,
}


@pytest.fixture
def served(tmp_path: Path, full: bool) -> Iterator[Served]:
    """A house with open visits, served."""
    with Served(tmp_path, 201 if full else 41) as house:
        yield house


@pytest.fixture
def about(served: Served, tmp_path: Path) -> Path:
    """What the senders are told; their picture goes over twelve million pixels a hundred times and more."""
    picture = io.BytesIO()
    Image.new("L", (4000, 3000), 128).save(picture, "JPEG", progressive=True)
    path = tmp_path / "bomb.jpg"
    path.write_bytes(with_more_scans(picture.getvalue(), 3000))
    return served.about(path)


@contextmanager
def sending(kinds: Sequence[str], served: Served, about: Path) -> Iterator[None]:
    """Senders of these kinds, on another core than the server's; they end at the end."""
    core = str(max(os.sched_getaffinity(0)))
    command = [sys.executable, "-m", "tests.hostile_senders"]
    running = [
        subprocess.Popen([*command, kind, str(served.port), core, str(about)], stdout=subprocess.PIPE)
        for kind in kinds
    ]
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == b"sending\n"
        yield
    finally:
        for process in running:
            process.kill()
            process.communicate()


def _p99(answers: Sequence[Answered]) -> float:
    times = sorted(answer.ms for answer in answers)
    return times[int(len(times) * 0.99)] if times else 0.0


def _refused(answers: Sequence[Answered]) -> Counter[tuple[str, int]]:
    return Counter((one.name, one.status) for one in answers if one.status != _EXPECTED[one.name])


def test_others_are_served_meanwhile(served: Served, about: Path, promise: Promise, full: bool) -> None:
    """Whatever is sent, requests of others are answered, as quickly as may be; nothing lies on a disk."""
    written: set[str] = set()
    before = set(served.written())

    def look() -> None:
        written.update(set(served.written()) - before)

    seconds = 10.0 if full else 1.5
    idle = served.measure(seconds, look)
    idle_ms, idle_mb = _p99(idle), served.memory_mb()
    every: list[Answered] = []
    slowest = 0.0
    for kinds in [(kind.__name__,) for kind in KINDS] if full else _TOGETHER:
        with sending(kinds, served, about):
            answers = served.measure(seconds, look)
        every += answers
        slowest = max(slowest, _p99(answers))
    peak = served.peak_mb()
    promise(
        "G1",
        f"requests of others refused {sum(_refused(every).values())} of {len(every)}, p99 {slowest:.0f} ms (idle "
        f"{idle_ms:.0f} ms), memory of serve {peak:.0f} MB (idle {idle_mb:.0f}), uploads on disk in the clear "
        f"{len(written)}",
    )
    assert not _refused(idle)
    assert not _refused(every)
    assert not written, written
    assert slowest <= max(2 * idle_ms, 250)
    assert peak <= MOST_MB
    assert not written, written


def test_memory_goes_back_after_large_forms(served: Served, about: Path, promise: Promise) -> None:
    """Eight forms of 60 MB are taken in one after the other; afterwards their memory is the system's again."""
    idle = served.memory_mb()
    with sending(("forms",), served, about):
        ends = time.monotonic() + 20
        while served.peak_mb() < idle + 50 and time.monotonic() < ends:
            time.sleep(0.1)
    assert served.peak_mb() > idle + 50
    ends = time.monotonic() + 20
    while served.memory_mb() > idle + 40 and time.monotonic() < ends:
        time.sleep(0.2)
    peak, after = served.peak_mb(), served.memory_mb()
    promise(
        "G1",
        f"8 forms of 60 MB at once: memory of serve {peak:.0f} MB, afterwards {after:.0f} (idle {idle:.0f})",
    )
    assert peak <= MOST_MB
    assert after <= idle + 40
