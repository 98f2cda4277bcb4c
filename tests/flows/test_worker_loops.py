"""The worker's loops: they outlive whatever a job, a chore or the store raises, and say it without a value."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from plugin.clock import ManualClock
from plugin.errors import DamError, StoreAway, VaultError
from plugin.flows.common.services import Services
from plugin.flows.photos import comparison
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from sidecar.running import loops, metrics
from sidecar.running.runner import Runner
from sidecar.running.scheduler import Timetable

Handler = Callable[[Services, ClaimedJob], None]
ODD = (SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, RecursionError, StopIteration, OSError)
SECRET = "Åsa Unmistakable"


def _until(true: Callable[[], object], seconds: float = 30) -> bool:
    ends = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < ends:
        time.sleep(0.02)
    return bool(found)


@contextmanager
def _working(services: Services) -> Iterator[threading.Thread]:
    stop = threading.Event()
    worker = threading.Thread(target=Runner(services).run, args=(stop,))
    worker.start()
    try:
        yield worker
    finally:
        stop.set()
        worker.join()


def _handle(monkeypatch: pytest.MonkeyPatch, handler: Handler) -> None:
    monkeypatch.setattr(calendar, "HANDLERS", dict(calendar.HANDLERS) | {"gone": handler})


def _put(services: Services, *keys: str) -> None:
    with services.store.write() as tx:
        for key in keys:
            services.queue.put(tx, "gone", key)


def _done(services: Services, job: ClaimedJob) -> None:
    with services.store.write() as tx:
        services.queue.finish(tx, job)


def _count(loop: str) -> float:
    return float(metrics.LOOP_ERRORS.labels(loop)._value.get())


def test_a_worker_outlives_whatever_a_job_raises(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what ends a program elsewhere; each counts as a failure, and the next job is done."""
    done: list[str] = []

    def handler(house: Services, job: ClaimedJob) -> None:
        for kind in ODD:
            if job.key == kind.__name__:
                raise kind(SECRET)
        done.append(job.key)
        _done(house, job)

    _handle(monkeypatch, handler)
    _put(services, *(kind.__name__ for kind in ODD), "last")
    with capture_logs() as logs, _working(services) as worker:
        assert _until(lambda: done == ["last"] and services.queue.counts()["running"] == 0)
        assert worker.is_alive()
    failed = {entry["error"] for entry in logs if entry["event"] == "job failed"}
    assert failed == {kind.__name__ for kind in ODD}
    assert services.queue.counts() == {"queued": len(ODD), "running": 0, "dead": 0}
    assert SECRET not in str(logs)
    assert all(entry["where"][-1].split(":")[1] == "handler" for entry in logs if entry["event"] == "job failed")


