"""R4: a DAM that is restored or reverted brings no name of ours back, and names by hand stay.

The folder's part. A restored tree is whatever a backup program makes of it: other times, only some of the
files, another place. What an editor typed is by hand, whatever else was restored.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from plugin.flows.consent import withdrawal
from plugin.flows.people import register
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar
from plugin.flows.tags import returned_names
from plugin.ledger import tables as t
from sidecar.commands.demo import samples
from tests import another_program, support

BO, EDNA = "Bo Sample", "Edna Sample"


@dataclass
class House:
    """Photographs of somebody who agreed, a backup of the folder, and a count of what is left."""

    cast: support.Cast
    photos: Path
    backup: Path
    person: str = ""
    refs: list[str] = field(default_factory=list)

    def tagged(self, count: int = 3) -> None:
        """Our name on each, and an editor's name on the first; then the backup is made."""
        self.person = self.cast.add(BO)
        self.cast.sign(self.person)
        self.cast.enrol(self.person)
        self.refs = [
            support.put(self.photos, f"shoot/{i}.jpg", samples.A_STANDING, (300 + i, 400)) for i in range(count)
        ]
        another_program.name(self.photos / self.refs[0], EDNA)
        self.cast.open_collection()
        self.reconcile()
        assert all(BO in self.cast.names_on(ref) for ref in self.refs)
        shutil.copytree(self.photos, self.backup)

    def reconcile(self) -> None:
        """One poll, one reconcile, and what follows."""
        calendar.poll_dam(self.cast.services)
        calendar.begin_comparison(self.cast.services)
        self.cast.work()

    def withdraw(self) -> None:
        withdrawal.withdraw(self.cast.services, self.person, None, "test")
        self.cast.work()
        assert self.left() == []

    def erase(self) -> None:
        erasure.erase(self.cast.services, self.person, "test")
        self.cast.work()
        assert self.left() == []

    def restore(self, *only: str, to: str = "") -> None:
        """Files of the backup back in the tree, dated anew: all, or those that match a pattern of `only`."""
        for path in sorted(self.backup.rglob("*")):
            ref = path.relative_to(self.backup)
            if path.is_file() and (not only or any(ref.match(pattern) for pattern in only)):
                target = self.photos / to / ref
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
                support.settle(target)

    def left(self, name: str = BO) -> list[str]:
        """The photographs that bear the name, read from the files."""
        files = sorted(self.photos.rglob("*.jpg"))
        refs = [path.relative_to(self.photos).as_posix() for path in files]
        return [ref for ref in refs if name in another_program.words(self.photos / ref)]


@pytest.fixture
def house(cast: support.Cast, photos: Path, tmp_path: Path) -> House:
    return House(cast, photos, tmp_path / "backup")


def twice(house: House) -> None:
    """Put back, taken off, put back."""
    house.restore()
    house.reconcile()
    house.restore()


WAYS: dict[str, Callable[[House], None]] = {
    "everything": lambda h: h.restore(),
    "photographs only": lambda h: h.restore("*.jpg"),
    "sidecars only": lambda h: h.restore("*.xmp"),
    "one file": lambda h: h.restore("1.jpg"),
    "another folder": lambda h: h.restore(to="put back"),
    "twice": twice,
}


@pytest.mark.promise
@pytest.mark.parametrize("end", ["withdraw", "erase"])
def test_what_is_put_back_goes_again(
    house: House, end: str, tmp_path: Path, promise: Callable[[str, str], None]
) -> None:
    """Each way of restoring, after a withdrawal and after an erasure: one reconcile, and none is left."""
    house.tagged()
    getattr(house, end)()
    left = came = touched = 0
    for way in WAYS.values():
        way(house)
        came += len(house.left())
        by_hand = house.left(EDNA)
        house.reconcile()
        left += len(house.left())
        touched += len(set(by_hand) - set(house.left(EDNA)))
        with house.cast.services.store.read() as conn:
            assert conn.execute(select(t.tag).where(returned_names.OURS)).first() is None
    promise(
        "R4", f"folder, {end}: our names left after one reconcile {left} of {came}, names by hand touched {touched}"
    )
    assert came >= 10
    assert (left, touched) == (0, 0)


def test_a_new_person_of_that_name_is_offered_nothing(house: House) -> None:
    """Before and after the reconcile: the name that came back is nobody's, and needs no --adopt."""
    house.tagged()
    house.erase()
    house.restore()
    with house.cast.services.store.read() as conn:
        assert conn.execute(select(t.person)).all() == []
    other = register.add(house.cast.services, register.Newcomer(BO), "test")
    house.reconcile()
    assert (house.left(), house.cast.tags(other)) == ([], {})


