"""The daily comparison goes in rounds: no row of the queue for each photograph, and nothing keeps the rest from it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from plugin.clock import ManualClock
from plugin.errors import DamError
from plugin.flows.common.services import Services
from plugin.flows.photos import comparison, scan_queue, tagging
from plugin.flows.schedule import calendar, reconciliation
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import IS_OPEN
from plugin.recognizer.process.examiner import Examiner
from sidecar.doctor import worker_checks
from sidecar.running.runner import Runner
from tests import support

COUNT = 23


class Looks:
    """Who is looked at, in the place of looking: the rounds are judged, not what a look finds."""

    def __init__(self) -> None:
        self.at: list[str] = []
        self.bad: set[str] = set()
        self.dies_at = ""

    def __call__(self, _services: Services, ref: str) -> None:
        if ref == self.dies_at:
            raise KeyboardInterrupt
        if ref in self.bad:
            raise DamError("the DAM failed")
        self.at.append(ref)


class AwayDam:
    """A DAM that does not answer."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def collections(self) -> Any:
        raise DamError("the DAM is away")


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """So many photographs in the ledger, on each store."""
    config = support.configuration(tmp_path)
    with support.opened(config, clock, examiner) as services:
        with services.store.write() as tx:
            for number in range(COUNT):
                _photograph(tx, number)
        yield services


