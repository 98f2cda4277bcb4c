"""R4 on a server: its tables put back from a dump, or a change reverted, bring no name of ours back.

The log goes back with the tables. What another account wrote after our removal is by hand and stays; what it wrote
before, what a revert restores and what is copied with a resource is not.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.consent import withdrawal
from plugin.flows.people import register
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar
from plugin.flows.tags import returned_names
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.recognizer.process.examiner import Examiner
from tests import on_double, support
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_state import SUPER, Library

BO, EDNA = "Bo Sample", "Edna Sample"
EDITOR = 1
COUNT = 12


@dataclass
class House:
    """Resources that bear our name and, every third, an editor's; and the dump that was made of them."""

    cast: support.Cast
    double: Double
    person: str = ""
    refs: list[int] = field(default_factory=list)
    dump: dict[str, Any] = field(default_factory=dict)

    @property
    def library(self) -> Library:
        return self.double.library

    def tagged(self) -> None:
        self.refs = [self.library.create(EDITOR).ref for _ in range(COUNT)]
        for ref in self.refs[::3]:
            self.library.edit(ref, [EDNA])
        self.poll()
        self.person = self.cast.add(BO)
        self.cast.sign(self.person, recognition=False)
        on_double.tag(self.cast.services, self.person, BO)
        self.poll()
        assert self.left() == self.refs
        self.dump = self.library.dump()

    def poll(self) -> None:
        calendar.poll_dam(self.cast.services)
        self.cast.work()

    def reconcile(self) -> None:
        calendar.begin_comparison(self.cast.services)
        self.cast.work()

    def end(self, how: str) -> None:
        if how == "withdraw":
            withdrawal.withdraw(self.cast.services, self.person, None, "test")
        else:
            erasure.erase(self.cast.services, self.person, "test")
        self.cast.work()
        assert self.left() == []

    def restore(self) -> None:
        self.library.restore(self.dump)

    def left(self, name: str = BO) -> list[int]:
        return sorted(ref for ref in self.library.photos if name in self.library.people(ref))

    def by_hand(self, *refs: int) -> None:
        """An editor types the name, after all that happened."""
        for ref in refs:
            self.library.edit(ref, remove=[BO])
            self.library.edit(ref, [BO])

    def warned(self) -> int:
        with self.cast.services.store.read() as conn:
            return len(conn.execute(select(t.audit).where(t.audit.c.action == Action.LOG_SET_BACK)).all())


