"""What is owed is asked for from the ledger, started again once a day, told, and shown with "try again"."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from plugin.clock import ManualClock
from plugin.errors import DamError
from plugin.flows.common import overdue
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar, overdue_letter, retention, retries
from plugin.flows.tags import intents
from plugin.ledger import tables as t
from plugin.ledger.store.actions import Action
from plugin.recognizer.process.examiner import Examiner
from plugin.words.catalogues import LANGUAGES, Words
from sidecar.commands.common import Shell
from sidecar.commands.jobs import jobs
from sidecar.doctor import checks
from sidecar.running.runner import Runner
from tests import on_double, staff, support
from tests.doubles.resourcespace import Double
from tests.posting import Post

DAY = timedelta(days=1)


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


def give_up(services: Services, kind: str, key: str, **more: Any) -> int:
    """A job that failed at every attempt, this moment."""
    with services.store.write() as tx:
        job = services.queue.put(tx, kind, key, more.pop("payload", None))
        dead = {"state": "dead", "attempt": 8, "finished_at": tx.now, "error": "DamError: away", **more}
        tx.execute(update(t.job).where(t.job.c.id == job).values(**dead))
    return job


def states(services: Services) -> dict[str, str]:
    with services.store.read() as conn:
        return {row.kind: row.state for row in conn.execute(select(t.job.c.kind, t.job.c.state))}


# ---- each kind of work ---------------------------------------------------------------------------


def test_of_each_kind_is_said_how_it_is_known_to_be_owed() -> None:
    """A kind that is added must say so, and have words for the staff."""
    assert retries.OWED.keys() | retries.REMEMBERED.keys() == calendar.HANDLERS.keys()
    assert not retries.OWED.keys() & retries.REMEMBERED.keys()
    assert all(retries.REMEMBERED.values())
    for language in LANGUAGES:
        assert Words("job", language).keys() == calendar.HANDLERS.keys()


def test_a_worker_starts_it_again_when_it_starts(services: Services, clock: ManualClock) -> None:
    """Nobody waits for the next hour, and nobody has to do anything."""
    give_up(services, "recompute", "somebody")
    clock.advance(DAY)
    stop = threading.Event()
    worker = threading.Thread(target=Runner(services).run, args=(stop,))
    worker.start()
    end = time.monotonic() + 20
    while services.queue.counts()["dead"] and time.monotonic() < end:
        time.sleep(0.02)
    stop.set()
    worker.join()
    assert services.queue.counts()["dead"] == 0


def test_a_computation_that_nobody_asks_for_is_asked_for(services: Services) -> None:
    """How far a change of the configuration has come says the store, also where its job is lost."""
    calendar.start_process(services)
    with services.store.write() as tx:
        tx.execute(update(t.state).values(anew_after=7))
    assert retries.retry_owed(services) == 1
    assert states(services) == {"anew": "queued"}
    support.Cast(services).work()
    with services.store.read() as conn:
        assert conn.scalar(select(t.state.c.anew_after)) is None


def test_whatever_was_given_up_is_started_again_once_a_day(services: Services, clock: ManualClock) -> None:
    """Of every kind, with its payload; not a moment after it was given up, whoever starts a worker how often."""
    for kind in calendar.HANDLERS:
        give_up(services, kind, "key", payload={"after": 7})
    assert retries.retry_owed(services) == 0
    clock.advance(retries.PAUSE - timedelta(seconds=1))
    assert retries.retry_owed(services) == 0
    clock.advance(timedelta(seconds=1))
    assert retries.retry_owed(services) == len(calendar.HANDLERS)
    assert set(states(services).values()) == {"queued"}
    assert retries.retry_owed(services) == 0
    with services.store.read() as conn:
        assert {row.after for row in conn.execute(select(t.job.c.payload["after"].label("after")))} == {7}


def test_what_was_given_up_is_never_too_old(services: Services, clock: ManualClock) -> None:
    """Where no worker ran for longer than rows are kept."""
    give_up(services, "remode", "shoot")
    clock.advance(timedelta(days=400))
    calendar.run_housekeeping(services)
    assert states(services)["remode"] == "queued"


def test_a_library_that_was_given_up_is_begun_again_in_portions(services: Services, clock: ManualClock) -> None:
    """More than one portion, each job once."""
    with services.store.write() as tx:
        for number in range(120):
            services.queue.put(tx, "photo", f"shoot/{number}.jpg")
        tx.execute(update(t.job).values(state="dead", finished_at=tx.now, error="DamError"))
    clock.advance(DAY)
    assert retries.retry_owed(services) == 120
    assert services.queue.counts()["queued"] == 120


# ---- the ledger knows it, without a row of the queue ------------------------------------------------


def _lose_the_queue(services: Services) -> None:
    with services.store.write() as tx:
        tx.execute(t.job.delete())


def _asa(services: Services) -> str:
    with services.store.read() as conn:
        return str(conn.scalar(select(t.person.c.id)))


def test_the_ledger_is_asked_and_not_the_queue_alone(dated: Services, clock: ManualClock) -> None:
    """A withdrawal, its dates, a name on its way and an erasure, of which no row of the queue says a word."""
    asa = _asa(dated)
    withdrawal.withdraw(dated, asa, None, "test")
    with dated.store.write() as tx:
        one = tx.connection.scalar(select(t.resource.c.id)) or 0
        proposal = intents.NewIntent(one, asa, "Åsa", "add", "machine", on_double.NODE)
        intents.propose(dated, tx, proposal)
        tx.execute(update(t.statement).values(wanted={"website": ""}, wanted_at=tx.now, stated_at=None))
    _lose_the_queue(dated)
    clock.advance(timedelta(hours=2))
    retries.retry_owed(dated)
    assert states(dated).keys() == {"cut", "revoke", "state", "names"}
    support.Cast(dated).work()
    assert {kind: overdue.measure(dated, kind).count for kind in overdue.QUERIES} == dict.fromkeys(overdue.QUERIES, 0)
    assert dated.dam.names_on(["1"]) == {"1": ()}
    erasure.begin(dated, asa, "test")
    _lose_the_queue(dated)
    retries.retry_owed(dated)
    support.Cast(dated).work()
    with dated.store.read() as conn:
        assert conn.scalar(select(t.person.c.id)) is None
        assert conn.scalar(select(t.erasure.c.finished_at)) is not None


def test_who_is_past_the_term_of_evidence_is_not_to_be_erased(
    services: Services, cast: support.Cast, clock: ManualClock
) -> None:
    """Their record key is gone and nobody asked for more: that is no erasure that waits."""
    asa = cast.add("Åsa")
    cast.sign(asa, recognition=False, lasts=timedelta(days=30))
    clock.advance(timedelta(days=3000))
    withdrawal.end_due(services)
    cast.work()
    retention.expire_all(services)
    with services.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(t.person_key)) == 0
    assert overdue.measure(services, "owed_erasures").count == 0
    retries.retry_owed(services)
    assert "erase" not in states(services)


def test_a_poisoned_photograph_costs_one_round_of_tries_a_day(
    services: Services, cast: support.Cast, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the sweep finds each minute: one row, and eight tries."""
    del cast
    tries = []

    def poisoned(_services: Services, job: Any) -> None:
        tries.append(job.key)
        raise RuntimeError

    monkeypatch.setattr(calendar, "HANDLERS", {**calendar.HANDLERS, "photo": poisoned})
    with services.store.write() as tx:
        services.queue.put(tx, "photo", "shoot/x.jpg")
    for _ in range(4 * 24):
        clock.advance(timedelta(hours=1))
        calendar.follow_up_owed(services)
        support.Cast(services).work()
    assert 3 * 8 <= len(tries) <= 5 * 8
    with services.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(t.job)) == 1


