"""A mode that can have no effect where it is set says so, and one that has an effect says nothing."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from plugin.clock import ManualClock
from plugin.flows.collections import mode_effect, modes
from plugin.flows.collections.mode_effect import NoEffectCode
from plugin.flows.collections.modes import Ruling
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.schedule import calendar
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from sidecar.cli import cli
from sidecar.commands.common import Shell
from sidecar.commands.demo import samples
from tests import support

ASKED = BasisEvidence("list of who was asked", "Ann Sample")


def _set(services: Services, ref: str, mode: Mode, basis: Basis | None = None, *members: str) -> list[NoEffectCode]:
    given = basis or (Basis.ALL_ASKED if mode in (Mode.SUGGEST, Mode.AUTO) else None)
    modes.decide(services, ref, Ruling(mode, given, ASKED, members), "cli:ann")
    return _codes(services, ref)


def _codes(services: Services, ref: str) -> list[NoEffectCode]:
    return [one.code for one in mode_effect.explain(services, ref)]


@pytest.fixture
def filled(cast: support.Cast, photos: Path) -> support.Cast:
    """Photographs on two levels, and Åsa, who can be recognised."""
    support.put(photos, "shoot/kids/a.jpg", samples.A_SPEECH, (300, 400))
    support.put(photos, "shoot/b.jpg", samples.A_SPEECH, (300, 400))
    (photos / "empty" / "below").mkdir(parents=True)
    (photos / "empty" / "below" / "film.mp4").write_bytes(b"no photograph")
    support.settle(photos / "empty" / "below" / "film.mp4")
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    return cast


@pytest.mark.parametrize("known", [False, True], ids=["before a scan", "after one"])
def test_each_reason_is_said_and_none_where_there_is_none(
    services: Services, filled: support.Cast, known: bool
) -> None:
    """Whether the ledger knows the photographs by then or not."""
    if known:
        filled.open_collection(".", Mode.DETECT)
        calendar.poll_dam(services)
        filled.work()
        modes.decide(services, ".", Ruling(Mode.OFF), "cli:ann")
    assert _set(services, "empty", Mode.AUTO) == [NoEffectCode.EMPTY]
    assert _set(services, "shoot", Mode.AUTO) == []
    assert _set(services, "shoot/kids", Mode.OFF) == [NoEffectCode.WIDER]
    assert _set(services, "shoot/kids", Mode.SUGGEST) == [NoEffectCode.WIDER]
    assert _set(services, "shoot/kids", Mode.NEVER) == []
    assert _set(services, "shoot", Mode.AUTO) == []  # b.jpg lies in it alone
    assert _set(services, "shoot", Mode.NEVER) == []
    assert _set(services, "shoot/kids", Mode.AUTO) == [NoEffectCode.FORBIDDEN]
    assert _set(services, "shoot/kids", Mode.OFF) == [NoEffectCode.FORBIDDEN]
    assert _set(services, "shoot", Mode.OFF) == []
    assert _set(services, "shoot/kids", Mode.DETECT) == []


def test_nobody_to_compare_with(services: Services, cast: support.Cast, photos: Path) -> None:
    """Nobody enrolled, nobody signed up, nobody of those enrolled; and silence once somebody is."""
    support.put(photos, "shoot/b.jpg", samples.A_SPEECH, (300, 400))
    assert _set(services, "shoot", Mode.SUGGEST) == [NoEffectCode.NOBODY_ENROLLED]
    assert _set(services, "shoot", Mode.SUGGEST, Basis.SHOOT) == [NoEffectCode.NO_MEMBERS]
    asa, bo = cast.add("Åsa"), cast.add("Bo")
    cast.sign(asa)
    cast.sign(bo, recognition=False)
    cast.enrol(asa)
    assert _set(services, "shoot", Mode.SUGGEST, Basis.SHOOT, "Bo") == [NoEffectCode.MEMBERS_NOT_ENROLLED]
    assert _set(services, "shoot", Mode.SUGGEST, Basis.SHOOT, "Bo", "Åsa") == []
    assert _set(services, "shoot", Mode.SUGGEST) == []
    withdrawal.withdraw(services, asa, None, "test")
    assert _codes(services, "shoot") == [NoEffectCode.NOBODY_ENROLLED]


def test_a_template_whose_grant_is_over_is_nobodys(
    services: Services, cast: support.Cast, photos: Path, clock: ManualClock
) -> None:
    """Before any sweep has taken it away."""
    support.put(photos, "shoot/b.jpg", samples.A_SPEECH, (300, 400))
    asa = cast.add("Åsa")
    cast.sign(asa, lasts=timedelta(days=1))
    cast.enrol(asa)
    assert _set(services, "shoot", Mode.SUGGEST) == []
    clock.advance(timedelta(days=2))
    assert _codes(services, "shoot") == [NoEffectCode.NOBODY_ENROLLED]


def test_two_shoots_that_add_to_each_other_both_act(services: Services, filled: support.Cast) -> None:
    """Each adds its own members, so that neither stands in the place of the other; one of the same members does."""
    bo = filled.add("Bo")
    filled.sign(bo)
    filled.enrol(bo, samples.B_STANDING)
    assert _set(services, "shoot", Mode.AUTO, Basis.SHOOT, "Åsa") == []
    assert _set(services, "shoot/kids", Mode.AUTO, Basis.SHOOT, "Bo") == []
    assert _set(services, "shoot", Mode.AUTO, Basis.ALL_ASKED) == []
    assert _codes(services, "shoot/kids") == [NoEffectCode.WIDER]


def test_a_basis_past_its_review_date(services: Services, filled: support.Cast, clock: ManualClock) -> None:
    """It was well when it was set; from the day after it is said wherever the collection is shown."""
    today = services.today()
    evidence = BasisEvidence("DPIA 7", "Ann Sample", today, today + timedelta(days=10))
    modes.decide(services, "shoot", Ruling(Mode.SUGGEST, Basis.CONTROLLER, evidence), "cli:ann")
    assert _codes(services, "shoot") == []
    clock.advance(timedelta(days=11))
    assert _codes(services, "shoot") == [NoEffectCode.REVIEW_PAST]


def test_the_command_says_it_and_does_it_all_the_same(
    services: Services, filled: support.Cast, clock: ManualClock
) -> None:
    """A sentence, not an error: for machines with its code."""
    shell = Shell(services.config, clock)
    told = CliRunner().invoke(cli.commands["collection"], ["set", "empty", "detect"], obj=shell)
    assert told.exit_code == 0
    assert "note: No photograph lies in this collection" in told.output
    told = CliRunner().invoke(cli.commands["collection"], ["set", "empty", "detect", "--json"], obj=shell)
    assert [one["code"] for one in json.loads(told.stdout)["no_effect"]] == ["empty"]
    told = CliRunner().invoke(cli.commands["collection"], ["set", "shoot", "detect", "--json"], obj=shell)
    assert json.loads(told.stdout)["no_effect"] == []