def test_a_worker_outlives_a_store_that_is_away(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claiming, failing, beating and sweeping raise; when it is back the job is done, once."""
    done: list[str] = []
    away = threading.Event()
    claim = services.queue.claim

    def gone(*_: object, **__: object) -> None:
        if away.is_set():
            raise StoreAway("the store does not answer")

    def claiming(*given: object, **named: object) -> ClaimedJob | None:
        gone()
        return claim(*given, **named)  # type: ignore[arg-type]

    def handler(house: Services, job: ClaimedJob) -> None:
        done.append(job.key)
        _done(house, job)

    monkeypatch.setattr(services.queue, "claim", claiming)
    monkeypatch.setattr(loops, "_FIRST", 0.05)
    _handle(monkeypatch, handler)
    before = _count("worker")
    with _working(services) as worker:
        away.set()
        _put(services, "one")
        assert _until(lambda: _count("worker") > before + 3)
        assert (done, worker.is_alive()) == ([], True)
        away.clear()
        assert _until(lambda: done == ["one"])


def test_the_start_is_tried_again_and_what_needs_somebody_is_raised(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody foresaw, the DAM, the store: again. A key that is missing: said, and the worker ends."""
    raised = [ValueError(SECRET), DamError("no"), StoreAway("no")]
    begin, begun = calendar.start_process, []

    def start(house: Services) -> int:
        if raised:
            raise raised.pop()
        begun.append(begin(house))
        return 0

    monkeypatch.setattr(loops, "_FIRST", 0.05)
    monkeypatch.setattr(calendar, "start_process", start)
    with capture_logs() as logs, _working(services):
        assert _until(lambda: begun)
    assert len([entry for entry in logs if entry.get("loop") == "start"]) == 3
    assert SECRET not in str(logs)
    raised.append(VaultError("the key is not there"))
    with pytest.raises(VaultError):
        Runner(services).run(threading.Event())


def test_a_job_in_hand_is_taken_by_nobody_here_and_its_lease_is_lengthened(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it hangs another thread of this process leaves it alone, though its lease ran out; others do not."""
    hangs, go_on = threading.Event(), threading.Event()
    seen: list[int] = []

    def handler(house: Services, job: ClaimedJob) -> None:
        seen.append(job.attempt)
        if job.attempt == 1:
            hangs.set()
            assert go_on.wait(30)
        _done(house, job)

    _handle(monkeypatch, handler)
    _put(services, "one")
    here, there = Runner(services), Runner(services)
    thread = threading.Thread(target=here.run_one)
    thread.start()
    assert hangs.wait(30)
    _lease_ran_out(services)
    here.beat()
    assert _expired(services) == 0, "a beat lengthens it"
    _lease_ran_out(services)
    assert here.run_one() is False
    assert there.run_one() is True
    go_on.set()
    thread.join()
    assert (seen, services.queue.counts()["running"]) == ([1, 2], 0)


def _lease_ran_out(services: Services) -> None:
    with services.store.write() as tx:
        tx.execute(update(t.job).values(lease_until=tx.now))


def _expired(services: Services) -> int:
    with services.store.read() as conn:
        late = t.job.c.lease_until <= services.clock.now()
        return conn.scalar(select(func.count()).where(t.job.c.state == "running", late)) or 0


def test_what_needs_no_dam_is_done_while_all_else_hangs_in_it(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More jobs hang than a worker has threads; each kind that asks the DAM nothing is done beside them."""
    go_on, done = threading.Event(), set[str]()

    def hang(house: Services, job: ClaimedJob) -> None:
        assert go_on.wait(60)
        _done(house, job)

    def note(house: Services, job: ClaimedJob) -> None:
        _done(house, job)
        done.add(job.kind)

    kinds = dict.fromkeys(calendar.HANDLERS, hang) | dict.fromkeys(calendar.WITHOUT_DAM, note)
    monkeypatch.setattr(calendar, "HANDLERS", kinds)
    threads = Runner(services).threads
    _put(services, *(str(number) for number in range(threads + 2)))
    try:
        with _working(services):
            assert _until(lambda: services.queue.counts()["running"] == threads)
            with services.store.write() as tx:
                for kind in calendar.WITHOUT_DAM:
                    services.queue.put(tx, kind, "one")
            assert _until(lambda: done == set(calendar.WITHOUT_DAM), 20)
            assert services.queue.counts()["running"] == threads
            go_on.set()
            assert _until(lambda: sum(services.queue.counts().values()) == 0)
    finally:
        go_on.set()


def test_a_job_that_another_has_is_not_beaten_for(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once, and not at each beat."""
    hangs, go_on = threading.Event(), threading.Event()

    def handler(house: Services, job: ClaimedJob) -> None:
        hangs.set()
        assert go_on.wait(30)

    _handle(monkeypatch, handler)
    _put(services, "one")
    runner = Runner(services)
    thread = threading.Thread(target=runner.run_one)
    thread.start()
    assert hangs.wait(30)
    with services.store.write() as tx:
        tx.execute(update(t.job).values(attempt=2))
    with capture_logs() as logs:
        runner.beat()
        runner.beat()
    go_on.set()
    thread.join()
    assert [entry["event"] for entry in logs] == ["lease lost"]


def test_a_daily_chore_that_failed_is_tried_again_soon(
    services: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is away at three in the morning costs no day; what goes well is not asked for again."""
    fails = [True]

    def night(_: Services) -> None:
        if fails:
            raise StoreAway("the store does not answer")

    monkeypatch.setattr(calendar, "run_housekeeping", night)
    table = Timetable(services, lambda: None)
    run = table.act("housekeeping")
    run()
    assert "housekeeping again" in table.times
    table.forget("housekeeping again")
    fails.clear()
    run()
    assert "housekeeping again" not in table.times


def test_a_machine_that_is_off_each_night_does_what_a_night_does(services: Services, clock: ManualClock) -> None:
    """Soon after its start; the comparison only where none began for a day."""
    times = Timetable(services, lambda: None).times
    assert {name for name, when in times.items() if when.startswith("date")} >= {
        "housekeeping missed",
        "reconcile missed",
    }

    def began() -> datetime | None:
        calendar.begin_missed_comparison(services)
        return comparison.find_round(services).began_at

    first = began()
    clock.advance(timedelta(hours=23))
    assert began() == first == services.clock.now() - timedelta(hours=23)
    clock.advance(timedelta(hours=2))
    assert began() == services.clock.now()


def test_every_sweep_is_told_also_one_that_failed(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes on, and that is what the server wants to know."""
    swept: list[bool] = []
    monkeypatch.setattr(calendar, "sweep_endings", lambda _: (_ for _ in ()).throw(SystemExit(3)))
    Timetable(services, lambda: swept.append(True)).act("sweep")()
    assert swept == [True]


def test_a_pause_doubles_to_a_minute_and_begins_anew_after_a_success() -> None:
    """1, 2, 4, … 60, 60 seconds."""
    pause = loops.Backoff()
    assert [pause.next() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    pause.reset()
    assert pause.next() == 1


def test_a_thread_that_died_is_started_again() -> None:
    """And counted."""
    lives: list[int] = []
    stop = threading.Event()

    def run() -> None:
        lives.append(1)
        if len(lives) > 1:
            stop.wait()

    crew = loops.ThreadGroup("mended", run, 1)
    assert _until(lambda: crew.mend() == 1)
    assert _until(lambda: len(lives) == 2)
    assert (crew.mend(), _count("mended")) == (0, 1)
    stop.set()
    assert crew.join(5)


def test_what_led_to_an_error_is_logged_without_a_word_of_it() -> None:
    """Module, function and line of each call, and the kinds of what it came of; no message that is not ours."""

    def inner() -> None:
        raise ValueError(SECRET)

    def outer() -> None:
        try:
            inner()
        except ValueError as error:
            raise RuntimeError(SECRET) from error

    with capture_logs() as logs:
        try:
            outer()
        except RuntimeError as error:
            loops.log_error("here", error)
    (entry,) = logs
    assert (entry["error"], entry["causes"], entry["said"]) == ("RuntimeError", ["ValueError"], "")
    assert [call.split(":")[1] for call in entry["where"]][-1] == "outer"
    assert SECRET not in str(logs)


def test_a_thread_that_ends_of_an_error_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python would print the error's words, which may be a name; the log has where it came from."""
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)

    def fail() -> None:
        raise ValueError(SECRET)

    with capture_logs() as logs:
        loops.log_thread_errors()
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    assert [(entry["loop"], entry["error"]) for entry in logs] == [("thread", "ValueError")]
    assert SECRET not in str(logs) + "".join(capsys.readouterr())


def test_a_clock_is_shut_in_the_middle_of_a_round(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chore that is due once is taken off the list at that moment; no thread ends of it."""
    ended: list[object] = []
    monkeypatch.setattr(threading, "excepthook", ended.append)
    for name in ("sweep_endings", "poll_dam", "follow_up_owed", "write_log_head", "send_reminders"):
        monkeypatch.setattr(calendar, name, lambda _: None)
    for _ in range(30):
        table = Timetable(services, lambda: None)
        table.start()
        assert table.stop(10)
    assert ended == []
