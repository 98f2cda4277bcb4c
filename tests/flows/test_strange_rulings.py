"""A ruling is never applied to another collection under the same number, nor to those of another DAM."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.collections import modes, ruling_history, ruling_identity
from plugin.flows.common.services import Services
from plugin.flows.review import held_photos
from plugin.flows.schedule import calendar
from plugin.hooks.dam import NamedCollections
from plugin.ledger import tables as t
from plugin.ledger.store.store import inserted_id
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from tests import on_double, support
from tests.doubles.resourcespace import Double

RULED = {
    "mode": "auto",
    "basis": "all-asked",
    "reference": "list",
    "by": "the head",
    "decided": "2026-02-01",
    "review": "2099-01-01",
    "set_by": "admin",
    "set_at": "2026-02-01 10:00:00",
}


@pytest.fixture
def double() -> Iterator[Double]:
    with Double() as double:
        yield double


@pytest.fixture
def services(tmp_path: Path, double: Double, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    with on_double.house(tmp_path, double, clock, examiner) as services:
        yield services


def poll(services: Services) -> None:
    calendar.poll_dam(services)
    support.Cast(services).work()


def compares(services: Services, ref: int) -> bool:
    """Whether the photograph may be compared where it lies."""
    with services.store.read() as conn:
        number = conn.scalar(select(t.resource.c.id).where(t.resource.c.ref == str(ref)))
        return number is not None and modes.scope_of(services, conn, number).compares


def lost(services: Services) -> list[str]:
    with services.store.read() as conn:
        return [row.ref for row in held_photos.list_lost_rulings(conn)]


def ruled(services: Services) -> dict[str, str]:
    with services.store.read() as conn:
        return {row.ref: row.mode for row in conn.execute(select(t.collection))}


@pytest.mark.parametrize("plugin", [True, False])
@pytest.mark.promise
def test_a_number_that_was_given_out_again_has_no_ruling(services: Services, double: Double, plugin: bool) -> None:
    """Tables from before a collection was made; the next one gets its number, and nobody ruled on that."""
    library = double.library
    kept = library.collect("Kept", ruling=dict(RULED) if plugin else {}, shared_with={_account(double)})
    photo = library.create(1).ref
    library.shelves[kept.ref].resources.append(photo)
    dump = library.dump()
    first = library.collect("Staff", ruling=dict(RULED) if plugin else {}, shared_with={_account(double)})
    if not plugin:
        double.switch_plugin(False)
        getattr(services.dam, "__dict__", {})["_chosen"] = None
        for ref in (kept.ref, first.ref):
            ruling = modes.Ruling(Mode.AUTO, Basis.ALL_ASKED, BasisEvidence("list", "the head"))
            modes.decide(services, str(ref), ruling, "cli:test")
    modes.import_from_dam(services)
    assert ruled(services) == {str(kept.ref): "auto", str(first.ref): "auto"}
    library.create(1)
    poll(services)
    library.restore(dump)
    poll(services)
    second = library.collect("Kindergarten", shared_with={_account(double)})
    assert second.ref == first.ref
    child = library.create(1).ref
    library.shelves[second.ref].resources.append(child)
    poll(services)
    assert lost(services) == [str(second.ref)]
    assert (compares(services, photo), compares(services, child)) == (plugin, False)
    _out_of_it(services, double, str(second.ref), plugin)
    calendar.begin_comparison(services)
    support.Cast(services).work()
    assert lost(services) == []
    assert compares(services, child) is plugin  # hidden collections may forbid it, where the plugin is off


def _account(double: Double) -> int:
    return next(user.ref for user in double.library.users.values() if user.name == "FaceLease")


def _out_of_it(services: Services, double: Double, ref: str, plugin: bool) -> None:
    """Whoever decides anew is done; so is whoever says that the collection is gone."""
    if plugin:
        double.library.shelves[int(ref)].ruling = dict(RULED)
        modes.import_from_dam(services)
    else:
        ruling_identity.give_up(services, ref, "cli:test")
        assert ref not in ruled(services)
        with services.store.read() as conn:
            assert [one.why.value for one in ruling_history.list_rulings(services, conn, ref)][-1] == "lost"


def test_a_collection_that_kept_its_title_keeps_its_ruling(services: Services, double: Double) -> None:
    """Set back to a moment at which the collection was there and ruled on."""
    kept = double.library.collect("Kept", ruling=dict(RULED))
    modes.import_from_dam(services)
    dump = double.library.dump()
    double.library.create(1)
    poll(services)
    double.library.restore(dump)
    poll(services)
    assert (lost(services), ruled(services)) == ([], {str(kept.ref): "auto"})


def test_rulings_on_folders_are_none_on_numbers(services: Services, double: Double, clock: ManualClock) -> None:
    """A folder 2026 was set to auto; then the house was given a ResourceSpace, which numbers its collections."""
    shelf = double.library.collect("Kindergarten")
    ref = str(shelf.ref)
    with services.store.write() as tx:
        values = {
            "mode": "auto",
            "basis": "all-asked",
            "basis_reference": "r",
            "basis_by": "b",
            "basis_date": date(2026, 1, 1),
            "set_by": "cli:test",
            "set_at": tx.now,
        }
        tx.execute(t.collection.insert().values(ref=ref, title=ref, identity="1234.5.6", **values))
    child = double.library.create(1).ref
    shelf.resources.append(child)
    calendar.start_process(services)
    poll(services)
    assert (lost(services), compares(services, child)) == ([ref], False)


def test_rulings_on_numbers_are_none_on_folders(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> None:
    """The other way round; a ruling on a folder of before there were marks stays."""
    photos = tmp_path / "photos"
    for folder in ("12", "2026"):
        (photos / folder).mkdir(parents=True)
    with support.opened(support.configuration(tmp_path), clock, examiner) as house:
        with house.store.write() as tx:
            for ref in ("12", "2026"):
                tx.execute(t.collection.insert().values(ref=ref, title=ref, mode="never", set_by="dam", set_at=tx.now))
            key = inserted_id(
                tx.execute(t.resource.insert().values(ref="2026/a.jpg", file_version="x", kind="photo", seen_at=tx.now))
            )
            tx.execute(t.resource_collection.insert().values(resource_id=key, collection_ref="2026"))
        calendar.start_process(house)
        assert lost(house) == ["12"]
        with house.store.read() as conn:
            (below,) = conn.scalars(select(t.collection.c.lost_below).where(t.collection.c.lost_at.is_not(None)))
        assert below is None  # nothing else waits for it
        assert isinstance(house.dam, NamedCollections)