@pytest.fixture(params=["plugin", "classic"])
def house(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[House]:
    with (
        Double(plugin=request.param == "plugin") as double,
        on_double.house(tmp_path, double, clock, examiner) as services,
    ):
        yield House(support.Cast(services), double)


def grown(house: House) -> None:
    """Restored, and used until the log is longer than it was before."""
    before = len(house.library.log)
    house.restore()
    while len(house.library.log) < before + 150:
        house.library.note(house.refs[0], "d", EDITOR)


def between_marks(house: House) -> None:
    """Restored, and used until the log is exactly as long as it was."""
    before = len(house.library.log)
    house.restore()
    while len(house.library.log) < before:
        house.library.note(house.refs[0], "d", EDITOR)


def deleted_meanwhile(house: House) -> None:
    """Some were deleted for good before, and are there again."""
    for ref in house.refs[:3]:
        house.library.delete(ref, EDITOR)
        house.library.delete(ref, EDITOR)
    house.poll()
    house.restore()


def twice(house: House) -> None:
    """Once more after it was noticed and put right."""
    house.restore()
    house.poll()
    house.reconcile()
    house.restore()


WAYS: dict[str, Callable[[House], None]] = {
    "at once": House.restore,
    "and grown beyond": grown,
    "and grown to the same length": between_marks,
    "twice": twice,
    "with what was deleted": deleted_meanwhile,
}


@pytest.mark.promise
@pytest.mark.parametrize("end", ["withdraw", "erase"])
@pytest.mark.parametrize("way", WAYS)
def test_tables_that_are_put_back_bring_nobody_back(
    house: House, end: str, way: str, promise: Callable[[str, str], None]
) -> None:
    """The set-back is noticed at the next poll, which asks for everything anew; an editor's names stay."""
    house.tagged()
    house.end(end)
    WAYS[way](house)
    came = len(house.left())
    typed, edna = house.refs[4:6], house.left(EDNA)
    house.by_hand(*typed)
    house.poll()
    house.poll()
    left = set(house.left()) - set(typed)
    touched = (set(typed) | set(edna)) - (set(house.left()) | set(house.left(EDNA)))
    assert house.warned() >= 1
    promise(
        "R4",
        f"server, {end}, tables put back {way}: our names left {len(left)} of {came}, names by hand touched "
        f"{len(touched)} of {len(typed) + len(edna)}",
    )
    assert came >= COUNT
    assert (left, touched) == (set(), set())


def test_the_log_is_read_on_from_its_new_end(house: House) -> None:
    """What an editor does after the set-back is told again, and the set-back only once."""
    house.tagged()
    house.end("withdraw")
    house.restore()
    house.poll()
    for _ in range(3):
        house.poll()
    assert house.warned() == 1
    house.library.edit(house.refs[0], ["Ada Sample"])
    house.poll()
    with house.cast.services.store.read() as conn:
        assert conn.scalar(select(t.tag.c.id).where(t.tag.c.node == "Ada Sample")) is not None


def test_an_ordinary_log_is_never_taken_for_one_that_was_set_back(house: House) -> None:
    """Not while it grows by few or by many rows, nor where an administrator purges what is old."""
    house.tagged()
    for rows in (0, 1, 99, 100, 101, 2500):
        for _ in range(rows):
            house.library.note(house.refs[0], "d", EDITOR)
        house.poll()
    del house.library.log[:-5]
    house.poll()
    assert house.warned() == 0


def test_a_revert_is_no_name_by_hand(house: House) -> None:
    """An editor reverts the row in which we took the name off, and later puts it there by hand: one is ours."""
    house.tagged()
    house.end("withdraw")
    rows = [row for row in house.library.log if row["diff"].strip().startswith("- ") and BO in row["diff"]]
    reverted = rows[:4]
    for row in reverted:
        house.library.revert(row["ref"])
    assert len(house.left()) == len(reverted)
    house.poll()
    assert house.left() == []
    house.library.edit(house.refs[-1], [BO])
    house.library.revert(rows[5]["ref"])
    house.reconcile()
    assert house.left() == [house.refs[-1]]


def test_a_name_that_stood_by_hand_before_is_not_put_there_after_our_removal(house: House) -> None:
    """An editor typed the name in the old days; by a decision it was taken off; the dump has both rows, or neither."""
    ref = house.library.create(EDITOR).ref
    house.library.edit(ref, [EDNA])
    house.poll()
    edna = register.add(house.cast.services, register.Newcomer(EDNA), "test", adopt=True)
    house.cast.sign(edna, recognition=False)
    dump = house.library.dump()
    erasure.erase(house.cast.services, edna, "test")
    house.cast.work()
    assert house.left(EDNA) == []
    house.library.restore(dump)
    house.poll()
    assert house.left(EDNA) == []


def test_an_account_without_sight_of_the_log_takes_nothing_for_returned(house: House) -> None:
    """In doubt a name is by hand."""
    house.tagged()
    house.end("withdraw")
    house.restore()
    account = house.library.users["facelease"]
    account.permissions.discard("v")
    services = house.cast.services
    named = services.dam.look(str(house.refs[0])).names[0]
    getattr(services.dam, "_permissions", {}).clear()
    assert services.dam.came_back(str(house.refs[0]), named, 1) == frozenset()


def test_what_waits_is_nothing_after_it(house: House) -> None:
    house.tagged()
    house.end("erase")
    house.restore()
    house.poll()
    with house.cast.services.store.read() as conn:
        assert conn.execute(select(t.tag).where(returned_names.OURS)).first() is None
        assert BO not in str(conn.execute(select(t.tag)).all())


def test_another_super_admin_counts_as_another_account(house: House) -> None:
    """A name that a colleague typed after our removal is theirs, whatever their group."""
    house.tagged()
    house.end("withdraw")
    colleague = house.library.add_user("Colleague", SUPER)
    house.library.edit(house.refs[0], [BO], user=colleague.ref)
    house.poll()
    assert house.left() == [house.refs[0]]


def test_what_a_dump_from_before_lacks_was_refused_by_nobody(house: House) -> None:
    """Tables from before we named somebody: our names are written again; what an editor takes off later stays off."""
    house.refs = [house.library.create(EDITOR).ref for _ in range(COUNT)]
    house.poll()
    dump = house.library.dump()
    house.person = house.cast.add(BO)
    house.cast.sign(house.person, recognition=False)
    on_double.tag(house.cast.services, house.person, BO)
    house.poll()
    refused = house.refs[3]
    house.library.edit(refused, remove=[BO])
    house.poll()
    assert _rejected(house) == 1
    house.library.restore(dump)
    assert house.left() == []
    house.poll()
    house.poll()
    assert house.left() == [ref for ref in house.refs if ref != refused]
    assert _rejected(house) == 1
    house.library.edit(house.refs[0], remove=[BO])
    house.poll()
    house.reconcile()
    assert house.refs[0] not in house.left()
    assert _rejected(house) == 2


def test_what_was_lost_with_the_grant_is_not_written_again(house: House) -> None:
    """A dump from before our names, put back after a withdrawal that could not reach the DAM."""
    house.refs = [house.library.create(EDITOR).ref for _ in range(COUNT)]
    house.poll()
    dump = house.library.dump()
    house.person = house.cast.add(BO)
    house.cast.sign(house.person, recognition=False)
    on_double.tag(house.cast.services, house.person, BO)
    house.poll()
    withdrawal.withdraw(house.cast.services, house.person, None, "test")
    house.library.restore(dump)
    house.poll()
    house.reconcile()
    assert house.left() == []


def _rejected(house: House) -> int:
    with house.cast.services.store.read() as conn:
        return len(conn.execute(select(t.rejection)).all())