def test_a_stranded_name_does_not_loop(dated: Services, clock: ManualClock) -> None:
    """The sweep asks each minute; what was given up waits for its day."""
    with dated.store.write() as tx:
        one = tx.connection.scalar(select(t.resource.c.id)) or 0
        intents.propose(dated, tx, intents.NewIntent(one, _asa(dated), "Åsa", "add", "machine", on_double.NODE))
    clock.advance(timedelta(minutes=10))
    give_up(dated, "names", "1")
    for _ in range(30):
        clock.advance(timedelta(minutes=1))
        calendar.sweep_endings(dated)
    assert states(dated)["names"] == "dead"


def test_an_erased_persons_job_does_nothing(services: Services, cast: support.Cast, clock: ManualClock) -> None:
    """Nobody comes back by it, and it ends."""
    kinds = ("revoke", "recompute", "look-again", "erase", "adopted", "follow-name")
    asa = cast.add("Åsa")
    cast.sign(asa, recognition=False)
    cast.work()
    erasure.erase(services, asa, "test")
    cast.work()
    for kind in kinds:
        give_up(services, kind, asa)
    clock.advance(DAY)
    assert retries.retry_owed(services) == len(kinds)
    cast.work()
    assert services.queue.counts()["dead"] == 0
    with services.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(t.person)) == 0


