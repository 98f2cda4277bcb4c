"""What was promised and is late stands in the doctor, with its number, until it is done; and what is called well."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from plugin.clock import ManualClock
from plugin.errors import DamError
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar
from plugin.flows.tags import intents
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import WaitingKind
from plugin.ledger import tables as t
from plugin.words.catalogues import LANGUAGES
from sidecar.commands.demo import samples
from sidecar.doctor import checks, machine_checks
from sidecar.words import staff_words
from tests import on_double, support
from tests.doubles.resourcespace import Double

HOURS = timedelta(hours=2)
OWED = [kind for kind in WaitingKind if kind.value.startswith("owed_")]


@pytest.fixture
def dated(dated: Services) -> Services:
    """Nothing is owed there."""
    assert owed(dated) == {}
    return dated


def owed(services: Services) -> dict[WaitingKind, int]:
    return {one.kind: one.count for one in waiting_list.list_counts(services) if one.kind in OWED}


def _asa(services: Services) -> str:
    with services.store.read() as conn:
        return str(conn.scalar(t.person.select().with_only_columns(t.person.c.id)))


def _red(services: Services, clock: ManualClock, kind: WaitingKind) -> bool:
    return [one.ok for one in checks.run_checks(services.config, clock) if one.code == kind.value] == [False]


def test_a_withdrawal_and_its_dates_that_the_dam_does_not_take(
    dated: Services, double: Double, clock: ManualClock
) -> None:
    """Not yet after a minute; red after an hour, though the job is neither done nor given up; gone when it is done."""
    double.faults = lambda function: "500"
    withdrawal.withdraw(dated, _asa(dated), None, "test")
    support.Cast(dated).work()
    assert owed(dated) == {}
    clock.advance(HOURS)
    assert owed(dated)[WaitingKind.OWED_REVOCATIONS] == 1
    double.faults = lambda function: None
    assert _red(dated, clock, WaitingKind.OWED_REVOCATIONS)
    support.Cast(dated).work()
    assert owed(dated) == {}


def test_a_withdrawal_whose_job_was_given_up_and_forgotten(dated: Services, clock: ManualClock) -> None:
    """The names stand, and no job says so any more."""
    withdrawal.withdraw(dated, _asa(dated), None, "test")
    with dated.store.write() as tx:
        tx.execute(t.job.delete())
    clock.advance(HOURS)
    assert owed(dated)[WaitingKind.OWED_REVOCATIONS] == 1


def test_an_erasure_that_does_not_end(dated: Services, double: Double, clock: ManualClock) -> None:
    """Also where its job is gone; asked for again it goes on from there."""
    double.faults = lambda function: "500"
    assert erasure.erase(dated, _asa(dated), "test").finished_at is None
    assert WaitingKind.OWED_ERASURES not in owed(dated)
    clock.advance(HOURS)
    assert owed(dated)[WaitingKind.OWED_ERASURES] == 1
    with dated.store.write() as tx:
        tx.execute(t.job.delete())
    assert owed(dated)[WaitingKind.OWED_ERASURES] == 1
    double.faults = lambda function: None
    assert erasure.erase(dated, _asa(dated), "test").finished_at is not None
    assert WaitingKind.OWED_ERASURES not in owed(dated)


def test_a_date_whose_job_was_given_up(dated: Services, double: Double, clock: ManualClock) -> None:
    """Housekeeping asks for it again: what is wished for and was not told is known without the job."""
    with dated.store.write() as tx:
        tx.execute(update(t.statement).values(wanted={"website": ""}, wanted_at=tx.now, stated_at=None))
    clock.advance(HOURS)
    assert owed(dated)[WaitingKind.OWED_DATES] == 1
    calendar.run_housekeeping(dated)
    support.Cast(dated).work()
    assert WaitingKind.OWED_DATES not in owed(dated)


def test_a_name_of_which_nobody_knows_whether_it_was_written(dated: Services, clock: ManualClock) -> None:
    with dated.store.write() as tx:
        one = tx.connection.scalar(t.resource.select().with_only_columns(t.resource.c.id))
        proposal = intents.NewIntent(one or 0, _asa(dated), "Åsa", "add", "machine", on_double.NODE)
        intents.propose(dated, tx, proposal)
    assert owed(dated) == {}
    clock.advance(HOURS)
    assert owed(dated)[WaitingKind.OWED_WRITES] == 1


def test_work_that_nobody_does(services: Services, cast: support.Cast, clock: ManualClock) -> None:
    """Without a worker: what takes a minute is late after an hour, photographs after a day."""
    cast.sign(cast.add("Bo"), recognition=False)
    with services.store.write() as tx:
        services.queue.put(tx, "photo", "shoot/a.jpg")
    clock.advance(HOURS)
    assert owed(services)[WaitingKind.OWED_JOBS] == 1
    clock.advance(timedelta(days=1))
    assert owed(services)[WaitingKind.OWED_JOBS] == 2
    assert _red(services, clock, WaitingKind.OWED_JOBS)
    cast.work()
    assert owed(services) == {}


def test_work_that_is_tried_again_and_again(services: Services, clock: ManualClock) -> None:
    """Its next try lies ahead, and it is neither done nor given up: late all the same."""
    with services.store.write() as tx:
        services.queue.put(tx, "recompute", "somebody")
        tx.execute(update(t.job).values(attempt=3, run_after=tx.now + timedelta(days=1)))
    clock.advance(HOURS)
    assert owed(services)[WaitingKind.OWED_JOBS] == 1


def test_letters(services: Services, clock: ManualClock) -> None:
    """One that waits and one that was refused; after a month the refused one is told no more."""
    with services.store.write() as tx:
        for state, error in (("queued", None), ("failed", "550")):
            values = {"id": state, "cause": state, "kind": "invite", "data": {}, "language": "en", "state": state}
            tx.execute(insert(t.mail).values(**values, created_at=tx.now, finished_at=tx.now, error=error))
    assert owed(services)[WaitingKind.OWED_LETTERS] == 1
    clock.advance(timedelta(hours=3))
    assert owed(services)[WaitingKind.OWED_LETTERS] == 2
    clock.advance(timedelta(days=31))
    assert owed(services)[WaitingKind.OWED_LETTERS] == 1
    found = [one for one in checks.run_checks(services.config, clock) if one.what == "letters"]
    assert [one.ok for one in found] == [False]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_is_said_in_both_languages(language: str) -> None:
    for kind in OWED:
        for count in (1, 7):
            said = staff_words.waiting(waiting_list.WaitingCount(kind, count, True, ()), language)
            assert said.title
            assert str(count) in said.said
            assert "facelease" in said.mend


# ---- green only about what was looked at ---------------------------------------------------------


def test_a_folder_that_is_not_mounted_is_not_well(
    services: Services, cast: support.Cast, photos: Path, clock: ManualClock
) -> None:
    """It is there, and empty: what we know of is not in it."""
    ref = support.put(photos, "shoot/one.jpg", samples.B_STANDING, (300, 400))
    calendar.poll_dam(services)
    cast.work()
    what = [one for one in checks.run_checks(services.config, clock) if one.what == "DAM"]
    assert [one.ok for one in what] == [True]
    (photos / ref).unlink()
    (photos / "shoot").rmdir()
    what = [one for one in checks.run_checks(services.config, clock) if one.what == "DAM"]
    assert [one.ok for one in what] == [False]


@pytest.mark.parametrize("script", ["exit 1", "echo broken", "kill -9 $$"])
def test_an_exiftool_that_does_not_work_is_not_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    assert machine_checks.check_exiftool().ok
    tool = tmp_path / "exiftool"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert not machine_checks.check_exiftool().ok


def test_what_is_not_there_is_not_called_well(services: Services, clock: ManualClock) -> None:
    """Files, mail, the DAM's names, templates, the key of names: a line that says so, and no ok."""
    found = {one.what: one for one in checks.run_checks(services.config, clock)}
    unseen = ("mail server", "names", "templates", "key of names", "events of the DAM")
    assert {what: found[what].looked for what in unseen} == dict.fromkeys(unseen, False)
    assert not found["permissions of session.key"].looked
    (services.config.path(services.config.keys.names_file)).unlink()
    again = {one.what: one for one in checks.run_checks(services.config, clock)}
    assert not again["permissions of names.key"].looked


def test_the_doctor_says_what_it_could_not_ask(dated: Services, double: Double, clock: ManualClock) -> None:
    """A DAM that does not answer has a red line, and nothing that only it knows is called well."""
    double.faults = lambda function: "500"
    found = {one.what: one for one in checks.run_checks(dated.config, clock)}
    assert not found["DAM"].ok
    with pytest.raises(DamError):
        dated.dam.collections()
    assert not any(found[what].ok and found[what].looked for what in ("names", "in the DAM") if what in found)
