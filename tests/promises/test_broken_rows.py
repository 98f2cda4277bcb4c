"""O1: a row of the store that cannot be read is a matter of its own: everybody else is recognised, ended and served."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from plugin.clock import ManualClock
from plugin.errors import VaultError
from plugin.flows import chores, consent, waiting_list
from plugin.flows.services import Services
from plugin.flows.waiting_list import Kind
from plugin.ledger import tables as t
from sidecar import doctor, samples
from tests import support

pytestmark = pytest.mark.promise

Promise = Callable[[str, str], None]
BROKEN = b"\x00" * 60


def _two(services: Services, photos: Path) -> tuple[support.Cast, str, str]:
    """Åsa and Bo, enrolled, in a collection on auto in which nobody was looked for yet."""
    cast = support.Cast(services)
    support.put(photos, "shoot/a.jpg", samples.A_STANDING)
    chores.poll(services)
    cast.open_collection()
    asa, bo = cast.add("Åsa Sample"), cast.add("Bo Sample")
    for person in (asa, bo):
        cast.sign(person)
    cast.enrol(asa)
    cast.enrol(bo, samples.B_STANDING)
    return cast, asa, bo


def _break_key(services: Services, person_id: str, purpose: str) -> None:
    k = t.person_key.c
    with services.store.write() as tx:
        mine = (k.person_id == person_id) & (k.purpose == purpose)
        tx.execute(update(t.person_key).where(mine).values(wrapped=BROKEN))
        tx.move_generation()


def test_who_has_a_damaged_key_withdraws_all_the_same(
    services: Services, photos: Path, promise: Promise
) -> None:
    """The log cannot say by their reference who it was; name, clearance and template go as ever. Doctor says it."""
    cast, asa, _ = _two(services, photos)
    cast.work()
    assert cast.names_on("shoot/a.jpg") == {"Åsa Sample"}
    _break_key(services, asa, "record")
    keys = [one for one in doctor.examine(services.config, services.clock) if one.what == "people's keys"]
    assert [one.ok for one in keys] == [False]
    ended = consent.withdraw(services, asa, None, "person")
    cast.work()
    with services.store.read() as conn:
        left = conn.scalars(
            select(t.grant.c.id).where(t.grant.c.person_id == asa, t.grant.c.ended_at.is_(None))
        )
        gone = not list(left) and not cast.names_on("shoot/a.jpg")
    promise("O1", f"a damaged key: withdrawals refused {int(not gone)} of 1")
    assert (ended, gone) == (2, True)


@pytest.mark.parametrize("what", ["key", "template"])
def test_a_template_that_does_not_open_hides_no_other(
    what: str, services: Services, photos: Path, promise: Promise
) -> None:
    """Whose it is waits; the others are recognised, and it is named once."""
    cast, _, bo = _two(services, photos)
    if what == "key":
        _break_key(services, bo, "face")
    else:
        with services.store.write() as tx:
            mine = (t.sealed.c.person_id == bo) & (t.sealed.c.kind == "template")
            tx.execute(update(t.sealed).where(mine).values(body=BROKEN))
    cast.work()
    named = cast.names_on("shoot/a.jpg")
    told = [one for one in waiting_list.entries(services) if one.kind is Kind.SET_ASIDE]
    promise("O1", f"a {what} that does not open: others recognised {len(named)} of 1, told {len(told)} of 1")
    assert named == {"Åsa Sample"}
    assert [one.count for one in told] == [1]


def test_a_wrong_master_key_is_no_matter_of_one_row(services: Services, photos: Path) -> None:
    """Then nothing opens, and nothing is compared: an empty gallery would say that nobody is there."""
    cast, asa, bo = _two(services, photos)
    for person in (asa, bo):
        _break_key(services, person, "face")
    with services.store.write() as tx:
        tx.execute(update(t.house_key).values(wrapped=BROKEN))
    with pytest.raises(VaultError):
        services.faces.refresh(services)
    cast.work()
    assert services.queue.counts()["queued"] > 0


def test_a_job_that_holds_no_json_stops_no_other(
    services: Services, photos: Path, clock: ManualClock, promise: Promise
) -> None:
    """It fails by itself until it is given up, and stands in the list; doctor and worker live on."""
    cast, _, _ = _two(services, photos)
    odd = ("'{broken'", "'[1]'", "'null'")
    with services.store.write() as tx:
        for number, payload in enumerate(odd):
            tx.connection.execute(text(
                "INSERT INTO job (kind, key, payload, priority, state, again, attempt, run_after, created_at) "
                f"VALUES ('comparison', 'odd{number}', {payload}, 0, 'queued', false, 0, 0, 0)"
            ))  # fmt: skip
    for _ in range(services.config.jobs.attempts + 2):
        cast.work()
        clock.advance(timedelta(hours=2))
        assert doctor.examine(services.config, clock)
    dead = {one.key for one in services.queue.dead()}
    promise("O1", f"jobs that hold nonsense {len(odd)}: given up and told {len(dead)} of {len(odd)}")
    assert cast.names_on("shoot/a.jpg") == {"Åsa Sample"}
    assert dead == {"odd0", "odd1", "odd2"}
