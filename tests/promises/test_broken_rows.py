"""O1: a row of the store that cannot be read is a matter of its own: everybody else is recognised, ended and served."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from plugin.clock import ManualClock
from plugin.errors import VaultError
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.matching import gallery
from plugin.flows.schedule import calendar
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import WaitingKind
from plugin.hooks.names_in_files.name_writing import EXIF_PLACE, XMP_PLACES
from plugin.hooks.resourcespace.profile import PLACE
from plugin.ledger import tables as t
from plugin.ledger.tables.columns import EVERY_PLACE
from plugin.quitclaim.clearance.answers import ClearanceStatus
from sidecar.commands.demo import samples
from sidecar.doctor import checks
from tests import support

pytestmark = pytest.mark.promise

Promise = Callable[[str, str], None]
USE = ("communication", "website")
BROKEN = b"\x00" * 60


def _two(services: Services, photos: Path) -> tuple[support.Cast, str, str]:
    """Åsa and Bo, enrolled, in a collection on auto in which nobody was looked for yet."""
    cast = support.Cast(services)
    support.put(photos, "shoot/a.jpg", samples.A_STANDING)
    calendar.poll_dam(services)
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


def test_who_has_a_damaged_key_withdraws_all_the_same(services: Services, photos: Path, promise: Promise) -> None:
    """The log cannot say by their reference who it was; name, clearance and template go as ever. Doctor says it."""
    cast, asa, _ = _two(services, photos)
    cast.work()
    assert cast.names_on("shoot/a.jpg") == {"Åsa Sample"}
    _break_key(services, asa, "record")
    keys = [one for one in checks.run_checks(services.config, services.clock) if one.what == "people's keys"]
    assert [one.ok for one in keys] == [False]
    ended = withdrawal.withdraw(services, asa, None, "person")
    cast.work()
    with services.store.read() as conn:
        left = conn.scalars(select(t.grant.c.id).where(t.grant.c.person_id == asa, t.grant.c.ended_at.is_(None)))
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
    told = [one for one in waiting_list.list_counts(services) if one.kind is WaitingKind.SET_ASIDE]
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
        gallery.refresh(services)
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
            tx.connection.execute(
                text(
                    "INSERT INTO job (kind, key, payload, priority, state, again, attempt, run_after, created_at) "
                    f"VALUES ('comparison', 'odd{number}', {payload}, 0, 'queued', false, 0, 0, 0)"
                )
            )
    for _ in range(services.config.jobs.attempts + 2):
        cast.work()
        clock.advance(timedelta(hours=2))
        assert checks.run_checks(services.config, clock)
    dead = {one.key for one in services.queue.dead()}
    promise("O1", f"jobs that hold nonsense {len(odd)}: given up and told {len(dead)} of {len(odd)}")
    assert cast.names_on("shoot/a.jpg") == {"Åsa Sample"}
    assert dead == {"odd0", "odd1", "odd2"}


STORES = pytest.mark.parametrize("house_store", ["sqlite", "postgresql"], indirect=True)
BROKEN_GRANTS = {
    "an unknown kind": "kind = 'other'",
    "an end before its beginning": "valid_until = valid_from - 1",
    "an end of no kind": "ended_at = valid_from, ended_kind = 'other'",
    "a moment that no calendar has": f"valid_until = {(1 << 63) - 1}",
}


def _told(services: Services) -> list[str]:
    return [one.ref for one in waiting_list.list_items(services, WaitingKind.SET_ASIDE)]


@STORES
@pytest.mark.parametrize("what", BROKEN_GRANTS)
def test_a_grant_that_cannot_be_read_agrees_to_nothing(
    what: str, services: Services, photos: Path, clock: ManualClock, promise: Promise
) -> None:
    """Nothing stops; no match and no clearance rests on it; it is named once; whose it is withdraws as ever."""
    cast, asa, bo = _two(services, photos)
    support.put(photos, "shoot/b.jpg", samples.B_STANDING)
    calendar.poll_dam(services)
    cast.work()
    assert photo_answers.answer_photo(services, "shoot/b.jpg", *USE).status is ClearanceStatus.CLEARED
    with services.store.write() as tx:
        query = text(f"UPDATE grant_line SET {BROKEN_GRANTS[what]} WHERE person_id = :bo AND kind = 'publication'")
        tx.execute(query, {"bo": bo})
        tx.move_generation()
    for chore in (
        calendar.start_process,
        calendar.sweep_endings,
        calendar.follow_up_owed,
        calendar.run_housekeeping,
        calendar.begin_comparison,
        calendar.send_reminders,
    ):
        chore(services)
        assert photo_answers.answer_photo(services, "shoot/b.jpg", *USE).status is not ClearanceStatus.CLEARED, (
            chore.__name__
        )
    assert [one.said for one in checks.run_checks(services.config, clock) if "Error" in one.said] == []
    named = _told(services)
    assert photo_answers.answer_photo(services, "shoot/a.jpg", *USE).status is ClearanceStatus.CLEARED
    ended = withdrawal.withdraw(services, bo, None, "person") + withdrawal.withdraw(services, asa, None, "person")
    cast.work()
    g = t.grant.c
    with services.store.read() as conn:
        left = list(conn.scalars(select(g.id).where(g.ended_at.is_(None))))
    promise("O1", f"a grant with {what}: told {len(named)} of 1, withdrawals left {len(left)} of {ended}")
    assert len(named) == 1
    assert left == []
    assert not cast.names_on("shoot/a.jpg") | cast.names_on("shoot/b.jpg")


@STORES
@pytest.mark.parametrize("places", ["'null'", "'{}'", "'[1]'", "'{broken'"])
def test_places_that_cannot_be_read_are_all_places(
    places: str, services: Services, photos: Path, house_store: str, promise: Promise
) -> None:
    """A withdrawal takes the name off wherever we may have written it."""
    if (house_store, places) == ("postgresql", "'{broken'"):
        return  # its type lets none through
    cast, asa, _ = _two(services, photos)
    cast.work()
    for table in ("tag", "intent"):
        with services.store.write() as tx:
            tx.execute(text(f"UPDATE {table} SET places = {places} WHERE person_id = :asa"), {"asa": asa})
    withdrawal.withdraw(services, asa, None, "person")
    cast.work()
    promise("O1", f"places that cannot be read: names left {len(cast.names_on('shoot/a.jpg'))}")
    assert not cast.names_on("shoot/a.jpg")
    assert not cast.tags(asa)


def test_every_place_is_known() -> None:
    """The ledger names each place that a DAM of ours has for a name."""
    assert set(EVERY_PLACE) == EXIF_PLACE | XMP_PLACES | {PLACE}


@pytest.mark.parametrize("cell", ["run_after", "created_at", "lease_until"])
def test_a_job_whose_moment_is_no_number_is_due(
    cell: str, services: Services, photos: Path, clock: ManualClock, promise: Promise
) -> None:
    """Neither it nor what stands behind it waits for ever."""
    cast, _, _ = _two(services, photos)
    state = "running" if cell == "lease_until" else "queued"
    with services.store.write() as tx:
        tx.execute(text(f"UPDATE job SET {cell} = 'broken', state = :state"), {"state": state})
    calendar.follow_up_owed(services)
    cast.work()
    promise("O1", f"jobs with a broken {cell}: left {services.queue.counts()}")
    assert cast.names_on("shoot/a.jpg") == {"Åsa Sample"}
    assert not services.queue.counts()["running"]


@STORES
@pytest.mark.parametrize("cell", ["mode", "basis"])
def test_a_ruling_that_cannot_be_read_forbids(cell: str, services: Services, photos: Path) -> None:
    """Nobody knows what it forbids: no face is compared there; elsewhere all goes on, and it is named once."""
    cast, _, _ = _two(services, photos)
    support.put(photos, "other/b.jpg", samples.B_STANDING)
    cast.open_collection("other")
    with services.store.write() as tx:
        tx.execute(text(f"UPDATE collection SET {cell} = 'broken' WHERE ref = :ref"), {"ref": support.SHOOT})
    calendar.start_process(services)
    calendar.poll_dam(services)
    calendar.run_housekeeping(services)
    cast.work()
    assert not cast.names_on("shoot/a.jpg")
    assert cast.names_on("other/b.jpg") == {"Bo Sample"}
    assert len(_told(services)) == 1