def test_the_store_holds_no_name_of_the_erased_afterwards(house: House) -> None:
    house.tagged()
    house.erase()
    house.restore()
    house.reconcile()
    services = house.cast.services
    with services.store.read() as conn:
        for table in (t.taken_off, t.tag, t.intent, t.folder_state):
            assert BO not in str(conn.execute(select(table)).all())
        assert conn.execute(select(t.taken_off)).all()


def test_a_name_typed_after_our_removal_is_by_hand(house: House) -> None:
    """Without a restore; and on a photograph that was restored and edited: it stays, and is listed."""
    house.tagged()
    house.withdraw()
    another_program.name(house.photos / house.refs[1], BO)
    house.restore("2.jpg*")
    another_program.name(house.photos / house.refs[2], EDNA)
    house.reconcile()
    house.reconcile()
    assert set(house.left()) == {house.refs[1], house.refs[2]}
    with house.cast.services.store.read() as conn:
        assert returned_names.list_by_hand_again(house.cast.services, conn) == [
            (house.refs[1], BO),
            (house.refs[2], BO),
        ]


def test_a_name_by_hand_in_the_old_state_is_touched_by_nobody(house: House) -> None:
    """Edna stood there by hand when the backup was made; she is no person of ours, later she is, and withdraws."""
    house.tagged()
    edna = register.add(house.cast.services, register.Newcomer(EDNA), "test", adopt=True)
    house.cast.sign(edna)
    withdrawal.withdraw(house.cast.services, edna, None, "test")
    house.withdraw()
    house.restore()
    house.reconcile()
    assert house.left(EDNA) == [house.refs[0]]


def test_a_name_that_we_wrote_again_is_an_ordinary_tag(house: House) -> None:
    """Withdrawn, signed again, tagged again: nothing is taken off, and a restore of that state is no return."""
    house.tagged()
    house.withdraw()
    house.cast.sign(house.person)
    house.cast.enrol(house.person)
    for ref in house.refs:
        with house.cast.services.store.write() as tx:
            house.cast.services.queue.put(tx, "photo", ref)
    house.cast.work()
    assert house.left() == house.refs
    house.reconcile()
    assert house.left() == house.refs
    with house.cast.services.store.read() as conn:
        assert conn.execute(select(t.taken_off)).all() == []


def test_a_state_that_an_editor_made_while_our_name_stood_is_known(house: House) -> None:
    """Our tag, then an editor's keyword, a look, the backup, the withdrawal: that state comes back, ours goes."""
    house.tagged()
    another_program.run(house.photos / house.refs[1], "-IPTC:Keywords=a gala")
    house.reconcile()
    shutil.rmtree(house.backup)
    shutil.copytree(house.photos, house.backup)
    house.withdraw()
    house.restore()
    house.reconcile()
    assert house.left() == []


def test_removals_of_before_are_remembered_once(house: House) -> None:
    """An installation of before knows its removals by its intents: taken over at the first start, and only then."""
    house.tagged()
    house.withdraw()
    services = house.cast.services
    with services.store.write() as tx:
        tx.execute(delete(t.taken_off))
        tx.execute(update(t.state).values(taken_off_at=None))
    calendar.start_process(services)
    with services.store.write() as tx:
        assert len(tx.execute(select(t.taken_off)).all()) == len(house.refs)
        tx.execute(delete(t.taken_off).where(t.taken_off.c.resource_id == 1))
    calendar.start_process(services)
    with services.store.read() as conn:
        assert len(conn.execute(select(t.taken_off)).all()) == len(house.refs) - 1


def test_who_agrees_anew_under_an_erased_name_is_named_and_stays_so(house: House) -> None:
    """Erased, the backup put back, and a new person of that name and face agrees: named once, and not taken off."""
    house.tagged()
    house.erase()
    house.restore()
    again = house.cast.add(BO)
    house.cast.sign(again)
    house.cast.enrol(again)
    for _ in range(3):
        house.reconcile()
    assert house.left() == house.refs
    with house.cast.services.store.read() as conn:
        mine = select(t.tag.c.origin, t.tag.c.person_id).where(t.tag.c.node == BO)
        assert {tuple(row) for row in conn.execute(mine)} == {("machine", again)}
    house.restore()
    house.reconcile()
    assert house.left() == house.refs


def test_put_back_and_renamed_before_anybody_looked(house: House) -> None:
    """The folder of the backup comes back under another name, and its parts are moved about."""
    house.tagged()
    house.erase()
    house.restore(to="put back")
    (house.photos / "put back/shoot").rename(house.photos / "old days")
    (house.photos / "old days/1.jpg").rename(house.photos / "1 (2).jpg")
    house.reconcile()
    assert house.left() == []
