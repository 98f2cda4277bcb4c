"""`facelease reconcile` does the daily comparison by hand, and its exit code is true; names by hand are decided."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.errors import NotFound
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.review import names_by_hand
from plugin.flows.schedule import calendar
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import WaitingKind
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus
from sidecar.cli import cli
from sidecar.commands.common import Shell
from sidecar.commands.demo import samples
from tests import support
from tests.flows.test_names import by_hand

ONE, TWO = "shoot/one.jpg", "shoot/two.jpg"
Run = Callable[..., Result]


@pytest.fixture
def run(services: Services, clock: ManualClock) -> Run:
    """A command on the house of the test."""

    def call(*words: str) -> Result:
        return CliRunner().invoke(cli.commands[words[0]], words[1:], obj=Shell(services.config, clock))

    return call


@pytest.fixture
def asa(services: Services, cast: support.Cast, photos: Path) -> str:
    """Åsa agreed to publication; somebody wrote her name on two photographs by hand."""
    asa = cast.add("Åsa")
    cast.sign(asa, recognition=False)
    for ref in (ONE, TWO):
        support.put(photos, ref, samples.B_STANDING, (300, 400))
        by_hand(services, photos, ref, "Åsa")
    calendar.poll_dam(services)
    cast.work()
    assert set(cast.tags(asa).values()) == {"hand"}
    return asa


def _waits(services: Services) -> dict[WaitingKind, int]:
    return {one.kind: one.count for one in waiting_list.list_counts(services)}


def _out(result: Result) -> Any:
    return json.loads(result.stdout)


def test_names_by_hand_are_listed_whether_the_tag_or_the_end_came_first(
    services: Services, cast: support.Cast, photos: Path, asa: str, clock: ManualClock
) -> None:
    """Nobody who agrees is listed. Since when: the end, or the tag, whichever is later; a new consent clears it."""
    assert names_by_hand.list_hand_names(services) == []
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    ended = clock.now()
    clock.advance(timedelta(days=3))
    support.put(photos, "shoot/three.jpg", samples.B_STANDING, (300, 400))
    by_hand(services, photos, "shoot/three.jpg", "Åsa")
    calendar.poll_dam(services)
    cast.work()
    assert [(one.ref, one.since) for one in names_by_hand.list_hand_names(services)] == [
        (ONE, ended),
        (TWO, ended),
        ("shoot/three.jpg", clock.now()),
    ]
    assert _waits(services)[WaitingKind.HAND_NAMES] == 3
    cast.sign(asa, recognition=False)
    assert WaitingKind.HAND_NAMES not in _waits(services)


def test_a_kept_name_is_asked_again_only_after_a_new_end(
    services: Services, cast: support.Cast, asa: str, clock: ManualClock, run: Run
) -> None:
    """It stands, blocks, and is read back with who decided it."""
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    first = names_by_hand.list_hand_names(services)[0]
    assert _out(run("tags", "keep", str(first.tag_id), "--json")) == {"kept": 1, "kept_before": 0}
    assert [one.ref for one in names_by_hand.list_hand_names(services)] == [TWO]
    (kept,) = _out(run("tags", "list", "--kept", "--json"))
    assert (kept["ref"], kept["kept_by"].split(":")[0]) == (ONE, "cli")
    assert cast.names_on(ONE) == {"Åsa"}
    assert photo_answers.answer_photo(services, ONE, "communication", "website").status is ClearanceStatus.BLOCKED
    with services.store.read() as conn:
        said = conn.execute(select(t.audit.c.actor).where(t.audit.c.action == "photo:tag:keep")).all()
    assert len(said) == 1
    clock.advance(timedelta(days=1))
    cast.sign(asa, recognition=False)
    clock.advance(timedelta(days=1))
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    assert [(one.ref, one.since) for one in names_by_hand.list_hand_names(services)] == [
        (ONE, clock.now()),
        (TWO, clock.now()),
    ]


def test_a_name_is_taken_off_by_a_recorded_decision(services: Services, cast: support.Cast, asa: str, run: Run) -> None:
    """From the file, with intent and audit rows of whoever decided; the list is empty then."""
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    assert _out(run("tags", "remove", "--yes", "--person", "Åsa", "--json")) == {"removed": 2, "unfinished": None}
    assert [cast.names_on(ref) for ref in (ONE, TWO)] == [set(), set()]
    assert (cast.tags(asa), WaitingKind.HAND_NAMES in _waits(services)) == ({}, False)
    with services.store.read() as conn:
        rows = conn.execute(select(t.audit.c.action, t.audit.c.actor).where(t.audit.c.actor.like("cli:%"))).all()
    assert {row.action for row in rows} == {"photo:tag:intend", "photo:tag:remove"}
    cast.work()
    assert run("reconcile").exit_code == 0
    assert [cast.names_on(ref) for ref in (ONE, TWO)] == [set(), set()]


def test_only_names_by_hand_of_who_ended_are_decided_so(
    services: Services, cast: support.Cast, asa: str, run: Run
) -> None:
    """Not the names of somebody who agrees: those are the DAM's to take off. And nothing by halves."""
    with services.store.read() as conn:
        alive = list(conn.scalars(select(t.tag.c.id)))
    for act in (names_by_hand.keep_names, names_by_hand.remove_names):
        with pytest.raises(NotFound, match="tags list"):
            act(services, alive, "cli:ann")
    assert cast.names_on(ONE) == {"Åsa"}
    assert run("tags", "remove", "--yes").exit_code == 2


