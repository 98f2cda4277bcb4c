"""What the DAM says of its collections: modes that are kept there, and collections that are hidden from us."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.names import resources
from plugin.flows.photos import scan_queue
from plugin.flows.schedule import calendar
from plugin.hooks.dam import CollectionRuling, Resource
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import support
from tests.dams import Through


class Telling(Through):
    """The folder, which says of every photograph what a test wants it to say."""

    complete = True
    told: tuple[CollectionRuling, ...] = ()

    def look(self, ref: str) -> Resource:
        return replace(self.inner.look(ref), complete=self.complete, rulings=self.told)

    def rulings(self) -> tuple[CollectionRuling, ...]:
        return self.told


@pytest.fixture
def dam() -> list[Telling]:
    """The DAM of the house, once that is open."""
    return []


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, examiner: Examiner, dam: list[Telling]) -> Iterator[Services]:
    """A house in which Åsa is enrolled, with a photograph of her in a collection."""
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)

    def wrap(inner: Through) -> Telling:
        dam.append(Telling(inner))
        return dam[0]

    with support.opened(support.configuration(tmp_path), clock, examiner, wrap) as services:  # type: ignore[arg-type]
        cast = support.Cast(services)
        asa = cast.add("Åsa")
        cast.sign(asa)
        cast.enrol(asa)
        support.put(tmp_path / "photos", f"{support.SHOOT}/a.jpg", samples.A_SPEECH, (600, 800))
        yield services


REF = f"{support.SHOOT}/a.jpg"
RULING = CollectionRuling(
    support.SHOOT, "Shoot", "auto", "all-asked", "list of who was asked", "the administrator", set_by="admin"
)


def work(services: Services) -> None:
    calendar.poll_dam(services)
    support.Cast(services).work()


def names(services: Services) -> set[str]:
    return support.Cast(services).names_on(REF)


def row(services: Services) -> tuple[str, str | None, str]:
    with services.store.read() as conn:
        found = conn.execute(select(t.collection).where(t.collection.c.ref == support.SHOOT)).one()
        return found.mode, found.basis, found.set_by


def test_a_mode_that_is_kept_in_the_dam_holds_at_once(house: Services, dam: list[Telling]) -> None:
    """It is entered before the scope is computed: the very photograph that told of it is examined by it."""
    dam[0].told = (RULING,)
    work(house)
    assert row(house) == ("auto", "all-asked", "admin")
    assert names(house) == {"Åsa"}


def test_a_scan_hears_modes_that_were_chosen_before_it(house: Services, dam: list[Telling]) -> None:
    """A first scan asks the DAM for its modes: nothing has been looked at that could have told them."""
    assert list(scan_queue.list_due(house)) == []
    dam[0].told = (RULING,)
    assert list(scan_queue.list_due(house)) == [REF]
    assert row(house) == ("auto", "all-asked", "admin")


def test_a_mode_without_its_basis_finds_faces_and_compares_none(house: Services, dam: list[Telling]) -> None:
    """No reference, no name, a review date that is past: whatever the DAM let somebody save."""
    for ruling in (
        replace(RULING, basis=None),
        replace(RULING, reference=""),
        replace(RULING, basis="controller", decided=date(2026, 1, 1), review=date(2026, 3, 1)),
    ):
        dam[0].told = (ruling,)
        resources.enter(house, REF)
        assert row(house)[0] == "detect"
    work(house)
    assert names(house) == set()


def test_a_ruling_is_written_once_and_followed_when_it_changes(house: Services, dam: list[Telling]) -> None:
    """Looking again moves no generation; another mode does, and asks for what loses its ground."""
    dam[0].told = (RULING,)
    before = _generation(house)
    for _ in range(3):
        resources.enter(house, REF)
    assert _generation(house) == before + 1
    dam[0].told = (replace(RULING, mode="never"),)
    assert resources.enter(house, REF).scope.mode is Mode.NEVER
    assert _generation(house) == before + 2
    with house.store.read() as conn:
        assert conn.scalar(select(func.count()).where(t.job.c.kind == "remode"))
        told = conn.scalars(select(t.audit.c.details).where(t.audit.c.action == "collection:mode:set")).all()
    assert len(told) == 2


def test_where_collections_are_hidden_no_face_is_compared(house: Services, dam: list[Telling]) -> None:
    """One that we cannot see may forbid it: faces are found, nobody is named, until all can be seen."""
    support.Cast(house).open_collection()
    dam[0].complete = False
    work(house)
    with house.store.read() as conn:
        states: Sequence[str] = conn.scalars(select(t.face.c.state)).all()
        resource = conn.scalar(select(t.resource.c.id))
        assert resource is not None
        assert modes.scope_of(house, conn, resource).mode is Mode.DETECT
    assert list(states) == ["unmatched"]
    assert names(house) == set()
    dam[0].complete = True
    assert resources.enter(house, REF).scope.mode is Mode.AUTO


def test_hidden_collections_widen_nothing(house: Services, dam: list[Telling]) -> None:
    """Off stays off, never stays never."""
    dam[0].complete = False
    assert resources.enter(house, REF).scope.mode is Mode.OFF
    modes.decide(house, support.SHOOT, modes.Ruling(Mode.NEVER), "test")
    assert resources.enter(house, REF).scope.mode is Mode.NEVER


def _generation(services: Services) -> int:
    with services.store.read() as conn:
        return int(conn.scalar(select(t.state.c.generation)) or 0)
