"""What was chosen for a collection counts only for photographs that the account that chose it may edit."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.flows.clearance import photo_answers
from plugin.flows.collections import modes
from plugin.flows.common import dam_events
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.hooks.webhooks import events
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from tests import on_double, support
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_state import GENERAL, SUPER, Shelf

ASA = "Åsa Öberg"
BASED = {"basis": "all-asked", "reference": "list", "by": "Ann Sample", "decided": "2026-01-02"}
PRIVATE, PUBLIC, FEATURED = 0, 4, 3
_messages = count()


class House:
    """Two photographs of the administrator's, one of them named by the machine; jo decides about collections."""

    def __init__(self, services: Services, double: Double) -> None:
        self.services, self.library = services, double.library
        self.cast = support.Cast(services)
        self.jo = self.library.add_user("jo", GENERAL)
        for _ in range(2):
            self.library.create(1)
        calendar.poll_dam(services)
        self.cast.work()
        self.asa = self.cast.add(ASA)
        self.cast.sign(self.asa)
        on_double.tag(services, self.asa, ASA)
        with services.store.write() as tx:
            first = select(t.resource.c.id).where(t.resource.c.ref == "1").scalar_subquery()
            tx.execute(update(t.tag).where(t.tag.c.resource_id == first).values(origin="machine"))

    def choose(self, mode: str, by: str = "jo", resources: list[int] | None = None, **more: Any) -> Shelf:
        """As the page "Face recognition" of a collection does."""
        group = self.library.users[by].group
        ruling = {"mode": mode, "set_by": by, "set_at": "2026-03-01 10:00:00", "set_by_group": group, **BASED}
        held = [1, 2] if resources is None else resources
        shelf = self.library.collect("Theirs", self.library.users[by].ref, held, ruling=ruling, **more)
        self.changed(shelf)
        return shelf

    def changed(self, shelf: Shelf) -> None:
        """The plugin tells of the collection, and what follows is done."""
        at = self.services.clock.now()
        dam_events.accept(self.services, f"m{next(_messages)}", events.CollectionChanged(str(shelf.ref), at))
        self.cast.work()

    def mode(self, ref: int) -> Mode:
        with self.services.store.read() as conn:
            number = conn.scalar(select(t.resource.c.id).where(t.resource.c.ref == str(ref)))
            return modes.scope_of(self.services, conn, int(number or 0)).mode

    def held(self, shelf: Shelf) -> list[str]:
        return sorted(self.services.dam.refs(str(shelf.ref)))


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[House]:
    with Double() as double, on_double.house(tmp_path, double, clock, examiner) as services:
        yield House(services, double)


@pytest.mark.parametrize("kind", [PRIVATE, PUBLIC, FEATURED])
@pytest.mark.parametrize("mode", ["detect", "suggest", "auto", "never", "off"])
def test_who_may_not_edit_a_photograph_decides_nothing_about_it(house: House, mode: str, kind: int) -> None:
    """Whatever they choose, in a collection of whatever kind: names, answers and comparing stay as they were."""
    before = photo_answers.answer_photo(house.services, "1", "communication", "website")
    mine = house.choose(mode, kind=kind)
    assert [house.mode(ref) for ref in (1, 2)] == [Mode.OFF, Mode.OFF]
    assert house.held(mine) == []
    assert house.cast.tags(house.asa) == {"1": "machine", "2": "confirmed"}
    assert photo_answers.answer_photo(house.services, "1", "communication", "website") == before
    assert [house.library.people(ref) for ref in (1, 2)] == [{ASA}, {ASA}]


def test_a_ruling_of_somebody_else_goes_on_beside_it(house: House) -> None:
    """ "Never" and "off" of somebody without the right take nothing from an administrator's "auto"; nor the reverse."""
    house.choose("auto", by="admin", resources=[1])
    house.choose("never")
    assert (house.mode(1), house.mode(2)) == (Mode.AUTO, Mode.OFF)
    house.choose("never", by="admin", resources=[2])
    house.choose("auto")
    assert (house.mode(1), house.mode(2)) == (Mode.AUTO, Mode.NEVER)


def test_it_is_judged_by_each_photograph(house: House) -> None:
    """Of one collection it counts for what they may edit, also for what is put into it later."""
    draft = house.library.create(house.jo.ref, archive=-1)
    calendar.poll_dam(house.services)
    house.cast.work()
    mine = house.choose("auto", resources=[1, draft.ref])
    assert (house.mode(1), house.mode(draft.ref)) == (Mode.OFF, Mode.AUTO)
    assert house.held(mine) == [str(draft.ref)]
    other = house.library.create(house.jo.ref, archive=-1)
    calendar.poll_dam(house.services)
    house.cast.work()
    mine.resources += [2, other.ref]
    house.changed(mine)
    assert (house.mode(2), house.mode(other.ref)) == (Mode.OFF, Mode.AUTO)


def test_it_follows_the_rights_of_the_account(house: House) -> None:
    """Given, taken away, the account shut: what it allowed ends with that."""
    mine = house.choose("auto")
    for given, mode in ((True, Mode.AUTO), (False, Mode.OFF), (True, Mode.AUTO)):
        (house.jo.permissions.add if given else house.jo.permissions.discard)("e0")
        house.changed(mine)
        assert [house.mode(ref) for ref in (1, 2)] == [mode, mode]
    house.jo.active = False
    house.changed(mine)
    assert house.mode(1) is Mode.OFF
    house.jo.active = True
    house.jo.name = "JO"  # another account, whose name is spelled like it
    house.changed(mine)
    assert house.mode(1) is Mode.OFF


def test_a_protection_outlives_the_account(house: House) -> None:
    """A "never" by somebody who could goes on where they were moved, shut or deleted; an "auto" does not."""
    boss = house.library.add_user("boss", SUPER)
    house.choose("never", by="boss", resources=[1])
    auto = house.choose("auto", by="boss", resources=[2])
    assert (house.mode(1), house.mode(2)) == (Mode.NEVER, Mode.AUTO)
    boss.permissions.clear()
    boss.active = False
    for shelf in (house.library.shelves[auto.ref - 1], auto):
        house.changed(shelf)
    assert (house.mode(1), house.mode(2)) == (Mode.NEVER, Mode.OFF)
    del house.library.users["boss"]
    house.changed(auto)
    assert (house.mode(1), house.mode(2)) == (Mode.NEVER, Mode.OFF)
