"""Who enters, withdraws or erases is answered from the index: no file is opened, and no name is missed in it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from plugin.errors import NameTaken
from plugin.flows.clearance import photo_answers
from plugin.flows.consent import tag_revocation, withdrawal
from plugin.flows.names import name_doubts, name_index
from plugin.flows.people import acknowledgement, register
from plugin.flows.schedule import calendar
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import WaitingKind
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus
from tests import name_places, support
from tests.promises.test_name_fields import NAMES

_LOOKS = frozenset({"open", "os.listdir", "os.scandir"})
_watched: list[Path] = []
_seen: list[str] = []


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _watched and event in _LOOKS and args and isinstance(args[0], str) and args[0].startswith(str(_watched[0])):
        _seen.append(f"{event} {args[0]}")


sys.addaudithook(_hook)


@contextmanager
def unopened(photos: Path) -> Iterator[None]:
    """Nothing of the library is opened inside, nor could be, by another process either: it is not there."""
    hidden = photos.with_name("hidden")
    photos.rename(hidden)
    _watched.append(photos)
    try:
        yield
    finally:
        _watched.clear()
        hidden.rename(photos)
    assert not _seen


def look(cast: support.Cast) -> None:
    """A poll, and what it asks for."""
    calendar.poll_dam(cast.services)
    cast.work()


def test_the_watch_sees_what_is_opened(photos: Path) -> None:
    """Else it would prove nothing."""
    _watched.append(photos)
    list(photos.iterdir())
    _watched.clear()
    assert len(_seen) == 1
    _seen.clear()


def test_why_somebody_is_in_doubt_is_true_and_listed(cast: support.Cast, photos: Path) -> None:
    """A file that cannot be read, a name that came back, and what is left when both are gone; then nobody is."""
    support.settle(name_places.blank(photos / "shoot", "p.jpg"))
    (photos / "shoot/p.jpg.xmp").write_text("<x:xmpmeta>")
    look(cast)
    person = register.add(cast.services, register.Newcomer("Bo Sample", of_age=True), "test")
    assert "1 photograph was not read" in _why(cast, person)
    assert [one.person_id for one in waiting_list.list_items(cast.services, WaitingKind.DOUBTED_NAMES)] == [person]
    (photos / "shoot/p.jpg.xmp").unlink()
    look(cast)
    with cast.services.store.write() as tx:
        number = tx.connection.scalar(select(t.resource.c.id))
        back = {"node": "Cy Sample", "node_key": "cy sample", "origin": "returned", "places": [], "created_at": tx.now}
        tx.execute(insert(t.tag).values(resource_id=number, **back))
    other = register.add(cast.services, register.Newcomer("Cy Sample", of_age=True), "test")
    assert "came back on 1 photograph," in _why(cast, other)
    with cast.services.store.write() as tx:
        tx.execute(delete(t.tag).where(t.tag.c.node_key == "cy sample"))
    assert "looked up within a minute" in _why(cast, other)
    look(cast)
    assert not waiting_list.list_items(cast.services, WaitingKind.DOUBTED_NAMES)


def _why(cast: support.Cast, person: str) -> str:
    gaps = name_doubts.find_gaps(cast.services, person)
    assert gaps is not None
    return name_doubts.explain(gaps)


@pytest.mark.promise
def test_names_are_found_by_the_index_alone(
    cast: support.Cast, photos: Path, promise: Callable[[str, str], None]
) -> None:
    """Every field, encoding and spelling of U2, read while nobody was known; then somebody is entered."""
    services = cast.services
    places = name_places.make(photos / "shoot")
    look(cast)
    missed, wrong = [], []
    with unopened(photos):
        for name in NAMES:
            with services.store.read() as conn:
                found = name_index.list_holders(services, conn, name)
            missed += [p for p in places if p.name == name and f"shoot/{p.photo}" not in found]
            wrong += [ref for ref in found if not any(f"shoot/{p.photo}" == ref for p in places)]
            with pytest.raises(NameTaken, match=f"stands on {len(found)} photographs? "):
                cast.add(name)
        ids = {name: register.add(services, register.Newcomer(name, of_age=True), "test", adopt=True) for name in NAMES}
    promise("U2", f"names read before their people were known: missed by the index {len(missed)} of {len(places)}")
    assert not missed
    assert not wrong
    cast.work()
    unlinked = [p for p in places if f"shoot/{p.photo}" not in cast.tags(ids[p.name])]
    promise("U2", f"asked for by the index and not linked {len(unlinked)} of {len(places)}")
    assert not unlinked


def test_withdrawal_and_its_second_look_ask_the_index(cast: support.Cast, photos: Path) -> None:
    """Of 40 photographs those that bear the name are read, and no other."""
    for number in range(40):
        support.settle(name_places.blank(photos / "shoot", f"p{number}.jpg"))
    look(cast)
    bo = cast.add("Bo Sample")
    cast.sign(bo)
    for number in (3, 7):
        name_places.embed(photos / f"shoot/p{number}.jpg", name_places.packet("Bo Sample").encode())
        support.settle(photos / f"shoot/p{number}.jpg")
    look(cast)
    assert cast.tags(bo).keys() == {"shoot/p3.jpg", "shoot/p7.jpg"}
    with unopened(photos):
        withdrawal.withdraw(cast.services, bo, None, "test")
    _watched.append(photos / "shoot/p")
    cast.work()
    tag_revocation.remove_tags(cast.services, bo, tag_revocation.ALL - {"hand"}, everywhere=True)
    _watched.clear()
    read = {Path(one.split(" ", 1)[1]).name for one in _seen}
    _seen.clear()
    assert read == {"p3.jpg", "p7.jpg"}


def test_a_name_put_on_before_its_person_was_entered_is_nobodys(cast: support.Cast, photos: Path) -> None:
    """The poll had not seen it: it is found later, and blocks until somebody says whose it is."""
    services, photo = cast.services, name_places.blank(photos / "shoot", "a.jpg")
    support.settle(photo)
    look(cast)
    name_places.embed(photo, name_places.packet("Bo Sample").encode())
    support.settle(photo)
    bo = cast.add("Bo Sample")
    cast.sign(bo)
    assert name_doubts.find_gaps(services, bo) is None
    look(cast)
    assert cast.tags(bo) == {}
    assert (
        photo_answers.answer_photo(services, "shoot/a.jpg", "communication", "website").status
        is ClearanceStatus.BLOCKED
    )
    calendar.sweep_endings(services)
    assert name_doubts.find_gaps(services, bo) == name_index.IndexGaps(0)
    with services.store.write() as tx:
        acknowledgement.acknowledge(services, tx, bo, "met", "test")
    cast.work()
    assert cast.tags(bo) == {"shoot/a.jpg": "hand"}
    assert name_doubts.find_gaps(services, bo) is None


def test_a_name_put_on_after_its_person_was_entered_is_theirs(cast: support.Cast, photos: Path) -> None:
    """In a sidecar that came later, on a photograph that was read before."""
    photo = name_places.blank(photos / "shoot", "a.jpg")
    support.settle(photo)
    look(cast)
    bo = cast.add("Bo Sample")
    (photos / "shoot/a.jpg.xmp").write_bytes(name_places.packet("Bo Sample").encode())
    look(cast)
    assert cast.tags(bo) == {"shoot/a.jpg": "hand"}


def test_a_store_of_before_is_told_as_not_read_and_filled_by_the_nightly_comparison(
    cast: support.Cast, photos: Path
) -> None:
    """As after the migration: every photograph known, none indexed."""
    services = cast.services
    for number in range(3):
        photo = name_places.blank(photos / "shoot", f"p{number}.jpg")
        name_places.embed(photo, name_places.packet("Bo Sample").encode())
        support.settle(photo)
    look(cast)
    with services.store.write() as tx:
        tx.execute(t.name_word.delete())
        tx.execute(t.tag.delete())
        tx.execute(update(t.resource).values(indexed=None))
    dee, bo = cast.add("Dee Sample"), cast.add("Bo Sample")
    assert name_doubts.find_gaps(services, dee) == name_index.IndexGaps(3)
    calendar.begin_comparison(services)
    cast.work()
    calendar.poll_dam(services)
    calendar.sweep_endings(services)
    assert name_doubts.find_gaps(services, dee) is None
    assert name_doubts.find_gaps(services, bo) == name_index.IndexGaps(0)
    assert cast.tags(bo) == {}


def test_what_stood_and_stands_no_more_is_in_no_index(cast: support.Cast, photos: Path) -> None:
    """A name taken off, a photograph deleted: its hashes go, and the name is free."""
    services = cast.services
    photo = name_places.blank(photos / "shoot", "a.jpg")
    name_places.embed(photo, name_places.packet("Bo Sample").encode())
    support.settle(photo)
    look(cast)
    with services.store.read() as conn:
        stored = conn.execute(select(t.name_word)).all()
        assert stored
    photo.unlink()
    support.settle(name_places.blank(photos / "shoot", "b.jpg"))
    look(cast)
    with services.store.read() as conn:
        assert not name_index.list_holders(services, conn, "Bo Sample")
        assert not conn.execute(select(t.name_word)).all()
    assert name_doubts.find_gaps(services, cast.add("Bo Sample")) is None


def test_a_house_whose_library_was_never_read_says_so(cast: support.Cast) -> None:
    """Nobody knows how many photographs there are, so nobody says that they were read."""
    with cast.services.store.write() as tx:
        tx.execute(update(t.state).values(polled_at=None))
    doubt = name_doubts.find_gaps(cast.services, cast.add("Bo Sample"))
    assert doubt is not None
    assert doubt.never
    look(cast)
    calendar.sweep_endings(cast.services)
