"""The log file: several processes write it, days change, disks fill up, and other programs move it away."""

import fcntl
import logging
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plugin.config import load
from sidecar.running import logs

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"<(\w+) (\d+) ([xy]*)>")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Logs go to the file that this names; nothing is there yet."""
    (tmp_path / "c.toml").write_text(
        f'data = "{tmp_path}/data"\n[server]\nlog_file = "{{data}}/logs/facelease.log"\nlog_level = "warning"\n'
    )
    root = logging.getLogger()
    before, level, raises = root.handlers, root.level, logging.raiseExceptions
    logs.configure(load(tmp_path / "c.toml"))
    yield tmp_path / "data/logs/facelease.log"
    for handler in root.handlers:
        handler.close()
    root.handlers, logging.raiseExceptions = before, raises
    root.setLevel(level)


def _writer(log: Path, name: str, count: int) -> subprocess.Popen[str]:
    config, flag = log.parents[2] / "c.toml", log.parents[2] / "midnight"
    return subprocess.Popen(
        [sys.executable, "-m", "tests.log_writer", str(config), name, str(count), str(flag)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _said(log: Path) -> list[str]:
    """Every line of every day, but those with nothing on them."""
    days = sorted(log.parent.glob(f"{log.name}.*"))
    return [line for file in [*days, log] for line in file.read_text().split("\n") if line]


def test_four_processes_lose_no_line_at_midnight(log: Path) -> None:
    """Each line is there once and whole, also of 64 kB; what came after midnight begins a new file."""
    writers = {name: _writer(log, name, 1000) for name in "abcd"}
    for writer in writers.values():
        assert writer.stdout is not None
        while writer.stdout.readline() != "500\n":
            assert writer.poll() is None
    (log.parents[2] / "midnight").touch()
    ends = {}
    for name, writer in writers.items():
        out, err = writer.communicate(timeout=120)
        assert (writer.returncode, err) == (0, "")
        ends[name] = int(re.findall(r"end (\d+)", out)[0])
    found = [LINE.fullmatch(line) for line in _said(log)]
    assert all(found)
    assert sorted((m[1], int(m[2])) for m in found if m) == sorted(
        (name, number) for name, end in ends.items() for number in range(end)
    )
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert sorted(file.name for file in log.parent.iterdir()) == [log.name, f"{log.name}.{yesterday}"]
    late = re.findall(r" y+>", log.with_name(f"{log.name}.{yesterday}").read_text())
    assert len(late) <= len(writers), "all go on in the new file"
    assert {stat.S_IMODE(file.stat().st_mode) for file in log.parent.iterdir()} == {0o600}


def test_a_writer_that_is_killed_spoils_no_line_of_others(log: Path) -> None:
    """What it left half written stays on a line of its own."""
    for _ in range(5):
        writer = _writer(log, "a", 100000)
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.communicate(timeout=30)
        logging.getLogger().warning("<b 1 >")
    lines = _said(log)
    assert lines.count("<b 1 >") == 5
    assert sum(not LINE.fullmatch(line) for line in lines) <= 5
    with log.open("a") as file:
        file.write("<a 7 xxx")
    logging.getLogger().warning("<b 2 >")
    assert _said(log)[-2:] == ["<a 7 xxx", "<b 2 >"]


def test_a_file_that_was_moved_away_is_begun_anew(log: Path) -> None:
    """As logrotate does it, without being told; its own new file is taken with the rights that it has."""
    logging.getLogger().warning("one")
    log.rename(log.with_name("facelease.log-20261130"))
    logging.getLogger().warning("two")
    assert log.read_text() == "two\n"
    log.rename(log.with_name("facelease.log-20261201"))
    os.close(os.open(log, os.O_CREAT | os.O_WRONLY, 0o640))
    log.chmod(0o640)
    logging.getLogger().warning("three")
    assert (log.read_text(), stat.S_IMODE(log.stat().st_mode)) == ("three\n", 0o640)
    assert log.with_name("facelease.log-20261130").read_text() == "one\n"


def test_the_folder_may_go_and_come(log: Path) -> None:
    """It is made again; a file of before that all may read is shut to them."""
    logging.getLogger().warning("one")
    log.unlink()
    log.parent.rmdir()
    logging.getLogger().warning("two")
    assert log.read_text() == "two\n"
    log.chmod(0o644)
    logs.configure(load(log.parents[2] / "c.toml"))
    logging.getLogger().warning("three")
    assert stat.S_IMODE(log.stat().st_mode) == 0o640


def test_a_log_that_cannot_be_written_stops_nothing(log: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is said once, on standard error; afterwards the log says how many lines are missing."""
    log.mkdir(parents=True)
    for _ in range(3):
        logging.getLogger().warning("lost")
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert "cannot be written" in told
    log.rmdir()
    logging.getLogger().warning("kept")
    missing, kept = log.read_text().splitlines()
    assert '"lines": 3' in missing
    assert kept == "kept"
    log.unlink()
    log.mkdir()
    logging.getLogger().warning("lost")
    assert capfd.readouterr().err.count("\n") == 1


def test_a_full_disk_tears_no_line(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What found no room is not glued to the next."""
    logging.getLogger().warning("one")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))  # as a disk that takes ten bytes
        logging.getLogger().warning("two, and no room")
        logging.getLogger().warning("three")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert capsys.readouterr().err.count("cannot be written") == 1
    logging.getLogger().warning("four")
    lines = log.read_text().splitlines()
    assert lines[0] == "one"
    assert lines[-1] == "four"
    assert '"lines": 2' in lines[-2]


def test_nothing_is_raised_by_what_cannot_be_formatted(log: Path) -> None:
    """Nor is what it held printed."""
    logging.getLogger().warning("%d", "no number")
    logging.getLogger().warning("after")
    assert log.read_text() == "after\n"


def test_a_file_of_days_ago_is_put_aside_at_the_first_line(log: Path) -> None:
    """Under the day that it was last written on, whoever writes; a name that is taken is left alone."""
    log.parent.mkdir(parents=True)
    log.write_text("old\n")
    then = time.time() - 3 * 86400
    os.utime(log, (then, then))
    logging.getLogger().warning("new")
    aside = log.with_name(f"{log.name}.{datetime.fromtimestamp(then, UTC).date()}")
    assert (aside.read_text(), log.read_text()) == ("old\n", "new\n")
    os.utime(log, (then, then))
    logs.configure(load(log.parents[2] / "c.toml"))
    logging.getLogger().warning("newer")
    assert (aside.read_text(), log.read_text()) == ("old\n", "new\nnewer\n")


def test_one_process_at_a_time_puts_a_file_aside(log: Path) -> None:
    """Who sees another at it writes on and looks again at the next line: nobody waits, and the other may die."""
    log.parent.mkdir(parents=True)
    log.write_text("old\n")
    then = time.time() - 86400
    os.utime(log, (then, then))
    with log.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        logging.getLogger().warning("late")
        assert list(log.parent.iterdir()) == [log]
    logging.getLogger().warning("new")
    aside = log.with_name(f"{log.name}.{datetime.fromtimestamp(then, UTC).date()}")
    assert (aside.read_text(), log.read_text()) == ("old\nlate\n", "new\n")
