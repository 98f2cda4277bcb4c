"""U2: names in every field that programs write people into, in every encoding and spelling: none is missed.

Somebody who never agreed blocks each photograph; after a withdrawal none is cleared and each is listed; what reading
finds the certificate finds. And what cannot be read is unknown, never "no name". What is left of ours: R3.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from plugin.errors import DamError, NameTaken, WriteRefused
from plugin.flows.clearance import photo_answers
from plugin.flows.consent import tag_revocation, withdrawal
from plugin.flows.names import name_doubts
from plugin.flows.names.name_index import IndexGaps
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Write
from plugin.hooks.name_search import SoughtName
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus
from tests import name_places, support

LATIN = "Jorg Sample"
NAMES = (*name_places.NAMES, LATIN)


def _ask(cast: support.Cast, ref: str) -> ClearanceStatus:
    return photo_answers.answer_photo(cast.services, ref, "communication", "website").status


def _look(cast: support.Cast) -> None:
    calendar.poll_dam(cast.services)
    cast.work()


@pytest.mark.promise
def test_names_are_missed_in_no_field(cast: support.Cast, photos: Path, promise: Callable[[str, str], None]) -> None:
    """One house: entered before the photographs came, never asked; then agreed and withdrawn; then looked for."""
    ids = {name: cast.add(name) for name in NAMES}
    places = name_places.make(photos / "shoot")
    _look(cast)
    missed = [p for p in places if _ask(cast, f"shoot/{p.photo}") is not ClearanceStatus.BLOCKED]
    for person in ids.values():
        cast.sign(person)
        withdrawal.withdraw(cast.services, person, None, "test")
    cast.work()
    cleared = [p for p in places if _ask(cast, f"shoot/{p.photo}") is ClearanceStatus.CLEARED]
    listed = {name: set(tag_revocation.list_by_hand(cast.services, person)) for name, person in ids.items()}
    unlisted = [p for p in places if f"shoot/{p.photo}" not in listed[p.name]]
    found = {name: _certified(cast, name) for name in NAMES}
    uncertified = [p for p in places if f"shoot/{p.photo}" not in found[p.name]]
    for what, wrong in (
        ("missed", missed),
        ("cleared after a withdrawal", cleared),
        ("unlisted", unlisted),
        ("found by reading and not by the certificate", uncertified),
    ):
        promise("U2", f"names in fields x encodings x spellings: {what} {len(wrong)} of {len(places)}")
        assert not wrong, what
    assert len(places) > 200


def _certified(cast: support.Cast, name: str) -> set[str]:
    """The photographs that a certificate tells; a list of Picasa's stands for those that it is about."""
    found = {m.ref or m.at for m in cast.services.dam.mentions(SoughtName([name]), lambda: None).found}
    lists = {f"shoot/l{number}.jpg" for number in range(3)} if "shoot/.picasa.ini" in found else set()
    return found | lists


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(5 << 30)


def _unreadable(photo: Path) -> dict[str, Callable[[Path], object]]:
    """What may stand where a sidecar should."""
    nowhere = photo.parent / "nowhere"
    half = name_places.packet("Bo Sample").encode()
    return {
        "folder": Path.mkdir,
        "pipe": os.mkfifo,
        "link to nowhere": lambda p: p.symlink_to(nowhere),
        "garbage": lambda p: p.write_bytes(bytes(range(1, 255)) * 4),
        "text": lambda p: p.write_text("hello"),
        "cut short": lambda p: p.write_bytes(half[: half.index(b"</rdf:li>")]),
        "cut at the start": lambda p: p.write_bytes(half[:60]),
        "no end": lambda p: p.write_bytes(half.replace(b"</rdf:li>", b"")),
        "5 GB": _huge,
        "HTML": lambda p: p.write_text('<?xml version="1.0"?><html>RDF</html>'),
    }


def test_what_cannot_be_read_is_unknown_until_it_can_be(
    cast: support.Cast, photos: Path, promise: Callable[[str, str], None]
) -> None:
    """Sidecars of every broken kind beside photographs on which nobody is named: read as empty none of them is."""
    picture = photos / "shoot/whole.jpg"
    picture.parent.mkdir(exist_ok=True)
    made = _unreadable(picture)
    for number, how in enumerate(made):
        photo = name_places.blank(picture.parent, f"{number}.jpg")
        made[how](photo.with_name(photo.name + ".xmp"))
        support.settle(photo)
    empty = name_places.blank(picture.parent, "empty.jpg")
    empty.with_name("empty.jpg.xmp").touch()
    lists = photos / "shoot/list"
    lists.mkdir()
    name_places.blank(lists, "l.jpg")
    (lists / ".picasa.ini").write_bytes(b"[l.jpg]\nfaces=rect64(1),c8fc9ad3fc3f4a73\n")
    _look(cast)
    with cast.services.store.read() as conn:
        unread = dict(conn.execute(select(t.resource.c.ref, t.resource.c.unread)).all())
    read = [how for number, how in enumerate(made) if unread[f"shoot/{number}.jpg"] != "sidecar"]
    promise("U2", f"sidecars that cannot be read, taken for ones without names: {len(read)} of {len(made)}")
    assert read == []
    assert unread["shoot/empty.jpg"] is None
    assert unread["shoot/list/l.jpg"] == "list"
    for number in range(len(made)):
        beside = photos / f"shoot/{number}.jpg.xmp"
        shutil.rmtree(beside) if beside.is_dir() else beside.unlink()
    (lists / ".picasa.ini").unlink()
    _look(cast)
    with cast.services.store.read() as conn:
        assert set(conn.scalars(select(t.resource.c.unread))) == {None}


