"""O1: what is broken or closed is set aside and named; everything else goes on, and nothing in it counts as deleted."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select, text

from plugin.clock import ManualClock
from plugin.errors import DamError
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.names import name_doubts
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar
from plugin.flows.tags import intents
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import WaitingKind
from plugin.hooks.dam import ChangeKind
from plugin.hooks.left_out import LeftOutReason
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.doctor import checks
from tests import name_places, on_double, support
from tests.doubles.resourcespace import Double
from tests.plain_account import plain_account

pytestmark = pytest.mark.promise

Promise = Callable[[str, str], None]
NAME = "Åsa Sample"


def _photo(folder: Path, name: str, shade: int) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    Image.new("RGB", (64, 48), (shade, 9, 9)).save(folder / name)
    support.settle(folder / name)
    return folder / name


def _break(root: Path) -> dict[str, str]:
    """Every kind of bad thing beside or as a photograph; by its path what it has to be told as."""
    shoot = root / support.SHOOT
    for number, name in enumerate(("pipe", "sock", "loop", "dangling", "folder", "closed")):
        _photo(shoot, f"{name}.jpg", 100 + number)
    os.mkfifo(shoot / "pipe.jpg.xmp")
    here = os.open(shoot, os.O_PATH)  # a socket's path has to be short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{here}/sock.jpg.xmp")
    os.close(here)
    (shoot / "loop.jpg.xmp").symlink_to("loop.jpg.xmp")
    (shoot / "dangling.jpg.xmp").symlink_to("/nonexistent/a.xmp")
    (shoot / "folder.jpg.xmp").mkdir()
    (shoot / "closed.jpg.xmp").write_text("<x/>")
    (shoot / "closed.jpg.xmp").chmod(0)
    os.mkfifo(shoot / "pipe.jpeg")
    shutil.copy(shoot / "pipe.jpg", shoot / os.fsdecode(b"bad\xff.jpg"))
    return {"pipe.jpeg": "special", "bad\\udcff.jpg": "name"} | dict.fromkeys(
        (f"{name}.jpg" for name in ("pipe", "sock", "loop", "dangling", "folder", "closed")), "sidecar"
    )


@contextmanager
def _shut(*paths: Path) -> Iterator[None]:
    modes = [path.stat().st_mode for path in paths]
    for path in paths:
        path.chmod(0)
    try:
        with plain_account():
            yield
    finally:
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)


def _unread(services: Services) -> dict[str, str]:
    with services.store.read() as conn:
        rows = conn.execute(select(t.resource.c.ref, t.resource.c.unread).where(t.resource.c.unread.is_not(None)))
        return {row.ref: row.unread for row in rows}


def test_a_library_with_bad_items_is_taken_up_but_for_these(services: Services, photos: Path, promise: Promise) -> None:
    """Special files beside photographs, unreadable ones, names that are none: the good ones are noted, the bad told."""
    cast = support.Cast(services)
    good = [_photo(photos / support.SHOOT, f"good{n}.jpg", n) for n in range(4)]
    bad = _break(photos)
    with plain_account():
        calendar.poll_dam(services)
        cast.work()
        left = {one.ref: one.why.value for one in services.dam.left_out()}
        unread = _unread(services)
    with services.store.read() as conn:
        noted = set(conn.scalars(select(t.resource.c.ref).where(t.resource.c.unread.is_(None))))
    done = sum(f"{support.SHOOT}/{one.name}" in noted for one in good)
    said = left | unread
    told = sum(any(name in ref and why == kind for ref, why in said.items()) for name, kind in bad.items())
    promise("O1", f"bad items in a library {len(bad)}: others done {done} of {len(good)}, told {told} of {len(bad)}")
    assert (done, told) == (len(good), len(bad)), said
    assert len(said) == len(bad)


def test_a_closed_folder_is_no_empty_one(services: Services, photos: Path, promise: Promise) -> None:
    """Its photographs are unknown, not gone, its ruling is not lost; opened, all is as it was. It is told once."""
    cast = support.Cast(services)
    inner = photos / support.SHOOT / "inner"
    _photo(inner / "deep", "a.jpg", 1), _photo(inner, "b.jpg", 2), _photo(photos, "c.jpg", 3)
    calendar.poll_dam(services)
    cast.work()
    cast.open_collection("shoot/inner/deep", Mode.NEVER)
    with _shut(inner):
        _photo(photos, "d.jpg", 4)
        calendar.poll_dam(services)
        cast.work()
        calendar.begin_comparison(services)
        cast.work()
        below = {"shoot/inner/b.jpg", "shoot/inner/deep/a.jpg"}
        assert _unread(services) == dict.fromkeys(below, "photo")
        assert [(one.ref, one.why) for one in services.dam.left_out()] == [("shoot/inner", LeftOutReason.CLOSED)]
        assert {one.what for one in services.dam.changes()} <= {ChangeKind.METADATA}
        assert {"c.jpg", "d.jpg", *below} <= set(services.dam.refs())
        (entry,) = [one for one in waiting_list.list_counts(services) if one.kind is WaitingKind.OUT_OF_REACH]
        assert (entry.count, entry.wrong) == (1, False)
        said = checks.run_checks(services.config, services.clock)
        assert [one.count for one in said if one.code == WaitingKind.OUT_OF_REACH.value] == [1]
        with services.store.read() as conn:
            lost = conn.scalars(select(t.collection.c.ref).where(t.collection.c.lost_at.is_not(None))).all()
            gone = conn.scalars(select(t.resource.c.ref).where(t.resource.c.deleted_at.is_not(None))).all()
            dead = services.queue.dead()
        assert (list(lost), list(gone), list(dead)) == ([], [], [])
    calendar.poll_dam(services)
    cast.work()
    promise("O1", f"a folder closed and opened again: taken for deleted 0, unknown meanwhile {len(below)} of 2")
    assert (_unread(services), list(services.dam.left_out())) == ({}, [])


def test_a_share_that_goes_in_the_middle_of_a_walk_loses_nothing(
    services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders that were listed and are not there when they are read are no deletion before the next walk says so."""
    for name in ("one", "two", "three"):
        _photo(photos / name, "a.jpg", len(name))
    calendar.poll_dam(services)
    support.Cast(services).work()
    real, away = os.scandir, photos.with_name("away")

    def scandir(path: Path) -> object:
        if Path(path) != photos and photos.exists():
            photos.rename(away)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert services.dam.changes() == []
    monkeypatch.undo()
    away.rename(photos)
    assert services.dam.changes() == []


