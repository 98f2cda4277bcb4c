import threading
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.config import JobsSection
from plugin.errors import DamError, LeaseLost, NotFound, QueueFull
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import NIGHTLY, ClaimedJob, Queue, describe_error
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Store

_CONFIG = JobsSection(lease_seconds=120, attempts=3, backoff_seconds=10, limit=5)


@pytest.fixture
def queue(store: Store) -> Queue:
    """A small, impatient queue."""
    return Queue(store, _CONFIG, Random(0))


def _put(store: Store, queue: Queue, kind: str, key: str, payload: Any = None, **options: Any) -> int:
    with store.write() as tx:
        return queue.put(tx, kind, key, payload, **options)


def _claim(queue: Queue, *kinds: str) -> ClaimedJob:
    claimed = queue.claim(kinds or None)
    assert claimed is not None
    return claimed


def _finish(store: Store, queue: Queue, claimed: ClaimedJob) -> None:
    with store.write() as tx:
        queue.finish(tx, claimed)


def test_a_job_is_claimed_once(store: Store, queue: Queue) -> None:
    """Whoever has it, has it alone, with what was put."""
    _put(store, queue, "photo", "7", {"ref": "a.jpg"})
    claimed = _claim(queue)
    assert (claimed.kind, claimed.key, claimed.payload, claimed.attempt) == ("photo", "7", {"ref": "a.jpg"}, 1)
    assert queue.claim() is None
    _finish(store, queue, claimed)
    assert queue.counts() == {"queued": 0, "running": 0, "dead": 0}


def test_a_job_that_is_rolled_back_was_never_put(store: Store, queue: Queue) -> None:
    """The job and its cause commit together."""

    def fail() -> None:
        with store.write() as tx:
            queue.put(tx, "photo", "7")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert queue.claim() is None


def test_the_urgent_go_first_then_the_old(store: Store, queue: Queue, clock: ManualClock) -> None:
    """By priority, then by the moment from which they may run, then as they came."""
    for key, priority in (("slow", 7), ("first", 1), ("second", 1), ("middle", 5)):
        _put(store, queue, "photo", key, priority=priority)
        clock.advance(timedelta(seconds=1))
    assert [_claim(queue).key for _ in range(4)] == ["first", "second", "middle", "slow"]


def test_a_delayed_job_waits(store: Store, queue: Queue, clock: ManualClock) -> None:
    """Not before its moment."""
    _put(store, queue, "look-again", "1", delay=timedelta(hours=24))
    clock.advance(timedelta(hours=24) - timedelta(microseconds=1))
    assert queue.claim() is None
    clock.advance(timedelta(microseconds=1))
    assert _claim(queue).kind == "look-again"


def test_only_the_wanted_kinds_are_claimed(store: Store, queue: Queue) -> None:
    """A worker may serve a part of the queue."""
    _put(store, queue, "photo", "1", priority=1)
    _put(store, queue, "revoke", "1")
    assert _claim(queue, "revoke", "erase").kind == "revoke"
    assert queue.claim(["revoke"]) is None


def test_a_burst_is_one_job(store: Store, queue: Queue, clock: ManualClock) -> None:
    """The earliest moment, the highest priority and the newest payload win."""
    first = _put(store, queue, "photo", "1", {"n": 1}, delay=timedelta(seconds=60), priority=5)
    for number, (delay, priority) in enumerate([(10, 7), (90, 2)], 2):
        again = _put(store, queue, "photo", "1", {"n": number}, delay=timedelta(seconds=delay), priority=priority)
        assert again == first
    _put(store, queue, "photo", "2")
    assert queue.counts()["queued"] == 2
    assert _claim(queue).key == "2"
    assert queue.claim() is None
    clock.advance(timedelta(seconds=10))
    assert _claim(queue).payload == {"n": 3}


def test_what_changes_while_a_job_runs_runs_it_again(store: Store, queue: Queue, clock: ManualClock) -> None:
    """Once more, whatever came how often, with the newest payload, after the running one is done."""
    _put(store, queue, "photo", "1", {"n": 1})
    running = _claim(queue)
    for number in (2, 3):
        _put(store, queue, "photo", "1", {"n": number})
    assert queue.claim() is None
    _finish(store, queue, running)
    again = _claim(queue)
    assert (again.payload, again.attempt, again.id != running.id) == ({"n": 3}, 1, True)
    _finish(store, queue, again)
    assert queue.claim() is None
    assert queue.counts() == {"queued": 0, "running": 0, "dead": 0}