def test_a_name_that_was_adopted_is_done(services: Services, cast: support.Cast) -> None:
    """Its job leaves the queue: it was tried again and again, and given up in the end."""
    asa = cast.add("Åsa")
    with services.store.write() as tx:
        services.queue.put(tx, "adopted", asa)
    cast.work()
    counts = services.queue.counts()
    assert (counts["running"], counts["queued"], counts["dead"]) == (0, 0, 0)


# ---- somebody is told ----------------------------------------------------------------------------


def test_the_owner_is_told_once_a_matter_and_then_weekly(post: Post) -> None:
    """A person's matter after an hour, anything else after a day; by number, and nobody's name."""
    give_up(post.services, "revoke", "somebody")
    calendar.follow_up_owed(post.services)
    post.work()
    assert post.box.letters == []
    post.clock.advance(timedelta(minutes=61))
    for _ in range(3):
        calendar.follow_up_owed(post.services)
        post.work()
    letter, text = post.box.last()
    assert (len(post.box.letters), letter["To"]) == (1, "owner@example.org")
    assert "1 withdrawal whose names may still stand" in text
    assert "somebody" not in text
    give_up(post.services, "revoke", "another")
    post.clock.advance(timedelta(minutes=61))
    calendar.follow_up_owed(post.services)
    post.work()
    assert len(post.box.letters) == 2
    for _ in range(6 * 24):
        post.clock.advance(timedelta(hours=1))
        overdue_letter.queue_overdue_letter(post.services)
        post.work()
    assert len(post.box.letters) == 3, "what was given up is a matter of its own after a day"
    post.clock.advance(timedelta(days=2))
    overdue_letter.queue_overdue_letter(post.services)
    post.work()
    assert len(post.box.letters) == 4


def test_a_second_outage_is_another_matter(post: Post) -> None:
    """What was done and is owed anew is told anew, within the week too."""
    for day in range(2):
        job = give_up(post.services, "photo", f"shoot/{day}.jpg")
        post.clock.advance(DAY + timedelta(hours=1))
        assert overdue_letter.queue_overdue_letter(post.services)
        assert not overdue_letter.queue_overdue_letter(post.services)
        with post.services.store.write() as tx:
            tx.execute(t.job.delete().where(t.job.c.id == job))


def test_a_letter_whose_matters_were_done_is_not_sent(post: Post) -> None:
    """It is written as it goes."""
    give_up(post.services, "photo", "shoot/a.jpg")
    post.clock.advance(DAY)
    assert overdue_letter.queue_overdue_letter(post.services)
    with post.services.store.write() as tx:
        tx.execute(t.job.delete().where(t.job.c.kind == "photo"))
    post.work()
    assert post.box.letters == []
    assert [row.state for row in post.mails()] == ["dropped"]


def test_without_an_owner_nobody_is_written_to(services: Services, clock: ManualClock) -> None:
    give_up(services, "photo", "shoot/a.jpg")
    clock.advance(DAY)
    assert not overdue_letter.queue_overdue_letter(services)


# ---- doctor, metrics, console, commands -------------------------------------------------------------


def test_doctor_and_metrics_say_how_much_and_for_how_long(services: Services, app: Flask, clock: ManualClock) -> None:
    """And doctor names the command that helps."""
    give_up(services, "revoke", "somebody")
    clock.advance(timedelta(days=3))
    found = {one.what: one for one in checks.run_checks(services.config, clock)}
    assert "the oldest asked for 3 days ago" in found["jobs"].said
    late = found["withdrawals that are not carried out yet"]
    assert (late.ok, late.count, late.said.endswith("; the oldest for 3 days")) == (False, 1, True)
    assert "facelease jobs retry --all" in late.mend
    measured = app.test_client().get("/metrics").text
    assert re.search(r'facelease_owed\{kind="owed_revocations"\} 1\.0', measured)
    assert re.search(r'facelease_owed_seconds\{kind="owed_revocations"\} 259200\.0', measured)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_console_tries_again(services: Services, app: Flask, clock: ManualClock, language: str) -> None:
    """One by its button, all by another; with its audit row, and nothing without a token of the form."""
    administrator = staff.signed_in(app, clock, "administrator", language)
    one, _ = give_up(services, "photo", "shoot/a.jpg"), give_up(services, "photo", "shoot/b.jpg")
    w = Words("console", language)
    assert w["jobs_retry_all"] in administrator.get("/console/").text
    page = administrator.get("/console/jobs").text
    assert "shoot/a.jpg" in page
    assert page.count(f">{w['job_retry']}</button>") == 2
    assert administrator.post("/console/jobs/retry", data={"job": str(one)}).status_code == 400
    staff.post(administrator, "/console/jobs/retry", job=str(one))
    assert services.queue.counts()["dead"] == 1
    staff.post(administrator, "/console/jobs/retry", all="yes")
    assert services.queue.counts()["dead"] == 0
    assert staff.post(administrator, "/console/jobs/retry", job=str(one)).status_code == 404
    with services.store.read() as conn:
        rows = conn.scalar(select(func.count()).where(t.audit.c.action == Action.JOB_REVIVE.value))
    assert rows == 2


