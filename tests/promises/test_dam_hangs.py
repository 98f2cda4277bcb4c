"""O1: a DAM that takes calls and never answers holds up nobody who needs none of it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from plugin.clock import ManualClock
from plugin.errors import DamError
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.schedule import calendar
from plugin.hooks import timed_calls
from plugin.hooks.files import file_system
from plugin.hooks.timed_calls import TimedCalls
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.running import bootstrap
from tests import on_double, support, visiting
from tests.doubles.resourcespace import Double

pytestmark = pytest.mark.promise

Promise = Callable[[str, str], None]
PICTURES = 6


@contextmanager
def _hanging(double: Double) -> Iterator[None]:
    """Every call hangs until the end."""
    go = threading.Event()

    def hang(_function: str) -> None:
        go.wait(60)

    double.before = hang
    try:
        yield
    finally:
        double.before = lambda _function: None
        go.set()


def _shown(services: Services, person_id: str) -> list[int]:
    """The person's face is known on each photograph, so that a picture of it can be asked for."""
    with services.store.write() as tx:
        rows = tx.execute(select(t.resource.c.id, t.resource.c.file_version)).all()
        for row in rows:
            tx.execute(
                insert(t.face).values(
                    resource_id=row.id,
                    file_version=row.file_version,
                    width_px=60,
                    state="matched",
                    person_id=person_id,
                    created_at=tx.now,
                    left=0.1,
                    top=0.1,
                    width=0.5,
                    height=0.5,
                )
            )
    return [row.id for row in rows]


def test_who_withdraws_does_not_wait_for_their_pictures(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Promise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One picture is waited for shortly, the others are refused at once; asked again when the DAM answers."""
    monkeypatch.setattr(timed_calls, "PAGE_SECONDS", 0.5)
    with Double() as double, on_double.house(tmp_path, double, clock, examiner) as services:
        cast = support.Cast(services)
        for _ in range(PICTURES):
            double.library.create(1)
        calendar.poll_dam(services)
        cast.work()
        asa = cast.add("Åsa")
        cast.sign(asa)
        on_double.tag(services, asa, "Åsa")
        photos, browser = _shown(services, asa), visiting.visit(services, asa)
        with _hanging(double):
            began = time.monotonic()
            said = [browser.get(f"/s/me/photos/{photo}/picture").status_code for photo in photos]
            decided = visiting.send(browser, f"/s/me/photos/{photos[0]}/not-me")
            pressed = visiting.send(browser, "/s/me/stop/all", how="withdraw")
            took = time.monotonic() - began
        with services.store.read() as conn:
            left = conn.scalar(select(t.grant.c.id).where(t.grant.c.ended_at.is_(None)))
    promise("O1", f"a hanging DAM: {PICTURES} pictures, 'not me', withdrawal: {took:.1f} s, limit 0.5 s a picture")
    assert (said, decided.status_code, pressed.status_code, left) == ([404] * PICTURES, 200, 200, None)
    assert took < 0.5 * PICTURES


def test_one_that_hangs_is_asked_once_until_it_answers() -> None:
    """What it answers late is nobody's; then everybody is answered again, and errors are those of the act."""
    door, go = TimedCalls(), threading.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timed_calls, "PAGE_SECONDS", 0.2)
        with pytest.raises(DamError, match="does not answer"):
            door.ask(go.wait)
    asked: list[int] = []
    with pytest.raises(DamError, match="does not answer"):
        door.ask(lambda: asked.append(1))
    assert asked == []
    go.set()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            assert door.ask(lambda: 7) == 7
            break
        except DamError:
            time.sleep(0.01)
    with pytest.raises(ZeroDivisionError):
        door.ask(lambda: 1 // 0)
    with pytest.raises(TimeoutError):
        door.ask(_timeout)


def _timeout() -> None:
    raise TimeoutError


def test_who_asks_a_hanging_server_first_keeps_no_other_waiting(
    tmp_path: Path, clock: ManualClock, examiner: Examiner
) -> None:
    """What is found out once (is the plugin there, who are we) is asked under no lock."""
    with Double() as double:
        config = on_double.configuration(tmp_path, double)
        with support.opened(config, clock, examiner) as services, _hanging(double):
            asking = [threading.Thread(target=_fails, args=(services,)) for _ in range(3)]
            for one in asking:
                one.start()
            until = time.monotonic() + 20
            while double.calls.total() < len(asking) and time.monotonic() < until:
                time.sleep(0.01)
            assert double.calls.total() == len(asking), "each asks for itself"
        for one in asking:
            one.join()


def _fails(services: Services) -> None:
    with pytest.raises(DamError):
        services.dam.look("1")


def test_a_house_opens_whose_share_hangs(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever only withdraws does not wait for it: where the folder lies is not asked for longer than shortly."""
    config, go = support.configuration(tmp_path), threading.Event()
    with support.opened(config, clock, examiner) as services:
        asa = support.Cast(services).add("Åsa")
        support.Cast(services).sign(asa)
    root, real = config.path(config.folder.path), Path.resolve

    def resolve(path: Path, strict: bool = False) -> Path:
        if path == root:
            go.wait(60)
        return real(path, strict)

    monkeypatch.setattr(file_system, "PAGE_SECONDS", 0.2)
    monkeypatch.setattr(Path, "resolve", resolve)
    began = time.monotonic()
    with bootstrap.open_house(config, clock) as services:
        ended = withdrawal.withdraw(services, asa, None, "test")
    took = time.monotonic() - began
    go.set()
    assert ended == 2
    assert took < 30