def test_a_retry_covers_what_came_meanwhile(store: Store, queue: Queue, clock: ManualClock) -> None:
    """A job asked for while it failed is not run twice."""
    _put(store, queue, "photo", "1", {"n": 1})
    running = _claim(queue)
    _put(store, queue, "photo", "1", {"n": 2})
    queue.fail(running, DamError("no"))
    clock.advance(timedelta(minutes=1))
    retried = _claim(queue)
    assert (retried.payload, retried.attempt) == ({"n": 2}, 2)
    _finish(store, queue, retried)
    assert queue.counts() == {"queued": 0, "running": 0, "dead": 0}


def test_a_lease_that_runs_out_is_taken_over(store: Store, queue: Queue, clock: ManualClock) -> None:
    """At its end and not before; then the first holder's token is worth nothing."""
    _put(store, queue, "photo", "1")
    first = _claim(queue)
    clock.advance(timedelta(seconds=119))
    assert queue.claim() is None
    clock.advance(timedelta(seconds=1))
    second = _claim(queue)
    assert (second.id, second.attempt) == (first.id, 2)
    for act in (
        lambda: queue.heartbeat(first),
        lambda: queue.fail(first, DamError("late")),
        lambda: _finish(store, queue, first),
    ):
        with pytest.raises(LeaseLost, match="another worker has it"):
            act()
    _finish(store, queue, second)


def test_a_heartbeat_keeps_the_lease(store: Store, queue: Queue, clock: ManualClock) -> None:
    """Long work goes on as long as it says so."""
    _put(store, queue, "photo", "1")
    claimed = _claim(queue)
    for _ in range(5):
        clock.advance(timedelta(seconds=100))
        queue.heartbeat(claimed)
        assert queue.claim() is None
    _finish(store, queue, claimed)


def test_a_late_finish_that_nobody_overtook_counts(store: Store, queue: Queue, clock: ManualClock) -> None:
    """The work is done; to do it again would help nobody."""
    _put(store, queue, "photo", "1")
    claimed = _claim(queue)
    clock.advance(timedelta(hours=1))
    _finish(store, queue, claimed)
    assert queue.counts() == {"queued": 0, "running": 0, "dead": 0}


def test_pauses_grow_and_vary(store: Store, clock: ManualClock) -> None:
    """Doubling from the configured seconds, each within its upper half, never beyond an hour."""
    queue = Queue(store, JobsSection(attempts=30, backoff_seconds=10), Random(3))
    _put(store, queue, "photo", "1")
    for attempt in range(1, 15):
        assert queue.fail(_claim(queue), DamError("no")) == "queued"
        with store.read() as connection:
            moment = connection.scalar(select(t.job.c.run_after))
        assert moment is not None
        longest = min(10 * 2 ** (attempt - 1), 3600)
        assert longest / 2 <= (moment - clock.now()).total_seconds() <= longest
        clock.set(moment)


def test_the_last_failure_is_a_dead_letter(store: Store, queue: Queue, clock: ManualClock) -> None:
    """After `attempts` it is given up, listed with its reason, and audited; it does not come back by itself."""
    job = _put(store, queue, "photo", "1")
    answers = []
    for _ in range(3):
        answers.append(queue.fail(_claim(queue), DamError("the DAM said 500")))
        clock.advance(timedelta(hours=2))
    assert answers == ["queued", "queued", "dead"]
    assert queue.claim() is None
    (dead,) = queue.dead()
    assert (dead.id, dead.kind, dead.key, dead.attempt, dead.error) == (
        job,
        "photo",
        "1",
        3,
        "DamError: the DAM said 500",
    )
    with store.read() as connection:
        assert connection.scalar(select(t.audit.c.action)) == Action.JOB_DEAD.value