def test_a_name_that_could_not_be_read_is_not_gone(cast: support.Cast, photos: Path) -> None:
    """Our tag stays in the ledger, nothing is rejected; and a write tells that it cannot be read back."""
    person = cast.add("Bo Sample")
    cast.sign(person, recognition=False)
    photo = name_places.blank(photos / "shoot", "a.jpg")
    cast.services.dam.write("shoot/a.jpg", [Write("Bo Sample", True, cast.services.dam.places)], None)
    support.settle(photo)
    _look(cast)
    beside = photos / "shoot/a.jpg.xmp"
    whole, before = beside.read_bytes(), cast.tags(person)
    beside.write_bytes(whole.replace(b"</rdf:RDF>", b""))
    support.settle(beside)
    _look(cast)
    assert cast.tags(person) == before == {"shoot/a.jpg": "hand"}
    assert isinstance(cast.services.dam.names_on(["shoot/a.jpg"])["shoot/a.jpg"], DamError)
    with pytest.raises(WriteRefused, match="cannot be read as XMP"):
        cast.services.dam.write("shoot/a.jpg", [Write("Bo Sample", False, cast.services.dam.places)], None)
    beside.write_bytes(whole)
    _look(cast)
    with cast.services.store.read() as conn:
        assert conn.scalar(select(t.rejection.c.id)) is None
        assert conn.scalar(select(t.resource.c.unread)) is None


def test_who_is_entered_while_photographs_cannot_be_read_owns_no_name(cast: support.Cast, photos: Path) -> None:
    """Told with the number; no name is theirs by spelling until all was read and it stands nowhere."""
    name_places.blank(photos / "shoot", "a.jpg")
    (photos / "shoot/a.jpg.xmp").mkdir()
    b = name_places.blank(photos / "shoot", "b.jpg")
    name_places.embed(b, name_places.packet("Cee Sample").encode())
    support.settle(b)
    _look(cast)
    with pytest.raises(NameTaken, match="stands on 1 photograph "):
        cast.add("Cee Sample")
    services = cast.services
    person, dee = cast.add("Bo Sample"), cast.add("Dee Sample")
    doubt = name_doubts.find_gaps(services, person)
    assert doubt is not None
    assert "1 photograph was not read yet" in name_doubts.explain(doubt)
    cast.sign(person)
    (photos / "shoot/a.jpg.xmp").rmdir()
    name_places.embed(photos / "shoot/a.jpg", name_places.packet("Bo Sample").encode())
    support.settle(photos / "shoot/a.jpg")
    _look(cast)
    assert cast.tags(person) == {}
    assert _ask(cast, "shoot/a.jpg") is ClearanceStatus.BLOCKED
    assert name_doubts.find_gaps(services, person) == IndexGaps(0)
    assert name_doubts.find_gaps(services, dee) == IndexGaps(0)
    calendar.sweep_endings(services)
    assert name_doubts.find_gaps(services, person) == IndexGaps(0)
    assert name_doubts.find_gaps(services, dee) is None


def test_what_we_do_not_write_stays_told_where_names_by_hand_are_to_go(cast: support.Cast, photos: Path) -> None:
    """`after_end = "remove"` takes off what we could have written; a keyword of Lightroom's is listed, and blocks."""
    services = cast.services
    remove = services.config.hand_tags.model_copy(update={"after_end": "remove"})
    house = replace(services, config=services.config.model_copy(update={"hand_tags": remove}))
    person = cast.add("Bo Sample")
    cast.sign(person)
    photo = name_places.blank(photos / "shoot", "a.jpg")
    name_places.embed(photo, name_places.packet("Bo Sample").encode())
    support.settle(photo)
    _look(cast)
    withdrawal.withdraw(house, person, None, "test")
    support.Cast(house).work()
    calendar.begin_comparison(house)
    support.Cast(house).work()
    assert tag_revocation.list_by_hand(house, person) == ["shoot/a.jpg"]
    assert _ask(cast, "shoot/a.jpg") is ClearanceStatus.BLOCKED