def test_a_file_that_cannot_be_read_stops_no_erasure(services: Services, photos: Path, promise: Promise) -> None:
    """One of two photographs is closed: the person is forgotten, the other is clean, the certificate names the one."""
    cast = support.Cast(services)
    for number, name in enumerate(("open.jpg", "closed.jpg")):
        _photo(photos / support.SHOOT, name, number)
    calendar.poll_dam(services)
    cast.work()
    person = cast.add(NAME)
    cast.sign(person)
    for ref in ("shoot/open.jpg", "shoot/closed.jpg"):
        _tag(services, person, ref)
    with _shut(photos / support.SHOOT / "closed.jpg"):
        made = erasure.erase(services, person, "test")
        cast.work()
    left = [one for one in made.left if one.key == "dam_unread"]
    promise("O1", f"an erasure beside a file that cannot be read: finished 1 of 1, not reached told {len(left)} of 1")
    assert [one.values["at"] for one in left] == ["shoot/closed.jpg"]
    assert cast.names_on("shoot/open.jpg") == set()
    with services.store.read() as conn:
        assert conn.scalar(select(t.person.c.id).where(t.person.c.id == person)) is None


def _tag(services: Services, person: str, ref: str) -> None:
    """The name on the photograph by our own hand, as an editor confirms it."""
    with services.store.write() as tx:
        number = tx.connection.scalar(select(t.resource.c.id).where(t.resource.c.ref == ref))
        assert number is not None
        one = intents.NewIntent(number, person, NAME, "add", "confirmed", services.dam.places)
        intent = intents.propose(services, tx, one)
    assert intents.carry_out(services, intent) == "done"


def test_one_broken_row_stops_no_calendar_and_no_change(
    services: Services, photos: Path, clock: ManualClock, promise: Promise
) -> None:
    """A grant that cannot be ended, a change that cannot be entered: the others are, and these two are named once."""
    cast = support.Cast(services)
    people = [cast.add(f"{name} Sample") for name in ("Ann", "Bo", "Cee")]
    for person in people:
        cast.sign(person, until=clock.now() + timedelta(days=1))
    with services.store.write() as tx:
        tx.connection.execute(
            text(
                f"CREATE TRIGGER broken BEFORE UPDATE ON grant_line WHEN new.person_id = '{people[1]}' "
                "BEGIN SELECT RAISE(ABORT, 'broken'); END"
            )
        )
        tx.connection.execute(
            text(
                "CREATE TRIGGER odd BEFORE INSERT ON job "
                "WHEN new.key = 'b.jpg' BEGIN SELECT RAISE(ABORT, 'broken'); END"
            )
        )
    clock.advance(timedelta(days=2))
    for _ in range(3):
        withdrawal.end_due(services)
    for number, name in enumerate(("a.jpg", "b.jpg", "c.jpg")):
        _photo(photos, name, number)
    for _ in range(3):
        calendar.poll_dam(services)
    cast.work()
    with services.store.read() as conn:
        ended = set(conn.scalars(select(t.grant.c.person_id).where(t.grant.c.ended_at.is_not(None))))
        known = set(conn.scalars(select(t.resource.c.ref)))
    (entry,) = [one for one in waiting_list.list_counts(services) if one.kind is WaitingKind.SET_ASIDE]
    promise("O1", f"a broken row among others: others done {len(ended) + len(known)} of 4, told {entry.count} of 2")
    assert ended == {people[0], people[2]}
    assert known == {"a.jpg", "c.jpg"}
    assert (entry.count, entry.wrong) == (2, True)
    with services.store.write() as tx:
        tx.connection.execute(text("DROP TRIGGER broken"))
        tx.connection.execute(text("DROP TRIGGER odd"))
    assert (withdrawal.end_due(services), calendar.poll_dam(services)) == (2, 1), "tried again, and done"


