"""R2: a withdrawal leaves no tag of ours, whatever the DAM does."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Dam
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.crowd import A, Crowd
from tests.dams import Failing

_SHARE = 0.3


def _next(services: Services, clock: ManualClock, *kinds: str) -> bool:
    """Move the clock to the next job of these kinds that is waiting; False when none is."""
    query = select(func.min(t.job.c.run_after)).where(t.job.c.state == "queued", t.job.c.kind.in_(kinds))
    with services.store.read() as conn:
        moment = conn.scalar(query)
    if moment is None:
        return False
    clock.advance(max(timedelta(0), moment - clock.now()))
    return True


def _standing(dam: Dam, refs: list[str]) -> int:
    return sum(len(dam.look(ref).names) for ref in refs)


@pytest.mark.promise
def test_a_withdrawal_leaves_no_tag_of_ours(
    tmp_path: Path,
    clock: ManualClock,
    examiner: Examiner,
    full: bool,
    promise: Callable[[str, str], None],
    house_store: str,
) -> None:
    """Three calls in ten fail (before the act, after it, half of it done) while photographs are tagged and
    while the person withdraws: no tag stays in any file, none in the ledger, and no intent stays open."""
    count = 1000 if full else 60
    made: list[Failing] = []

    def wrap(dam: Dam) -> Dam:
        made.append(Failing(dam, 0.0, seed=2))
        return made[0]

    config = support.configuration(tmp_path)
    crowd, photos = Crowd(examiner), tmp_path / "photos"
    refs = [crowd.put(photos, f"shoot/{n:04}.jpg", crowd.row([A[n % 2]], 130 + n % 20)) for n in range(count)]
    with support.opened(config, clock, examiner, wrap) as services:
        cast = support.Cast(services)
        asa = cast.add("Åsa")
        cast.sign(asa)
        cast.enrol(asa)
        cast.open_collection()
        calendar.poll_dam(services)
        made[0].share = _SHARE
        for _ in range(2):
            cast.work()
            clock.advance(timedelta(seconds=15))
        tagged = _standing(made[0].inner, refs)
        with services.store.read() as conn:
            in_flight = conn.scalar(select(func.count()).where(t.intent.c.state == "open")) or 0
        assert tagged > count * 0.5
        assert in_flight > 0
        made[0].failed = made[0].calls = 0
        began, withdrawn_at = time.monotonic(), clock.now()
        withdrawal.withdraw(services, asa, None, "test")
        cast.work()
        while _next(services, clock, "revoke"):
            cast.work()
        waited = (clock.now() - withdrawn_at).total_seconds() + time.monotonic() - began
        at_once = _standing(made[0].inner, refs)
        while _next(services, clock, "photo", "revoke"):  # what was still to be examined comes after it
            cast.work()
        left = _standing(made[0].inner, refs)
        with services.store.read() as conn:
            rows = conn.scalar(select(func.count()).select_from(t.tag)) or 0
            open_ = conn.scalar(select(func.count()).where(t.intent.c.state == "open")) or 0
            dead = conn.scalar(select(func.count()).where(t.job.c.state == "dead", t.job.c.kind == "revoke")) or 0
    promise(
        "R2",
        f"{house_store}: resources {count}, tagged {tagged}, in flight {in_flight}; {made[0].failed} of "
        f"{made[0].calls} calls failed; tags left {left}; retries {made[0].failed}; slowest {waited:.0f} s",
    )
    assert at_once == 0
    assert (left, rows, open_, dead) == (0, 0, 0, 0)