def test_a_job_that_kills_its_process_ends_dead_too(store: Store, queue: Queue, clock: ManualClock) -> None:
    """Each claim counts an attempt, also one that nobody reported on; another job is served meanwhile."""
    _put(store, queue, "photo", "poison")
    for attempt in (1, 2, 3):
        assert _claim(queue).attempt == attempt
        clock.advance(timedelta(seconds=121))
    _put(store, queue, "photo", "good")
    assert _claim(queue).key == "good"
    (dead,) = queue.dead()
    assert (dead.key, dead.attempt) == ("poison", 3)
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(t.audit)) == 1


def test_a_dead_job_can_be_revived(store: Store, queue: Queue, clock: ManualClock) -> None:
    """It begins again with all its attempts; the letter is gone; an unknown one is said to be."""
    queue_once = Queue(store, JobsSection(attempts=1), Random(0))
    job = _put(store, queue_once, "photo", "1", {"n": 1})
    queue_once.fail(_claim(queue_once), DamError("no"))
    new = queue.revive(job, "admin")
    assert new != job
    revived = _claim(queue)
    assert (revived.id, revived.payload, revived.attempt) == (new, {"n": 1}, 1)
    assert queue.dead() == []
    with pytest.raises(NotFound, match="was given up"):
        queue.revive(job)


def test_a_full_queue_refuses_politely(store: Store, queue: Queue) -> None:
    """At the limit new jobs are refused with a time to come back; what is open already is absorbed, and what

    must not be refused (a revocation) is put all the same.
    """
    for number in range(5):
        _put(store, queue, "photo", str(number), bounded=True)
    with pytest.raises(QueueFull) as caught:
        _put(store, queue, "photo", "5", bounded=True)
    assert caught.value.retry_after == 10
    _put(store, queue, "photo", "4", bounded=True)
    _put(store, queue, "revoke", "1")
    assert queue.counts()["queued"] == 6


def test_a_library_that_is_compared_takes_no_place_from_events(store: Store, queue: Queue) -> None:
    """A night's jobs are as many as there are photographs, and nobody waits for them."""
    for number in range(20):
        _put(store, queue, "compare", str(number), priority=NIGHTLY)
    for number in range(5):
        _put(store, queue, "photo", str(number), bounded=True)
    assert _claim(queue).kind == "photo"
    _put(store, queue, "photo", "5", bounded=True)
    with pytest.raises(QueueFull):
        _put(store, queue, "photo", "6", bounded=True)


def test_errors_of_libraries_are_kept_by_name_only() -> None:
    """Their messages may quote a name, a path, a picture; ours may not, and are kept short."""
    assert describe_error(ValueError("Åsa's photo /home/asa/beach.jpg")) == "ValueError"
    assert describe_error(DamError("the DAM said 500")) == "DamError: the DAM said 500"
    assert len(describe_error(DamError("x" * 1000))) == 200


def test_eight_workers_share_a_queue(store: Store) -> None:
    """Each job goes to exactly one of them."""
    queue = Queue(store, JobsSection(), Random(0))
    with store.write() as tx:
        for number in range(80):
            queue.put(tx, "photo", str(number))
    taken: list[str] = []

    def work() -> None:
        while (claimed := queue.claim()) is not None:
            taken.append(claimed.key)
            _finish(store, queue, claimed)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A claim that found its row taken may say None early, never twice the same.
    while (claimed := queue.claim()) is not None:
        taken.append(claimed.key)
    assert sorted(taken, key=int) == [str(number) for number in range(80)]


# ---- what was asked for again is not lost ---------------------------------------------------------


def _last_try(store: Store, queue: Queue, clock: ManualClock, key: str = "1") -> ClaimedJob:
    """The job at its last attempt."""
    _put(store, queue, "erase", key, {"n": 1})
    for _ in range(_CONFIG.attempts - 1):
        queue.fail(_claim(queue), DamError("no"))
        clock.advance(timedelta(hours=2))
    return _claim(queue)


def test_what_is_asked_for_during_the_last_try_is_a_job_anew(store: Store, queue: Queue, clock: ManualClock) -> None:
    """With all its tries, the newest payload and the earliest moment; what was given up goes when that is done."""
    last = _last_try(store, queue, clock)
    _put(store, queue, "erase", "1", {"n": 2}, delay=timedelta(hours=1))
    _put(store, queue, "erase", "1", {"n": 3}, delay=timedelta(hours=5))
    assert queue.fail(last, DamError("no")) == "dead"
    assert queue.claim() is None
    clock.advance(timedelta(hours=1))
    anew = _claim(queue)
    assert (anew.payload, anew.attempt, anew.id != last.id) == ({"n": 3}, 1, True)
    assert [one.id for one in queue.dead()] == [last.id]
    _finish(store, queue, anew)
    assert queue.dead() == []
    assert queue.claim() is None


