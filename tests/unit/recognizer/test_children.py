"""Child processes are killed, starved and fed nonsense; one photograph at most is lost each time."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from plugin.config import Config, MatchingSection, RecognizerSection
from plugin.confinement import wire
from plugin.errors import EngineError, ExaminationFailed, PictureError, PictureTooLarge
from plugin.recognizer.engines.engine import Floats
from plugin.recognizer.examination.messages import ExaminationRequest
from plugin.recognizer.matching.gallery import Enrolled
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)
PLAIN = ExaminationRequest(NOW, compare=False)


@pytest.fixture(scope="module")
def template(examiner: Examiner) -> Floats:
    """Sample person A's template, from one photograph."""
    return examiner.enrol([samples.portrait(samples.A_FRONT)]).template


@pytest.fixture
def impatient(cache: Path) -> Iterator[Examiner]:
    """A child that may take two seconds and little memory, replaced after five orders."""
    config = RecognizerSection(cache=str(cache), seconds=2, memory_mb=512, recycle_after=5)
    with Examiner(config, MatchingSection()) as examiner:
        yield examiner


def test_a_child_that_hangs_is_killed_and_replaced(impatient: Examiner) -> None:
    """A photograph that takes longer than recognizer.seconds fails alone; the next one is examined."""
    photo = samples.portrait(samples.A_FRONT)
    impatient.examine(photo, PLAIN)
    first = impatient.workers[0].pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(ExaminationFailed, match="within 2 s"):
        impatient.examine(photo, PLAIN)
    assert time.monotonic() - start < 4
    assert len(impatient.examine(photo, PLAIN).faces) == 1
    assert impatient.workers[0].pid != first