def _in_doubt(services: Services, name: str) -> bool:
    """Whether somebody who is entered now owns no name of the library by its spelling."""
    person = support.Cast(services).add(name)
    calendar.poll_dam(services)
    return name_doubts.find_gaps(services, person) is not None


def test_who_is_entered_beside_what_was_never_read_is_in_doubt(services: Services, photos: Path) -> None:
    """A closed folder that nobody ever saw open, and a change that could not be entered, may bear the name."""
    closed = photos / "closed"
    _photo(closed, "a.jpg", 1)
    with _shut(closed):
        calendar.poll_dam(services)
        support.Cast(services).work()
        assert _in_doubt(services, "Bo Sample")
    calendar.poll_dam(services)
    support.Cast(services).work()
    with services.store.write() as tx:
        tx.connection.execute(
            text(
                "CREATE TRIGGER odd BEFORE INSERT ON job "
                "WHEN new.key = 'b.jpg' BEGIN SELECT RAISE(ABORT, 'broken'); END"
            )
        )
    _photo(photos, "b.jpg", 2)
    calendar.poll_dam(services)
    support.Cast(services).work()
    assert _in_doubt(services, "Cee Sample")
    with services.store.write() as tx:
        tx.connection.execute(text("DROP TRIGGER odd"))
    for _ in range(2):
        calendar.poll_dam(services)
        support.Cast(services).work()
    assert not _in_doubt(services, "Dag Sample"), "all was read"


def test_who_is_named_in_a_closed_sidecar_is_entered_in_doubt(services: Services, photos: Path) -> None:
    """Nobody takes a name that could not be read for one that stands nowhere; read, it is told to stand there."""
    beside = _photo(photos / support.SHOOT, "c.jpg", 3).with_name("c.jpg.xmp")
    beside.write_bytes(name_places.packet("Cee Sample").encode())
    support.settle(beside)
    with _shut(beside):
        calendar.poll_dam(services)
        support.Cast(services).work()
        assert _in_doubt(services, "Cee Sample")
        assert _unread(services) == {"shoot/c.jpg": "sidecar"}
    calendar.poll_dam(services)
    support.Cast(services).work()
    with services.store.read() as conn:
        assert conn.scalar(select(t.person.c.doubted_at)) is not None, "it stands there, and nobody said whose it is"


def test_a_broken_row_of_the_dam_is_passed_over(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Promise
) -> None:
    """Rows of the log that say nothing whole, that the server itself breaks on, a name without a number."""
    with Double() as double, on_double.house(tmp_path, double, clock, examiner) as services:
        calendar.poll_dam(services)
        refs = [double.library.create(1).ref for _ in range(4)]
        broken = ({"type": None, "field": {"a": 1}}, {"resource": ["x"]}, {"notes": b"\xff"}, {"user": "x"})
        for odd in broken:
            number = double.library.note(refs[0], "m", 1)
            next(row for row in double.library.log if row["ref"] == number).update(odd)
        after = double.library.create(1).ref
        for _ in range(3):
            calendar.poll_dam(services)
        with services.store.read() as conn:
            asked = set(conn.scalars(select(t.job.c.key).where(t.job.c.kind == "photo")))
        done = sum(str(ref) in asked for ref in [*refs, after])
        (entry,) = [one for one in waiting_list.list_counts(services) if one.kind is WaitingKind.SET_ASIDE]
        promise("O1", f"broken rows of the DAM's log 4: others done {done} of 5, told {entry.count} of 4")
        assert (done, entry.count) == (5, 4)


def test_a_share_that_comes_back_is_read_again_by_itself(services: Services, photos: Path) -> None:
    """Also by a program that was allowed the folder of before: it came back as another."""
    cast = support.Cast(services)
    _photo(photos / support.SHOOT, "a.jpg", 1)
    calendar.poll_dam(services)
    cast.work()
    assert services.dam.look("shoot/a.jpg").unread is None
    old = photos.with_name("old")
    photos.rename(old)
    shutil.copytree(old, photos)
    assert services.dam.look("shoot/a.jpg").unread is None
    shutil.rmtree(photos)
    with pytest.raises(DamError, match="is the share mounted"):
        services.dam.look("shoot/a.jpg")
    old.rename(photos)
    assert services.dam.look("shoot/a.jpg").unread is None