def test_what_is_asked_for_is_not_lost_when_the_process_is_killed(
    store: Store, queue: Queue, clock: ManualClock
) -> None:
    """At the last attempt: nobody reports, the lease runs out, and another worker finds it."""
    last = _last_try(store, queue, clock)
    _put(store, queue, "erase", "1", {"n": 2})
    clock.advance(timedelta(seconds=121))
    anew = _claim(queue)
    assert (anew.payload, anew.attempt, anew.id != last.id) == ({"n": 2}, 1, True)
    assert [one.id for one in queue.dead()] == [last.id]


def test_what_is_asked_for_several_times_comes_at_the_first_moment(
    store: Store, queue: Queue, clock: ManualClock
) -> None:
    """A later ask, meant for tomorrow, does not put off one that was meant for now."""
    _put(store, queue, "photo", "1")
    running = _claim(queue)
    _put(store, queue, "photo", "1", {"n": 2})
    _put(store, queue, "photo", "1", {"n": 3}, delay=timedelta(hours=24))
    _finish(store, queue, running)
    assert _claim(queue).payload == {"n": 3}


def test_a_poisoned_job_does_not_grow(store: Store, queue: Queue, clock: ManualClock) -> None:
    """Started again day after day it is one row, owed since it was asked for first."""
    asked = clock.now()
    _put(store, queue, "photo", "poison")
    for _ in range(5):
        for _ in range(_CONFIG.attempts):
            queue.fail(_claim(queue), DamError("no"))
            clock.advance(timedelta(hours=2))
        assert queue.claim() is None
        (dead,) = queue.dead()
        clock.advance(timedelta(hours=20))
        with store.write() as tx:
            assert len(queue.begin_again(tx, t.job.c.id == dead.id, "system")) == 1
    with store.read() as connection:
        assert connection.execute(select(t.job.c.state, t.job.c.created_at)).all() == [("queued", asked)]


def test_what_was_asked_for_anew_keeps_its_payload(store: Store, queue: Queue, clock: ManualClock) -> None:
    """One that was given up and is begun again says nothing against what somebody asked for since."""
    last = _last_try(store, queue, clock)
    queue.fail(last, DamError("no"))
    new = _put(store, queue, "erase", "1", {"n": 9})
    assert queue.revive(last.id) == new
    assert queue.dead() == []
    assert _claim(queue).payload == {"n": 9}
    assert queue.claim() is None


def test_one_that_waits_for_another_try_comes_at_once(store: Store, queue: Queue) -> None:
    """Where somebody says so: its pause is over, its tries go on."""
    job = _put(store, queue, "photo", "1")
    queue.fail(_claim(queue), DamError("no"))
    assert queue.claim() is None
    assert queue.revive(job, "admin") == job
    assert _claim(queue).attempt == 2
    with pytest.raises(NotFound, match="jobs list"):
        queue.revive(job)


def test_what_is_put_back_is_the_next_workers(store: Store, queue: Queue, clock: ManualClock) -> None:
    """At once, or once its holder is gone; its old token is good no more, and one that was lost is left alone."""
    _put(store, queue, "photo", "7")
    first = _claim(queue)
    queue.put_back(first)
    second = _claim(queue)
    assert (second.id, second.attempt) == (first.id, 2)
    with pytest.raises(LeaseLost):
        queue.put_back(first)
    queue.put_back(second, timedelta(seconds=9))
    assert queue.claim() is None
    clock.advance(timedelta(seconds=9))
    assert _claim(queue).id == first.id


def test_a_job_that_is_left_out_is_not_claimed(store: Store, queue: Queue, clock: ManualClock) -> None:
    """Not even once its lease ran out: its thread is at it still."""
    _put(store, queue, "photo", "7")
    claimed = _claim(queue)
    clock.advance(timedelta(seconds=121))
    assert queue.claim(but=[claimed.id]) is None
    assert queue.claim(["photo"], but=[claimed.id + 1]) is not None
