"""J1 and J2: every job is done at least once whatever is killed, and a poisoned one stops no other."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from multiprocessing.process import BaseProcess
from random import Random

import pytest
from sqlalchemy import func, insert, select, update

from plugin.clock import SystemClock
from plugin.config import JobsSection
from plugin.errors import DamError, LeaseLost
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob, Queue
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Store, init_store

Promise = Callable[[str, str], None]
Work = Callable[[Store, ClaimedJob, Random], None]

_SOAK = JobsSection(lease_seconds=1, attempts=1000, backoff_seconds=1)
_POISON = JobsSection(lease_seconds=1, attempts=3, backoff_seconds=1)


@pytest.fixture
def real(store_url: str) -> Iterator[Store]:
    """A store on the machine's clock: leases of real processes run out in real time."""
    opened = init_store(store_url, SystemClock())
    yield opened
    opened.close()


def _loop(store: Store, config: JobsSection, work: Work, seed: int) -> None:
    """What a worker process does until it is killed."""
    random = Random(seed)
    queue = Queue(store, config, random)
    while True:
        claimed = queue.claim()
        if claimed is None:
            time.sleep(0.02)
            continue
        try:
            work(store, claimed, random)
            with store.write() as tx:
                tx.execute(
                    insert(t.event).values(
                        id=f"{claimed.key} {claimed.attempt} {os.urandom(8).hex()}", received_at=tx.now
                    )
                )
                queue.finish(tx, claimed)
        except LeaseLost:
            continue
        except DamError as error:
            with contextlib.suppress(LeaseLost):
                queue.fail(claimed, error)


class _Crew:
    """Two worker processes; whoever dies is replaced."""

    def __init__(self, store: Store, config: JobsSection, work: Work) -> None:
        self._arguments = (store, config, work)
        self._seed = 0
        self.workers = [self._start(), self._start()]

    def _start(self) -> BaseProcess:
        self._seed += 1
        context = multiprocessing.get_context("fork")
        worker = context.Process(target=_loop, args=(*self._arguments, self._seed), daemon=True)
        worker.start()
        return worker

    def replace_dead(self) -> None:
        self.workers = [worker if worker.is_alive() else self._start() for worker in self.workers]

    def kill(self, which: int) -> None:
        worker = self.workers[which]
        if worker.pid is not None and worker.is_alive():
            os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        self.replace_dead()

    def stop(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.join()


def _soak_work(_store: Store, _claimed: ClaimedJob, random: Random) -> None:
    """Mostly quick; now and then it fails, or stalls past its lease and comes back too late."""
    time.sleep(random.uniform(0, 0.03))
    chance = random.random()
    if chance < 0.02:
        raise DamError("the DAM timed out")
    if chance < 0.04:
        time.sleep(1.2)


def _completions(store: Store) -> dict[str, int]:
    """How often each key was completed: by the rows that committed with `finish`."""
    found: dict[str, int] = {}
    with store.read() as connection:
        for name in connection.scalars(select(t.event.c.id)):
            key = name.split()[0]
            found[key] = found.get(key, 0) + 1
    return found


@pytest.mark.promise
def test_every_job_is_done_whatever_is_killed(real: Store, promise: Promise, full: bool) -> None:
    """Two processes, killed at random moments: no job is lost, none stays stuck, none completes twice."""
    jobs, kills = (3_000, 200) if full else (240, 15)
    queue, random = Queue(real, _SOAK, Random(0)), Random(7)
    crew = _Crew(real, _SOAK, _soak_work)
    done = put = 0
    deadline = time.monotonic() + (600 if full else 60)
    try:
        while (done < kills or put < jobs or queue.counts()["queued"] + queue.counts()["running"]) and (
            time.monotonic() < deadline
        ):
            with real.write() as tx:
                for _ in range(min(jobs // 20, jobs - put)):
                    queue.put(tx, "photo", f"key{put}", {"n": put}, priority=random.randrange(9))
                    put += 1
            time.sleep(random.uniform(0.02, 0.25))
            if done < kills:
                crew.kill(random.randrange(2))
                done += 1
    finally:
        crew.stop()
    completed, counts = _completions(real), queue.counts()
    lost = sum(f"key{number}" not in completed for number in range(jobs))
    stuck = counts["queued"] + counts["running"] + counts["dead"]
    twice = sum(times > 1 for times in completed.values())
    promise("J1", f"({real.kind}) jobs {jobs}, kills {done}, lost {lost}, stuck {stuck}, completed twice {twice}")
    assert (lost, stuck, twice, len(completed)) == (0, 0, 0, jobs)
    with real.read() as connection:
        retried = any(int(name.split()[1]) > 1 for name in connection.scalars(select(t.event.c.id)))
    assert retried, "no job was ever taken over: the kills hit nothing"


def _poison_work(_store: Store, claimed: ClaimedJob, _random: Random) -> None:
    if claimed.kind == "fails":
        raise DamError("the DAM says no")
    if claimed.kind == "kills":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.01)


@pytest.mark.promise
def test_a_poisoned_job_does_not_stop_the_others(real: Store, promise: Promise) -> None:
    """One job always fails, one kills its process: both end dead and are told, the others are hardly delayed."""
    queue, count = Queue(real, _POISON, Random(0)), 60
    crew = _Crew(real, _POISON, _poison_work)
    with real.write() as tx:
        queue.put(tx, "fails", "f", priority=1)
        queue.put(tx, "kills", "k", priority=1)
        for number in range(count):
            queue.put(tx, "photo", f"key{number}")
        put_at = tx.now
    deadline = time.monotonic() + 40
    try:
        while (len(queue.dead()) < 2 or len(_completions(real)) < count) and time.monotonic() < deadline:
            time.sleep(0.02)
            crew.replace_dead()
    finally:
        crew.stop()
    with real.read() as connection:
        last = connection.scalar(select(func.max(t.event.c.received_at)))
        alerts = connection.scalar(select(func.count()).where(t.audit.c.action == Action.JOB_DEAD.value))
    assert last is not None
    delay = (last - put_at).total_seconds()
    dead = {job.kind: job.error for job in queue.dead()}
    promise(
        "J2", f"({real.kind}) {count} others delayed at most {delay:.1f} s; dead letters {len(dead)}, alerts {alerts}"
    )
    assert dead == {"fails": "DamError: the DAM says no", "kills": "its process died or overran its lease each time"}
    assert alerts == 2
    assert len(_completions(real)) == count
    assert delay < 5


def test_a_stalled_worker_cannot_finish_what_another_has(real: Store) -> None:
    """Its transaction, effect included, is undone: the token is no longer its own."""
    queue = Queue(real, _SOAK, Random(0))
    with real.write() as tx:
        queue.put(tx, "photo", "1")
    mine = queue.claim()
    assert mine is not None
    with real.write() as tx:
        tx.execute(update(t.job).values(lease_until=tx.now - timedelta(seconds=1)))
    theirs = queue.claim()
    assert theirs is not None

    def finish_late() -> None:
        with real.write() as tx:
            tx.execute(insert(t.event).values(id="effect", received_at=tx.now))
            queue.finish(tx, mine)

    with pytest.raises(LeaseLost):
        finish_late()
    assert _completions(real) == {}
    with real.write() as tx:
        queue.finish(tx, theirs)
    assert queue.counts() == {"queued": 0, "running": 0, "dead": 0}
