"""Rule 45: a file outside the store that answers late, or never, holds the writers' turn for nobody."""

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plugin.flows.common.services import Services
from plugin.flows.rights import certificate, erasure, erasure_requests
from plugin.flows.schedule import calendar, log_heads
from plugin.ledger.backups import backup
from plugin.ledger.log import heads
from plugin.ledger.log.head_book import HeadBook
from tests import support

ACTS: dict[str, Callable[[Services, Path], object]] = {
    "the hourly head": lambda services, _: calendar.write_log_head(services),
    "another key of heads": lambda services, _: log_heads.replace_key(services, "test"),
    "a file of wrapped keys": lambda services, root: _wrap(services, root),
    "a backup": lambda services, root: _back_up(services, root),
}


def _back_up(services: Services, root: Path) -> object:
    """As the command makes it."""
    book = HeadBook.from_config(services.config)
    return backup.write_backup(services.store, services.master, root / "copies", services.clock, book, 30)


def _wrap(services: Services, root: Path) -> object:
    """What a new master key asks for first."""
    book = HeadBook.from_config(services.config)
    return backup.write_key_file(services.store, root / "copies", services.clock, book, 30)


@contextmanager
def _hanging(path: Path) -> Iterator[None]:
    """Whoever wants to write to the file waits for its lock, as for a share that does not answer."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _waits_for_a_file() -> bool:
    """Whether a thread of this process waits for the lock of a file (proc_locks(5): those that wait have an arrow)."""
    mine = f" {os.getpid()} "
    return any("->" in line and mine in line for line in Path("/proc/locks").read_text().splitlines())


def test_who_asks_to_be_forgotten_reads_no_certificate_inside_a_write(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be thousands of them, on a share; their numbers are read before, and what is settled is no write."""
    cast, real, inside = support.Cast(services), certificate._folder, list[str]()

    def folder(house: Services) -> Path:
        if getattr(house.store._writing, "here", False):
            inside.append(sys._getframe(1).f_code.co_name)
        return real(house)

    monkeypatch.setattr(certificate, "_folder", folder)
    first, second = cast.add("Åsa"), cast.add("Bo")
    number = erasure.begin(services, first, "test")
    asked = erasure_requests.read_filed(services, second)
    with services.store.write() as tx:
        other = erasure_requests.request_in(services, tx, second, "person", asked).number
    assert int(other.split("-")[1]) == int(number.split("-")[1]) + 1
    erasure.make_unreadable(services, first)
    assert inside == []


@pytest.mark.parametrize("act", ACTS)
def test_a_file_of_heads_that_hangs_holds_nobodys_turn(services: Services, tmp_path: Path, act: str) -> None:
    """Whoever writes a head waits for the file before the write begins; when it answers the head is there."""
    path = services.config.path(services.config.keys.heads_file)
    before = heads.find_last_number(path)
    writer = threading.Thread(target=ACTS[act], args=(services, tmp_path), daemon=True)
    with _hanging(path):
        writer.start()
        ends = time.monotonic() + 20
        while not _waits_for_a_file() and time.monotonic() < ends:
            time.sleep(0.01)
        assert _waits_for_a_file()
        with services.store.write(patience=1.0) as tx:
            tx.see()
    writer.join(60)
    assert heads.find_last_number(path) > before