def test_the_officer_sees_it_and_has_no_button(services: Services, officer: FlaskClient) -> None:
    give_up(services, "photo", "shoot/a.jpg")
    page = officer.get("/console/").text
    assert "het DAM was niet te bereiken" in page or "the DAM could not be reached" in page
    assert "DamError" not in page
    assert Words("console", "en")["jobs_retry_all"] not in page
    assert officer.get("/console/jobs").status_code == 403


def _jobs(services: Services, clock: ManualClock, *said: str) -> tuple[int, str]:
    done = CliRunner().invoke(jobs, list(said), obj=Shell(services.config, clock))
    return done.exit_code, done.output


def test_the_commands(services: Services, clock: ManualClock) -> None:
    """Listed with kind, since when, how often, why; tried again by number, kind, or all; and what it came to."""
    lost = give_up(services, "recompute", "somebody")
    give_up(services, "lost", "a hash of what was typed")
    code, said = _jobs(services, clock, "list")
    assert (code, "clearances to be computed anew" in said, "what it was asked: away" in said) == (0, True, True)
    assert "a hash" not in said
    listed = json.loads(_jobs(services, clock, "list", "--json")[1])
    assert [(one["id"], one["tried"], one["next"]) for one in listed["failed"]][1] == (lost, 8, None)
    assert _jobs(services, clock, "retry")[0] == 2
    assert _jobs(services, clock, "retry", str(lost), "--all")[0] == 2
    assert _jobs(services, clock, "retry", "999")[0] == 1
    assert _jobs(services, clock, "retry", str(lost))[0] == 0
    assert _jobs(services, clock, "retry", "--kind", "recompute")[0] == 1
    assert _jobs(services, clock, "retry", "--all")[0] == 0
    assert _jobs(services, clock, "retry", "--all")[0] == 1
    assert services.queue.counts()["dead"] == 0


def test_a_retry_that_fails_again_is_not_finished(dated: Services, double: Double, clock: ManualClock) -> None:
    """With the DAM still away: exit code 3, and why."""
    give_up(dated, "names", "1")
    double.faults = lambda function: "500"
    code, said = _jobs(dated, clock, "retry", "--all")
    assert (code, "not finished: 1 x names on a photograph" in said) == (3, True)
    double.faults = lambda function: None
    code, said = _jobs(dated, clock, "retry", "--all")
    assert (code, states(dated).get("names", "done")) == (0, "done")


# ---- the DAM was away and answers again ------------------------------------------------------------


def test_what_was_given_up_while_the_dam_was_away_begins_when_it_answers(
    dated: Services, double: Double, clock: ManualClock
) -> None:
    """Nobody waits for the next day: a withdrawal of an outage of three hours is done with the first poll after it."""
    asa = _asa(dated)
    calendar.poll_dam(dated)
    double.faults = lambda function: "502"
    withdrawal.withdraw(dated, asa, None, "test")
    for _ in range(12):
        clock.advance(timedelta(minutes=15))
        with suppress(DamError):
            calendar.poll_dam(dated)
        support.Cast(dated).work()
    assert "revoke" in {one.kind for one in dated.queue.dead()}
    double.faults = lambda function: None
    clock.advance(timedelta(minutes=1))
    calendar.poll_dam(dated)
    support.Cast(dated).work()
    assert (dated.queue.counts()["dead"], dated.dam.names_on(["1"])) == (0, {"1": ()})


def test_what_fails_while_the_dam_answers_waits_for_its_day(services: Services, clock: ManualClock) -> None:
    """Else a poisoned job would go round with each poll; a worker that stood still counts as no outage of the DAM."""
    calendar.poll_dam(services)
    for minutes in (1, 1, 5):
        clock.advance(timedelta(minutes=minutes))
        give_up(services, "recompute", "somebody")
        calendar.poll_dam(services)
        assert states(services)["recompute"] == "dead"
    clock.advance(timedelta(hours=3))
    calendar.poll_dam(services)
    assert states(services)["recompute"] == "dead", "it was given up before the last poll"
