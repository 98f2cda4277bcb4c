import multiprocessing
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plugin.errors import StoreError
from plugin.ledger.log.endings import EndedLog, Ending

_AT = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)


def _ended(number: int) -> Ending:
    return Ending(
        f"person{number}", f"grant{number}" if number % 2 else None, _AT + timedelta(days=number), "withdrawn"
    )


@pytest.fixture
def log(tmp_path: Path) -> EndedLog:
    """A log that does not exist yet, in a folder that does not either."""
    return EndedLog(tmp_path / "keys" / "ended.log")


def test_what_is_appended_is_read_back(log: EndedLog) -> None:
    """In order, to the microsecond, by whoever opens the file next; for the owner only."""
    assert list(log.lines()) == []
    log.write(_ended(1))
    log.write(_ended(2), _ended(3))
    log.write()
    assert list(EndedLog(log.path).lines()) == [_ended(1), _ended(2), _ended(3)]
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_a_line_torn_anywhere_harms_no_other(log: EndedLog) -> None:
    """Cut after each byte of the last line: the others stand, and what follows is read too."""
    log.write(_ended(1), _ended(2))
    whole = log.path.read_bytes()
    second = whole.index(b"\n") + 1
    for cut in range(second, len(whole)):
        log.path.write_bytes(whole[:cut])
        kept = [_ended(1), _ended(2)] if cut == len(whole) - 1 else [_ended(1)]
        assert list(log.lines()) == kept
        log.write(_ended(3))
        assert list(log.lines()) == [*kept, _ended(3)]


def test_a_damaged_line_is_not_passed_over(log: EndedLog) -> None:
    """A whole line that cannot be read may be a withdrawal: nothing starts on it."""
    log.write(_ended(1), _ended(2))
    log.path.write_bytes(log.path.read_bytes().replace(b"person1", b'person"'))
    with pytest.raises(StoreError, match="damaged at line 1"):
        list(log.lines())


def test_a_log_open_to_others_is_refused(log: EndedLog) -> None:
    """Who is in it has withdrawn something: that is nobody else's business."""
    log.write(_ended(1))
    log.path.chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        list(log.lines())


def _append_many(path: Path, start: int) -> None:
    for number in range(start, start + 50):
        EndedLog(path).write(_ended(number))


def test_processes_share_the_log(log: EndedLog) -> None:
    """Four at once lose no line and tear none."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(log.path, 100 * n)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    wanted = {_ended(100 * n + i) for n in range(4) for i in range(50)}
    lines = list(log.lines())
    assert (len(lines), set(lines)) == (200, wanted)
