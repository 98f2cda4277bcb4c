"""A command beside a program that keeps the store: it says that it waits, and for whom, and ends in a sentence."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plugin.clock import SystemClock
from plugin.ledger.store.store import init_store
from tests.stores import Postgres, Stores

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
_IMPATIENT = "from plugin.ledger.store import engine; engine.BUSY_SECONDS = {}; from sidecar.cli import main; main()"


class House:
    """A house whose commands wait for so many seconds."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url, self._folder = url, folder
        (folder / "photos").mkdir()
        (folder / "facelease.toml").write_text(f'data = "data"\n[folder]\npath = "photos"\n[store]\nurl = "{url}"\n')

    def start(self, seconds: int, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", _IMPATIENT.format(seconds), *words],
            cwd=self._folder,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, seconds: int, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        command = self.start(seconds, *words)
        out, err = command.communicate(timeout=180)
        return command.returncode, out, err


@pytest.fixture
def house(tmp_path: Path, stores: Stores, store_kind: str) -> House:
    made = House(tmp_path, stores.migrated(store_kind))
    assert made.run(30, "init")[0] == 0
    return made


@contextmanager
def _held(url: str) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.lock_holder", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    try:
        yield child
    finally:
        child.communicate(b"\n", timeout=30)


def test_a_command_that_waits_says_so_once_and_goes_on(house: House, store_kind: str) -> None:
    """Who keeps the store is named; when it is free what was asked for is done."""
    with _held(house.url) as holder:
        command = house.start(120, "person", "add", "Bo", "--of-age")
        assert command.stderr is not None
        said = command.stderr.readline()
        who = (
            rf"process {holder.pid} \(\S+\)" if store_kind == "sqlite" else r"process \d+ of the server \(lock_holder\)"
        )
        assert re.fullmatch(rf"waiting: {who} is writing to the store\n", said)
        assert command.poll() is None
    _, err = command.communicate(timeout=120)
    assert (command.returncode, err) == (0, "")
    assert "Bo" in house.run(30, "person", "list")[1]


def test_a_command_that_waits_in_vain_ends_in_a_sentence(house: House) -> None:
    """Exit code 1, nothing half done, what to do and whom to ask, and no word of what was to be written."""
    with _held(house.url):
        code, out, err = house.run(4, "person", "add", "Quixotic Sample", "--of-age")
    waited, ended = err.splitlines()
    assert (code, out) == (1, "")
    assert waited.startswith("waiting: process ")
    assert re.fullmatch(
        r"error: another program kept the store.* for too long: nothing was written; let that end, then try again; "
        r"it is process \d+.*",
        ended,
    )
    assert "Quixotic" not in err
    assert house.run(30, "person", "list", "--json")[1].strip() == "[]"


def test_a_command_that_does_not_wait_says_nothing(house: House) -> None:
    """Standard error is empty."""
    assert house.run(30, "person", "add", "Bo", "--of-age")[2] == ""


def test_a_server_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """PostgreSQL stopped: the first command after it and one that has it wrong in store.url."""
    server = Postgres()
    try:
        server.do("CREATE DATABASE ledger")
        init_store(server.url("ledger"), SystemClock()).close()
        house = House(tmp_path, server.url("ledger"))
        assert house.run(30, "init")[0] == 0
    finally:
        server.stop()
    for words in (("person", "list"), ("migrate",), ("init",)):
        code, out, err = house.run(30, *words)
        assert (code, out) == (1, "")
        assert re.fullmatch(r"error: the store does not answer: see that .*, then try again\n", err)


def test_a_damaged_file_is_a_sentence(tmp_path: Path, stores: Stores) -> None:
    """Every command names the backup, and none a line of code."""
    house = House(tmp_path, stores.migrated("sqlite"))
    assert house.run(30, "init")[0] == 0
    file = Path(house.url.removeprefix("sqlite:///"))
    whole = file.read_bytes()
    for broken in (b"no database" * 1000, whole[: len(whole) // 2], whole[:4096] + b"\1" * (len(whole) - 4096)):
        file.write_bytes(broken)
        code, _, err = house.run(30, "person", "add", "Quixotic Sample", "--of-age")
        assert code == 1
        assert re.fullmatch(r"error: the store \S+ is damaged: .* restore` the last good backup\n", err)
