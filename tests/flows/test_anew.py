"""What is stored of clearance follows the configuration that it rests on: unknown meanwhile, never yes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.flows.clearance import cleared_photos, photo_answers, policy_fingerprint
from plugin.flows.common import valid_clearances
from plugin.flows.common.services import Services
from plugin.flows.photos import recompute_library
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.doctor import checks
from tests import support
from tests.flows.test_statements import Dated, shown
from tests.program import photograph

PHOTOS = 5


@pytest.fixture
def library(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """Five photographs of Åsa, named by the machine, which this configuration clears for the website."""
    with support.opened(support.configuration(tmp_path), clock, examiner, wrap=Dated) as services:
        cast = support.Cast(services)
        calendar.start_process(services)
        asa = cast.add("Åsa", birth_date=services.today() - timedelta(days=17 * 366))
        cast.sign(asa, channels=("website", "social media"))
        ids = [photograph(services, f"shoot/{n}.jpg", asa) for n in range(PHOTOS)]
        with services.store.write() as tx:
            tx.execute(update(t.tag).values(origin="machine"))
            photo_answers.recompute(services, tx, ids)
        cast.work()
        yield services


def changed(services: Services, section: str, **settings: Any) -> Services:
    """The same house under another configuration, as after a restart."""
    part = getattr(services.config, section).model_copy(update=settings)
    return replace(services, config=services.config.model_copy(update={section: part}))


def listed(services: Services, channel: str = "website") -> int:
    """How many photographs the library says are cleared now."""
    with services.store.read() as conn:
        return cleared_photos.count(conn, cleared_photos.span_now(services, "communication", channel))


def dates(services: Services) -> list[Any]:
    return [day["website"] for day in shown(services).values() if day["website"]]


def test_a_stricter_configuration_ends_every_yes_at_its_first_start(library: Services) -> None:
    """Before any job has run nothing is listed; afterwards what the rules say, in the DAM's dates as well."""
    assert (listed(library), len(dates(library))) == (PHOTOS, PHOTOS)
    strict = changed(library, "clearance", needs_confirmed=True)
    calendar.start_process(strict)
    assert listed(strict) == 0
    support.Cast(strict).work()
    assert listed(strict) == 0
    assert dates(strict) == []


@pytest.mark.parametrize(
    ("section", "settings", "count"),
    [
        ("clearance", {"small_figures_block": True}, PHOTOS),
        ("matching", {"count_px": 25}, PHOTOS),
        ("minors", {"age": 18}, 0),
        ("minors", {"guardians": 2}, PHOTOS),
        ("minors", {"recognition_from": 8}, PHOTOS),
        ("site", {"timezone": "America/New_York"}, PHOTOS),
        ("clearance", {"purposes": ("communication", "commercial")}, PHOTOS),
        ("clearance", {"channels": ("website",)}, PHOTOS),
    ],
)
def test_each_setting_that_an_interval_rests_on_counts(
    library: Services, section: str, settings: dict[str, Any], count: int
) -> None:
    """Unknown at once, and then what the rules say of each photograph when it is asked by itself."""
    other = changed(library, section, **settings)
    calendar.start_process(other)
    assert listed(other) == 0
    support.Cast(other).work()
    refs = [f"shoot/{n}.jpg" for n in range(PHOTOS)]
    asked = [photo_answers.answer_photo(other, ref, "communication", "website").status.value for ref in refs]
    assert listed(other) == asked.count("cleared") == count


def test_a_new_channel_is_listed_once_it_is_configured(library: Services) -> None:
    """Åsa signed for it before the house had it."""
    wider = changed(library, "clearance", channels=("website", "press", "social media"))
    calendar.start_process(wider)
    support.Cast(wider).work()
    assert listed(wider, "social media") == PHOTOS


def test_the_same_configuration_costs_nothing(library: Services) -> None:
    """No row is touched and no job asked for, also where only other settings differ."""
    other = changed(library, "clearance", horizon_days=60)
    with library.store.read() as conn:
        before = conn.execute(select(t.clearance)).all()
        jobs = conn.execute(select(t.job.c.id)).all()
    calendar.start_process(other)
    with library.store.read() as conn:
        assert conn.execute(select(t.clearance)).all() == before
        assert conn.execute(select(t.job.c.id)).all() == jobs


def test_a_crash_loses_no_progress(library: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies with the second part in hand: another takes up that one, not the first."""
    monkeypatch.setattr(recompute_library, "PORTION", 2)
    other = changed(library, "matching", count_px=25)
    calendar.start_process(other)
    assert recompute_library.count_left(other) == PHOTOS
    first = other.queue.claim(["anew"])
    assert first is not None
    recompute_library.handle_portion(other, first)
    assert (listed(other), recompute_library.count_left(other)) == (2, 3)
    assert other.queue.claim(["anew"]) is not None  # and its process dies
    clock.advance(timedelta(seconds=other.config.jobs.lease_seconds + 1))
    support.Cast(other).work()
    assert (listed(other), recompute_library.count_left(other)) == (PHOTOS, 0)


def test_a_change_while_the_last_one_is_worked_on_begins_anew(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of the work for the configuration before is dropped, also where a part is in hand."""
    monkeypatch.setattr(recompute_library, "PORTION", 2)
    second = changed(library, "matching", count_px=25)
    calendar.start_process(second)
    job = second.queue.claim(["anew"])
    assert job is not None
    third = changed(library, "matching", count_px=26)
    calendar.start_process(third)
    recompute_library.handle_portion(second, job)
    support.Cast(third).work()
    assert (listed(third), third.queue.counts()["dead"]) == (PHOTOS, 0)


def test_a_process_of_another_configuration_stores_no_yes(library: Services, clock: ManualClock) -> None:
    """It was not restarted: what it computes is unknown, and the work waits for a process that may do it."""
    strict = changed(library, "clearance", needs_confirmed=True)
    calendar.start_process(strict)
    photo_answers.recompute_many(library, [1, 2])
    support.Cast(library).work()
    with library.store.read() as conn:
        assert conn.execute(select(t.clearance).where(valid_clearances.is_valid(conn))).all() == []
        assert not policy_fingerprint.is_shared(library, conn)
    assert not checks._check_clearances(library).ok
    assert recompute_library.count_left(strict) == PHOTOS
    clock.advance(timedelta(minutes=2))
    support.Cast(strict).work()
    assert recompute_library.count_left(strict) == 0
    assert checks._check_clearances(strict).ok