def _photograph(tx: Any, number: int) -> None:
    ref = f"shoot/{number:03}.jpg"
    tx.execute(insert(t.resource).values(ref=ref, file_version="v", kind="photo", examined="whole", seen_at=tx.now))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Portions of five."""
    looks = Looks()
    monkeypatch.setattr(tagging, "compare_photo", looks)
    monkeypatch.setattr(comparison, "PORTION", 5)
    return looks


ALL = [f"shoot/{number:03}.jpg" for number in range(COUNT)]


def _jobs(services: Services, kind: str = comparison.JOB) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(t.job).where(t.job.c.kind == kind, IS_OPEN)) or 0


def _one(services: Services) -> bool:
    return Runner(services).run_one([comparison.JOB])


def test_a_round_compares_each_once_and_needs_few_rows(house: Services, looks: Looks) -> None:
    """Never more rows of the queue than lanes; afterwards none, and the end is noted."""
    assert comparison.begin_round(house) == COUNT
    assert _jobs(house) == house.config.recognizer.processes
    while _one(house):
        assert _jobs(house) <= house.config.recognizer.processes
    assert sorted(looks.at) == ALL
    now = comparison.find_round(house)
    assert (now.left, now.is_over, _jobs(house)) == (0, True, 0)


def test_what_was_not_reached_goes_on_the_next_day(house: Services, looks: Looks, clock: ManualClock) -> None:
    """Nothing begins anew, and nothing is asked for twice; the round after it takes all again."""
    comparison.begin_round(house)
    began = comparison.find_round(house).began_at
    for _ in range(2):
        _one(house)
    clock.advance(timedelta(days=1))
    comparison.begin_round(house)
    assert (comparison.find_round(house).began_at, comparison.find_round(house).left) == (began, COUNT - len(looks.at))
    while _one(house):
        pass
    assert sorted(looks.at) == ALL
    comparison.begin_round(house)
    while _one(house):
        pass
    assert sorted(looks.at) == sorted(ALL * 2)


def test_by_hand_the_whole_library_is_compared_from_now_on(house: Services, looks: Looks) -> None:
    """Also what the round under way had compared before; without taking a turn from what it had not reached."""
    comparison.begin_round(house)
    for _ in range(2):
        _one(house)
    before = len(looks.at)
    comparison.begin_round(house, whole=True)
    while _one(house):
        pass
    assert sorted(set(looks.at[before:])) == ALL
    assert comparison.find_round(house).is_over


def test_a_killed_worker_repeats_one_portion(house: Services, looks: Looks, clock: ManualClock) -> None:
    """What it had in hand is taken up when its lease is over; none is left out."""
    looks.dies_at = ALL[7]
    comparison.begin_round(house)
    with pytest.raises(KeyboardInterrupt):
        Runner(house).drain([comparison.JOB])
    looks.dies_at = ""
    clock.advance(timedelta(seconds=house.config.jobs.lease_seconds + 1))
    while _one(house):
        pass
    assert set(looks.at) == set(ALL)
    assert len(looks.at) <= COUNT + comparison.PORTION
    assert comparison.find_round(house).is_over


def test_one_that_fails_keeps_none_of_the_others(house: Services, looks: Looks) -> None:
    """Six in a row that nobody can read, and a DAM that is there: each has a job of its own, the round ends."""
    looks.bad = set(ALL[3:9])
    comparison.begin_round(house)
    while _one(house):
        pass
    assert sorted(looks.at) == [ref for ref in ALL if ref not in looks.bad]
    assert (_jobs(house, "compare"), comparison.find_round(house).is_over) == (6, True)


def test_a_dam_that_is_away_makes_no_rows(house: Services, looks: Looks, clock: ManualClock) -> None:
    """The round waits where it was, for days; it goes on when the DAM is back."""
    away = replace(house, dam=AwayDam(house.dam))
    looks.bad = set(ALL)
    comparison.begin_round(away)
    for _ in range(20):
        while _one(away):
            pass
        clock.advance(timedelta(minutes=6))
    assert (_jobs(away, "compare"), away.queue.counts()["dead"], comparison.find_round(away).is_over) == (0, 0, False)
    looks.bad = set()
    while _one(house):
        pass
    assert sorted(looks.at) == ALL
    assert comparison.find_round(house).is_over


def test_a_photograph_that_kills_its_process_is_taken_alone(house: Services, looks: Looks, clock: ManualClock) -> None:
    """After three tries each of its portion is asked for by itself."""
    looks.dies_at = ALL[1]
    comparison.begin_round(house)
    for _ in range(8):
        try:
            while _one(house):
                pass
        except KeyboardInterrupt:
            clock.advance(timedelta(seconds=house.config.jobs.lease_seconds + 1))
    assert comparison.find_round(house).is_over
    assert set(looks.at) | set(ALL[:5]) == set(ALL)
    assert _jobs(house, "compare") == comparison.PORTION


def test_events_are_taken_before_it_and_beside_it(house: Services, looks: Looks) -> None:
    """A queue that is full of what the night asks for refuses nobody, and what somebody waits for goes first."""
    small = replace(
        house, queue=type(house.queue)(house.store, house.config.jobs.model_copy(update={"limit": 1}), Random(1))
    )
    comparison.begin_round(small)
    with small.store.write() as tx:
        small.queue.put(tx, "photo", "a/new/one.jpg", bounded=True)
    first = small.queue.claim()
    assert first is not None
    assert first.key == "a/new/one.jpg"


def test_what_comes_while_a_round_goes_on_is_no_gap(house: Services, looks: Looks) -> None:
    """A new photograph lies behind the mark and is compared in it; one that went needs no turn."""
    comparison.begin_round(house)
    _one(house)
    with house.store.write() as tx:
        _photograph(tx, COUNT)
        tx.execute(update(t.resource).where(t.resource.c.ref == ALL[-1]).values(deleted_at=tx.now))
    while _one(house):
        pass
    assert sorted(looks.at) == sorted({*ALL, f"shoot/{COUNT:03}.jpg"} - {ALL[-1]})
    assert comparison.find_round(house).is_over


def test_a_dam_that_was_set_back_is_compared_with_what_was_gone_too(house: Services, looks: Looks) -> None:
    with house.store.write() as tx:
        tx.execute(update(t.resource).where(t.resource.c.ref.in_(ALL[:8])).values(deleted_at=tx.now))
    comparison.begin_round(house, whole=True, gone=True)
    while _one(house):
        pass
    assert sorted(looks.at) == ALL
    assert comparison.find_round(house).is_over


def test_two_hands_at_work_leave_nothing_out(house: Services, looks: Looks) -> None:
    """Two workers hold a portion each, and end in the other order."""
    wide = house.config.recognizer.model_copy(update={"processes": 2})
    two = replace(house, config=house.config.model_copy(update={"recognizer": wide}))
    comparison.begin_round(two)
    one, other = two.queue.claim([comparison.JOB]), two.queue.claim([comparison.JOB])
    assert one is not None
    assert other is not None
    comparison.handle_portion(two, other)
    comparison.handle_portion(two, one)
    while _one(two):
        pass
    assert sorted(looks.at) == ALL


def test_the_doctor_tells_of_it(house: Services, looks: Looks, clock: ManualClock) -> None:
    """Not before the first; well while one goes on; with its number when it takes longer than a day."""
    assert not worker_checks.check_comparison(house).looked
    comparison.begin_round(house)
    assert worker_checks.check_comparison(house).ok
    clock.advance(timedelta(days=1, hours=1))
    assert not worker_checks.check_comparison(house).ok
    assert str(COUNT) in worker_checks.check_comparison(house).said
    while _one(house):
        pass
    assert worker_checks.check_comparison(house).ok


def test_by_hand_it_says_what_is_open(house: Services, looks: Looks) -> None:
    """Before its jobs are done the outcome is not."""
    begun = reconciliation.begin_reconciliation(house)
    assert not reconciliation.find_outcome(house, begun).done
    while _one(house):
        pass
    chores_left = reconciliation.find_outcome(house, begun).open
    assert comparison.JOB not in chores_left
    assert scan_queue.LATE_JOB not in chores_left
    assert calendar.HANDLERS[comparison.JOB] is comparison.handle_portion
