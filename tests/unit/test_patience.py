"""A DAM that hangs holds no page of the staff for long, and none of the people's."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.clock import ManualClock
from plugin.errors import DamError
from plugin.hooks.dam import Accounts
from plugin.hooks.resourcespace.api import call_deadline
from plugin.hooks.resourcespace.api.call_deadline import CallDeadline
from plugin.recognizer.process.examiner import Examiner
from tests import on_double, support
from tests.doubles.resourcespace import Double


@pytest.fixture
def hanging() -> Iterator[str]:
    """A server that takes calls and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_hanging_server_is_asked_once_and_shortly(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, hanging: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight pages at once: one waits, for the short time alone, and each after it is one more try."""
    monkeypatch.setattr(call_deadline, "PAGE_SECONDS", 0.5)
    with Double() as double:
        config = on_double.configuration(tmp_path, double)
    server = config.resourcespace.model_copy(update={"url": hanging, "seconds": 20.0, "tries": 3})
    config = config.model_copy(update={"resourcespace": server})
    with support.opened(config, clock, examiner) as services:
        dam = services.dam
        assert isinstance(dam, Accounts)
        took: list[float] = []

        def ask() -> None:
            at = time.monotonic()
            with pytest.raises(DamError):
                dam.groups("jan")
            took.append(time.monotonic() - at)

        pages = [threading.Thread(target=ask) for _ in range(8)]
        for page in pages:
            page.start()
        for page in pages:
            page.join()
        assert max(took) < 2
        assert sum(one > 0.4 for one in took) == 1
        ask()
        assert 0.4 < took[-1] < 2


def test_once_it_answers_everybody_asks_at_once() -> None:
    """And after a failure one alone, until it answers again."""
    door = CallDeadline()
    with door.shortly():
        pass
    with door.shortly(), door.shortly():
        assert door.seconds is not None
    with pytest.raises(DamError, match="broke"), door.shortly():
        raise DamError("broke")
    refused: list[str] = []

    def other() -> None:
        try:
            with door.shortly():
                pass
        except DamError as error:
            refused.append(str(error))

    with door.shortly():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(refused) == 1
    other()
    assert len(refused) == 1
    assert getattr(door, "seconds", 0) is None  # nobody is in a hurry any more