def test_names_by_hand_go_at_once_where_that_was_chosen(
    services: Services, cast: support.Cast, photos: Path, asa: str
) -> None:
    """Also those that are written after the end: the daily comparison finds them."""
    chosen = services.config.model_copy(
        update={"hand_tags": services.config.hand_tags.model_copy(update={"after_end": "remove"})}
    )
    house = replace(services, config=chosen)
    withdrawal.withdraw(house, asa, None, "test")
    support.Cast(house).work()
    assert cast.names_on(ONE) == set()
    by_hand(services, photos, ONE, "Åsa")
    calendar.poll_dam(house)
    support.Cast(house).work()
    assert cast.names_on(ONE) == {"Åsa"}
    calendar.begin_comparison(house)
    support.Cast(house).work()
    assert cast.names_on(ONE) == set()


def test_reconcile_says_what_it_found_and_whether_it_is_done(
    services: Services, cast: support.Cast, photos: Path, asa: str, run: Run, clock: ManualClock
) -> None:
    """0 when all was compared; 3 while something waits for another try; 1 when something was given up."""
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    done = run("reconcile", "--json")
    assert done.exit_code == 0
    told = _out(done)
    assert (told["resources"], told["undecided"], told["done"], told["open"]) == (2, 2, True, {})
    with services.store.write() as tx:
        services.queue.put(tx, "names", ONE)
    held = services.queue.claim(["names"])  # another worker has it in hand
    assert held is not None
    waits = run("reconcile", "--json")
    assert (waits.exit_code, _out(waits)["open"], _out(waits)["done"]) == (3, {"names": 1}, False)
    assert "not done, to be tried again: names 1" in run("reconcile").output
    with services.store.write() as tx:  # it died of it, for the last time
        tx.execute(update(t.job).where(t.job.c.id == held.id).values(attempt=services.config.jobs.attempts))
    clock.advance(timedelta(seconds=services.config.jobs.lease_seconds + 1))
    lost = run("reconcile", "--json")
    assert (lost.exit_code, _out(lost)["given_up"], _out(lost)["done"]) == (1, {"names": 1}, False)
    assert _waits(services)[WaitingKind.DEAD_JOBS] == 1
    clock.advance(timedelta(seconds=1))
    again = run("reconcile")
    assert (again.exit_code, "everything was compared" in again.output) == (0, True)