def test_a_child_killed_at_work_fails_one_photograph(impatient: Examiner, template: Floats) -> None:
    """kill -9 in the middle: that photograph fails, the next finds a child with the gallery in it."""
    photo = samples.portrait(samples.A_FRONT)
    impatient.load_gallery([Enrolled("a", template, TOMORROW, True)], 1)
    request = ExaminationRequest(NOW, compare=True, generation=1)
    impatient.examine(photo, request)
    pid = impatient.workers[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    waiting = impatient.submit(photo, request)
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(ExaminationFailed, match="ended"):
        waiting.result()
    assert impatient.examine(photo, request).faces[0].key == "a"


def test_a_child_that_died_idle_costs_no_photograph(impatient: Examiner) -> None:
    """A child killed between two photographs is replaced before the next is tried."""
    photo = samples.portrait(samples.A_FRONT)
    impatient.examine(photo, PLAIN)
    pid = impatient.workers[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)
    assert len(impatient.examine(photo, PLAIN).faces) == 1


def test_children_are_replaced_after_so_many(impatient: Examiner) -> None:
    """After recognizer.recycle_after orders a new child takes over, unnoticed."""
    photo = samples.portrait(samples.A_FRONT)
    pids = set()
    for _ in range(7):
        impatient.examine(photo, PLAIN)
        pids.add(impatient.workers[0].pid)
    assert len(pids - {None}) == 2


def test_a_picture_that_takes_too_much_memory_is_refused(impatient: Examiner, saved: Callable[..., bytes]) -> None:
    """A picture within the pixel limit but beyond recognizer.memory_mb is refused; the next is examined."""
    Image.MAX_IMAGE_PIXELS, before = None, Image.MAX_IMAGE_PIXELS
    try:
        bomb = saved(Image.new("RGBA", (10_900, 10_900)), "PNG", compress_level=1)
    finally:
        Image.MAX_IMAGE_PIXELS = before
    with pytest.raises(PictureTooLarge, match="memory_mb"):
        impatient.examine(bomb, PLAIN)
    assert len(impatient.examine(samples.portrait(samples.A_FRONT), PLAIN).faces) == 1


def test_bad_pictures_are_told_by_kind(examiner: Examiner) -> None:
    """What decoding refuses arrives as the same error on this side, and costs no child."""
    examiner.examine(samples.portrait(samples.A_FRONT), PLAIN)
    pid = examiner.workers[0].pid
    with pytest.raises(PictureError, match="empty"):
        examiner.examine(b"", PLAIN)
    head = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(head, "PNG")
    with pytest.raises(PictureTooLarge, match="megapixels"):
        examiner.examine(head.getvalue(), PLAIN)
    assert examiner.workers[0].pid == pid


def test_an_engine_that_cannot_start_says_so(tmp_path: Path) -> None:
    """Missing weights arrive as an EngineError, not as a photograph that failed."""
    config = RecognizerSection(cache=str(tmp_path), yunet=str(tmp_path / "none.onnx"))
    with Examiner(config, MatchingSection()) as examiner, pytest.raises(EngineError, match="yunet"):
        examiner.examine(samples.portrait(samples.A_FRONT), PLAIN)


def test_closing_ends_the_children_and_what_waits(cache: Path) -> None:
    """After close no child is left, waiting photographs fail, new ones are refused."""
    examiner = Examiner.from_config(Config(recognizer=RecognizerSection(cache=str(cache))))
    photo = samples.portrait(samples.A_FRONT)
    examiner.examine(photo, PLAIN)
    pid = examiner.workers[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    waiting = [examiner.submit(photo, PLAIN) for _ in range(3)]
    examiner.close()
    assert all(isinstance(future.exception(), ExaminationFailed) for future in waiting)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(ExaminationFailed, match="closed"):
        examiner.submit(photo, PLAIN)


def test_the_child_dies_with_its_parent(cache: Path) -> None:
    """A parent killed with -9 leaves no child behind."""
    script = (
        "import sys, time; from plugin.config import *; from plugin.recognizer.process.examiner import Examiner;"
        "from plugin.recognizer.examination.messages import ExaminationRequest; from datetime import datetime, UTC;"
        "from pathlib import Path;"
        "e = Examiner(RecognizerSection(cache=sys.argv[1]), MatchingSection());"
        "e.examine(Path(sys.argv[2]), ExaminationRequest(datetime.now(UTC), compare=False));"
        "print(e.workers[0].pid, flush=True); time.sleep(60)"
    )
    photo = str(samples.portrait(samples.A_FRONT))
    with subprocess.Popen([sys.executable, "-c", script, str(cache), photo], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_child_is_told_no_secret(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the child holds what it needs, dumps no core and writes no file."""
    monkeypatch.setenv("FACELEASE_SECRET", "canary-in-the-mine")
    with Examiner(RecognizerSection(cache=str(cache)), MatchingSection()) as examiner:
        examiner.examine(samples.portrait(samples.A_FRONT), PLAIN)
        folder = Path(f"/proc/{examiner.workers[0].pid}")
        assert b"canary" not in (folder / "environ").read_bytes()
        limits = (folder / "limits").read_text().splitlines()
    words = {line[:25].strip(): line[25:].split()[:2] for line in limits}
    assert words["Max core file size"] == words["Max file size"] == ["0", "0"]
    assert words["Max data size"] == [str(1536 * 2**20)] * 2


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\0",
        b"\xff" * 8,
        b"\0\0\0\x02\0\0\0\0{}",
        b"\0\0\0\x02\0\0\0\0[]",
        b'\0\0\0\x0d\0\0\0\0{"parts":[5]}',
        b'\0\0\0\x0f\0\0\0\0{"parts":[-1]} ',
        b"\0\0\0\x03\0\0\0\0nop",
    ],
)
def test_a_malformed_message_is_the_end_of_the_talk(raw: bytes) -> None:
    """Whatever a compromised child writes is refused without being carried out or stored."""
    with pytest.raises(wire.PipeClosed):
        wire.receive(io.BytesIO(raw), 1000)


def test_messages_arrive_as_they_were_sent() -> None:
    """A header and its parts, empty ones too, come back the same."""
    pipe = io.BytesIO()
    wire.send(pipe, {"a": [1, "ö"]}, [b"", b"xyz", b"\0"])
    pipe.seek(0)
    assert wire.receive(pipe, 10) == ({"a": [1, "ö"]}, [b"", b"xyz", b"\0"])
    pipe.seek(0)
    with pytest.raises(wire.PipeClosed):
        wire.receive(pipe, 3)
