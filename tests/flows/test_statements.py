"""The dates that a DAM with date fields shows: a lease, renewed while the grants last, emptied when they end."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from plugin.clock import ManualClock
from plugin.errors import DamError
from plugin.flows.clearance import dam_dates
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Dam, Dates
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import support
from tests.dams import Through


class Dated(Through):
    """The folder, with a memory for dates besides: what a DAM with date fields adds to it."""

    def __init__(self, dam: Dam) -> None:
        super().__init__(dam)
        self.at_once = 1000
        self.broken: set[str] = set()
        self.shown: dict[str, dict[str, date | None]] = {}
        self.calls = 0
        self.up = True

    def state_many(self, until: Mapping[str, Dates]) -> Mapping[str, DamError | None]:
        """One call for all of them, which one of them may break."""
        if not self.up or self.broken & until.keys():
            return dict.fromkeys(until, DamError("the DAM is down: try again"))
        self.calls += 1
        for ref, dates in until.items():
            self.shown.setdefault(ref, {}).update(dates)
        return dict.fromkeys(until)


@pytest.fixture
def dated(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """An open house on a DAM that shows dates, with Åsa tagged on one photograph, her lease 100 days long."""
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    config = support.configuration(tmp_path)
    with support.opened(config, clock, examiner, wrap=lambda dam: Dated(dam)) as services:
        cast = support.Cast(services)
        asa = cast.add("Åsa")
        cast.sign(asa, lasts=timedelta(days=100))
        cast.enrol(asa)
        cast.open_collection()
        support.put(tmp_path / "photos", "shoot/one.jpg", samples.A_STANDING)
        support.put(tmp_path / "photos", "shoot/stranger.jpg", samples.B_STANDING)
        calendar.poll_dam(services)
        cast.work()
        yield services


def shown(services: Services) -> dict[str, dict[str, date | None]]:
    return services.dam.shown  # type: ignore[attr-defined,no-any-return]


def test_a_date_reaches_no_further_than_the_horizon(dated: Services) -> None:
    """100 days of lease show as 29 whole days ahead; a use without a grant and an unknown face show nothing."""
    day = dated.today() + timedelta(days=dated.config.clearance.horizon_days - 1)
    assert shown(dated) == {"shoot/one.jpg": {"website": day, "press": None}}


def test_a_date_is_renewed_while_the_grant_lasts_and_never_beyond_it(dated: Services, clock: ManualClock) -> None:
    """Renewed when half of the horizon is over, not every night; at the end it stops at the last whole day."""
    first = shown(dated)["shoot/one.jpg"]["website"]
    clock.advance(timedelta(days=3))
    dam_dates.renew(dated)
    support.Cast(dated).work()
    assert shown(dated)["shoot/one.jpg"]["website"] == first
    latest = []
    for _ in range(96):
        clock.advance(timedelta(days=1))
        calendar.sweep_endings(dated)
        dam_dates.renew(dated)
        support.Cast(dated).work()
        latest.append(shown(dated)["shoot/one.jpg"]["website"])
    end = date(2026, 3, 2) + timedelta(days=100)  # noon of this day: the day before is the last whole one
    assert max(day for day in latest if day) == end - timedelta(days=1)
    assert dated.dam.calls < 12  # type: ignore[attr-defined]
    clock.advance(timedelta(days=1))
    calendar.sweep_endings(dated)
    support.Cast(dated).work()
    assert shown(dated)["shoot/one.jpg"] == {"website": None, "press": None}


def test_a_withdrawal_empties_the_date_also_when_the_dam_was_down(dated: Services, clock: ManualClock) -> None:
    """What could not be told is told later; the ledger's own answer never waited for it."""
    with dated.store.read() as conn:
        asa = roster.find(conn, "Åsa")
    dated.dam.up = False  # type: ignore[attr-defined]
    withdrawal.withdraw(dated, asa, None, "test")
    support.Cast(dated).work()
    assert shown(dated)["shoot/one.jpg"]["website"] is not None
    dated.dam.up = True  # type: ignore[attr-defined]
    clock.advance(timedelta(hours=2))
    support.Cast(dated).work()
    assert shown(dated)["shoot/one.jpg"] == {"website": None, "press": None}


def test_telling_twice_is_telling_once(dated: Services) -> None:
    """A photograph whose dates stand as they should causes no call."""
    calls = dated.dam.calls  # type: ignore[attr-defined]
    with dated.store.write() as tx:
        dated.queue.put(tx, "state", "shoot/one.jpg")
    support.Cast(dated).work()
    assert dated.dam.calls == calls  # type: ignore[attr-defined]
