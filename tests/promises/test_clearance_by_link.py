"""C4 through the pages' own code: the cast signs by links, and clearance is asked of what that left in the store."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import product
from pathlib import Path

import pytest

from plugin.clock import ManualClock
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.quitclaim.clearance.answers import Policy, answer, cleared_windows
from plugin.quitclaim.consent.model import EndKind, Grant, Person, Quitclaim, Window
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.promises import test_clearance_rules as naive
from tests.promises.test_clearance_rules import CHANNELS, DAY, NOON, PURPOSES, TICK, USES
from tests.signers import Desk

DAG_ENDS = date(2026, 3, 12)


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    cleared = {"purposes": list(PURPOSES), "channels": list(CHANNELS)}
    clock.set(NOON - 200 * DAY)
    with support.opened(support.configuration(tmp_path, clearance=cleared), clock, examiner) as services:
        yield services


def _signed(services: Services, clock: ManualClock) -> dict[str, str]:
    """Bo, Clara and Dag long ago, Åsa yesterday, Eva never; Bo withdraws at noon. By name the id."""
    cast = support.Cast(services)
    ids = {name: cast.add(name.title()) for name in ("åsa", "bo", "dag", "eva")}
    ids["clara"] = cast.add("Clara", birth_date=date(2010, 3, 20))
    long_, short = {"days": 3660}, {"last_day": DAG_ENDS.isoformat()}
    uses = [{"purpose": purpose, "channels": list(CHANNELS)} for purpose in PURPOSES]
    desks = {"long": Desk(services, uses=uses, name="Long", duration=long_)}
    desks["short"] = Desk(services, uses=uses, name="Short", duration=short)

    def sign(name: str, chosen: tuple[tuple[str, str], ...], desk: str = "long", **about: str) -> None:
        ticked = [f"{purpose}:{channel}" for purpose, channel in chosen]
        done = desks[desk].visit(ids[name]).sign("recognition", choice=ticked, **about)
        assert done.status_code == 303

    sign("bo", USES)
    sign("clara", USES[:9], signer="Greta", email="g@example.org")
    sign("dag", USES, "short")
    clock.set(NOON - DAY)
    sign("åsa", USES[::2])
    clock.set(NOON)
    withdrawal.withdraw(services, ids["bo"], None, "person")
    return ids


def _expected(services: Services) -> dict[str, tuple[Person, Quitclaim | None]]:
    """What each of them ticked, written down by hand: nothing of it is read from the store."""
    zone, long_ago = services.config.site.zone, NOON - 200 * DAY

    def midnight(day: date) -> datetime:
        return datetime.combine(day + DAY, time(), zone)

    def form(name: str, uses: tuple[tuple[str, str], ...], start: datetime, last: date) -> Quitclaim:
        return naive._form(Person(name, name), naive._lines(name, start, midnight(last), uses), start)

    far = long_ago.astimezone(zone).date() + timedelta(days=3660)
    bo = form("bo", USES, long_ago, far)
    gone = tuple(
        Grant(g.id, g.kind, g.purpose, g.channel, g.valid_from, g.valid_until, NOON, EndKind.WITHDRAWN)
        for g in bo.grants
    )
    claims: dict[str, Quitclaim | None] = {
        "åsa": form("åsa", USES[::2], NOON - DAY, (NOON - DAY).date() + timedelta(days=3660)),
        "bo": naive._form(Person("bo", "bo"), list(gone), long_ago),
        "clara": form("clara", USES[:9], long_ago, far),
        "dag": form("dag", USES, long_ago, DAG_ENDS),
        "eva": None,
    }
    return {name: (Person(name, name), claim) for name, claim in claims.items()}


@pytest.mark.promise
def test_what_was_ticked_on_the_page_is_what_is_cleared(
    house: Services,
    clock: ManualClock,
    promise: Callable[[str, str], None],
    full: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A photograph is cleared for a use only if everybody on it ticked that line, and only while it holds."""
    ids = _signed(house, clock)
    monkeypatch.setattr(naive, "CAST", _expected(house))
    with house.store.read() as conn:
        standings = {name: roster.load(house, conn, person) for name, person in ids.items()}
    grants: dict[tuple[str, str], dict[str, list[Window]]] = {
        use: {name: standing.publication(*use) for name, standing in standings.items()} for use in USES
    }
    end = datetime.combine(DAG_ENDS + DAY, time(), house.config.site.zone)
    moments = (*naive.MOMENTS[:4], end - TICK, end, *naive.MOMENTS[-2:])
    photographs = list(naive._photographs(full=False))[:: 1 if full else 5]
    found: Counter[str] = Counter()
    wrong: list[str] = []
    for facts, confirmed in product(photographs, (True, False)):
        policy = Policy(confirmed, small_figures_block=False)
        for use, at in product(USES, moments):
            told = answer(facts, grants[use], policy, at).status
            right = naive._naive(facts, policy, use, at)
            held = naive._holds(cleared_windows(facts, grants[use], policy), at)
            found[right] += 1
            if told != right or held != (right == "cleared"):
                wrong.append(f"{told} not {right}: {facts} {use} {at}")
    counts = ", ".join(f"{status} {count}" for status, count in sorted(found.items()))
    promise("C4", f"through the pages: combinations {found.total()} ({counts}); disagreements {len(wrong)}")
    assert not wrong, wrong[:3]
    assert {"cleared", "blocked", "unknown"} <= set(found)
