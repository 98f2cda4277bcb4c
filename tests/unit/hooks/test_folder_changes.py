"""What the folder DAM notices, and what it does not lose."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from plugin.clock import ManualClock
from plugin.errors import DamError, ResourceGone
from plugin.hooks.dam import Change, ChangeKind, Dam, Write
from plugin.hooks.folder.folder_dam import FolderDam
from plugin.hooks.left_out import LeftOutReason

Photo = Callable[..., Path]
MakeDam = Callable[..., FolderDam]
PLACES = frozenset({"exif", "xmp", "region"})


def learn(dam: FolderDam) -> list[Change]:
    """All changes, acknowledged."""
    changes = list(dam.changes())
    dam.acknowledge(changes)
    return changes


def at(path: Path, clock: ManualClock, ago: float) -> None:
    """Have `path` be changed `ago` seconds before now."""
    moment = clock.now().timestamp() - ago
    os.utime(path, (moment, moment))


def test_it_is_a_dam(dam: FolderDam) -> None:
    """The folder speaks the protocol."""
    spoken: Dam = dam
    assert spoken.places == PLACES


def test_new_files_are_told_until_they_are_acknowledged(make_dam: MakeDam, photo: Photo) -> None:
    """A process that dies between changes() and acknowledge() loses nothing."""
    photo("a.jpg"), photo("2026/gala/b.png"), photo("c.txt.gif")
    wanted = [Change(r, ChangeKind.NEW) for r in ("2026/gala/b.png", "a.jpg", "c.txt.gif")]
    assert make_dam().changes() == wanted
    second = make_dam()
    assert second.changes() == wanted
    second.acknowledge(second.changes()[:1])
    third = make_dam()
    assert third.changes() == wanted[1:]
    third.acknowledge(third.changes())
    assert make_dam().changes() == []


def test_pixels_are_told_from_metadata(dam: FolderDam, photo: Photo, exiftool: Callable[..., str]) -> None:
    """New pixels, or a new orientation, are REPLACED; a caption, or a sidecar, is METADATA."""
    for name in ("pixels.jpg", "turned.jpg", "caption.jpg", "beside.jpg"):
        photo(name)
    learn(dam)
    before = {ref: dam.look(ref).file_version for ref in dam.refs()}
    photo("pixels.jpg")
    exiftool("-n", "-Orientation=6", dam._root / "turned.jpg")
    exiftool("-XMP-dc:Title=Gala", "-Comment=hi", "-IPTC:Keywords=red", dam._root / "caption.jpg")
    exiftool("-XMP-dc:Title=Gala", dam._root / "beside.xmp")
    assert learn(dam) == [
        Change("beside.jpg", ChangeKind.METADATA),
        Change("caption.jpg", ChangeKind.METADATA),
        Change("pixels.jpg", ChangeKind.REPLACED),
        Change("turned.jpg", ChangeKind.REPLACED),
    ]
    after = {ref: dam.look(ref).file_version for ref in dam.refs()}
    assert [ref for ref in before if before[ref] == after[ref]] == ["beside.jpg", "caption.jpg"]
    (dam._root / "beside.xmp").unlink()
    assert learn(dam) == [Change("beside.jpg", ChangeKind.METADATA)]


def test_touching_a_file_is_only_metadata(dam: FolderDam, photo: Photo, clock: ManualClock) -> None:
    """The same bytes at another time are no new picture."""
    path = photo()
    learn(dam)
    at(path, clock, 1000)
    assert learn(dam) == [Change("a.jpg", ChangeKind.METADATA)]


def test_moved_and_deleted(dam: FolderDam, photo: Photo, root: Path) -> None:
    """A file of the same picture elsewhere is the old one moved; what is nowhere is deleted; a copy is new."""
    a, b = photo("a.jpg"), photo("b.jpg")
    photo("c.jpg")
    learn(dam)
    (root / "sub").mkdir()
    a.rename(root / "sub/z.jpg")
    b.unlink()
    shutil.copy2(root / "c.jpg", root / "copy.jpg")
    assert learn(dam) == [
        Change("copy.jpg", ChangeKind.NEW),
        Change("sub/z.jpg", ChangeKind.MOVED, "a.jpg"),
        Change("b.jpg", ChangeKind.DELETED),
    ]
    assert learn(dam) == []


def test_our_own_writes_are_no_change(dam: FolderDam, photo: Photo) -> None:
    """Tagging and revoking leave nothing to be told, in the JPEG or in the sidecar."""
    photo()
    learn(dam)
    dam.write("a.jpg", [Write("Åsa", True, PLACES, (0.1, 0.1, 0.2, 0.2))], True)
    assert dam.changes() == []
    dam.write("a.jpg", [Write("Åsa", False, PLACES)], None)
    assert dam.changes() == []


def test_our_own_write_between_changes_and_acknowledge_is_no_change(dam: FolderDam, photo: Photo) -> None:
    """Neither is one that falls between hearing of the file and acknowledging it."""
    photo()
    changes = dam.changes()
    dam.write("a.jpg", [Write("Åsa", True, PLACES)], None)
    dam.acknowledge(changes)
    assert dam.changes() == []


def test_our_write_does_not_hide_what_another_did_before(
    dam: FolderDam, photo: Photo, exiftool: Callable[..., str], root: Path
) -> None:
    """An edit by somebody else that was not told yet is told after our write."""
    path = photo()
    learn(dam)
    exiftool("-XMP-dc:Title=Gala", path)
    dam.write("a.jpg", [Write("Åsa", True, PLACES)], None)
    assert learn(dam) == [Change("a.jpg", ChangeKind.METADATA)]
    path.unlink()
    photo()
    dam.write("a.jpg", [Write("Åsa", True, PLACES)], None)
    assert learn(dam) == [Change("a.jpg", ChangeKind.REPLACED)]


def test_a_file_written_to_before_it_was_told_is_still_new(make_dam: MakeDam, photo: Photo) -> None:
    """Knowing what of a sidecar is ours does not make a file known."""
    photo()
    make_dam().write("a.jpg", [Write("Åsa", True, PLACES)], True)
    assert learn(make_dam()) == [Change("a.jpg", ChangeKind.NEW)]


def test_half_copied_files_wait(dam: FolderDam, photo: Photo, clock: ManualClock) -> None:
    """A file written within two seconds waits; a JPEG or PNG without its end waits for a minute."""
    fresh, cut, png = photo("fresh.jpg"), photo("cut.jpg"), photo("cut.png")
    for path in (cut, png):
        path.write_bytes(path.read_bytes()[:-20])
        at(path, clock, 30)
    at(fresh, clock, 1)
    assert learn(dam) == []
    at(fresh, clock, 3)
    assert learn(dam) == [Change("fresh.jpg", ChangeKind.NEW)]
    at(cut, clock, 61)
    at(png, clock, 61)
    assert learn(dam) == [Change("cut.jpg", ChangeKind.NEW), Change("cut.png", ChangeKind.NEW)]


def test_a_slow_move_is_no_deletion(dam: FolderDam, photo: Photo, clock: ManualClock, root: Path) -> None:
    """While the new half of a move is being copied, the old half is not told as deleted."""
    path = photo()
    learn(dam)
    target = root / "b.jpg"
    path.rename(target)
    at(target, clock, 1)
    assert learn(dam) == []
    at(target, clock, 5)
    assert learn(dam) == [Change("b.jpg", ChangeKind.MOVED, "a.jpg")]


def test_a_vanished_share_is_an_error_and_no_deletion(dam: FolderDam, photo: Photo, root: Path) -> None:
    """A root that is missing or wholly empty says nothing about its photographs, to any question."""
    photo()
    learn(dam)
    hidden = root.with_name("hidden")
    root.rename(hidden)
    for _ in range(2):
        for ask in (
            dam.changes,
            dam.collections,
            lambda: list(dam.refs()),
            dam.reach,
            lambda: dam.look("a.jpg"),
            lambda: dam.picture("a.jpg"),
            lambda: dam.write("a.jpg", [Write("Åsa", True, PLACES)], None),
        ):
            with pytest.raises(DamError, match="mounted") as caught:
                ask()
            assert not isinstance(caught.value, ResourceGone)
        root.mkdir(exist_ok=True)
    root.rmdir()
    hidden.rename(root)
    assert dam.changes() == []


def test_the_last_photograph_may_go(dam: FolderDam, photo: Photo, root: Path) -> None:
    """With anything else left in the root, deleting all photographs is believed."""
    photo().unlink()
    photo()
    learn(dam)
    (root / "a.jpg").unlink()
    (root / "readme.txt").write_text("emptied")
    assert learn(dam) == [Change("a.jpg", ChangeKind.DELETED)]


def test_what_is_not_followed_and_not_taken(dam: FolderDam, photo: Photo, root: Path) -> None:
    """Links, hidden files, ignored folders and other kinds are no resources; what is left out is told."""
    outside = root.with_name("outside.jpg")
    photo("a.jpg").rename(outside)
    photo("ok.JPG"), photo(".hidden.jpg"), photo("@eaDir/x.jpg")
    (root / "link.jpg").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "notes.txt").write_text("x")
    (root / "film.mp4").write_bytes(b"\0" * 20)
    shutil.copy(root / "ok.JPG", root / os.fsdecode(b"bad\xff.jpg"))
    shutil.copy(root / "ok.JPG", root / "new\nline.jpg")
    learn(dam)
    assert list(dam.refs()) == ["film.mp4", "ok.JPG"]
    assert sorted((one.ref, one.why) for one in dam.left_out()) == [
        (ascii("bad\udcff.jpg"), LeftOutReason.NAME),
        (ascii("new\nline.jpg"), LeftOutReason.NAME),
        ("link.jpg", LeftOutReason.LINK),
        ("loop", LeftOutReason.LINK),
    ]
    assert dam.look("film.mp4").kind == "other"
    for ref in ("link.jpg", "loop/ok.JPG", "../outside.jpg", "/etc/passwd", "", "a//b.jpg", "x\0.jpg"):
        with pytest.raises(ResourceGone):
            dam.look(ref)


def test_folders_are_collections(dam: FolderDam, photo: Photo, root: Path) -> None:
    """A resource is in its folder and in every folder above."""
    photo("a.jpg"), photo("2026/gala/b.jpg"), photo("2026/c.jpg"), photo("20/d.jpg")
    counted = {c.ref: (c.title, c.resources) for c in dam.collections()}
    assert counted == {".": ("photos", 1), "2026": ("2026", 1), "2026/gala": ("gala", 1), "20": ("20", 1)}
    assert dam.look("2026/gala/b.jpg").collections == ("2026/gala", "2026", ".")
    assert dam.look("a.jpg").collections == (".",)
    assert list(dam.refs("2026")) == ["2026/c.jpg", "2026/gala/b.jpg"]
    assert len(list(dam.refs("."))) == len(list(dam.refs())) == 4
    assert dam.picture("2026/c.jpg").path == root / "2026/c.jpg"


def test_our_sidecar_follows_its_photograph(dam: FolderDam, photo: Photo, root: Path) -> None:
    """It moves along, and goes with it; one that somebody else wrote to stays."""
    for name in ("moved.jpg", "gone.jpg", "shared.jpg"):
        photo(name)
    learn(dam)
    for ref in list(dam.refs()):
        dam.write(ref, [Write("Åsa", True, PLACES)], True)
    (root / "moved.jpg").rename(root / "new.jpg")
    (root / "gone.jpg").unlink()
    (root / "shared.jpg").unlink()
    shared = root / "shared.jpg.xmp"
    shared.write_text(shared.read_text().replace("</rdf:RDF>", FOREIGN + "</rdf:RDF>"))
    learn(dam)
    assert sorted(p.name for p in root.glob("*.xmp")) == ["new.jpg.xmp", "shared.jpg.xmp"]
    assert [n.node for n in dam.look("new.jpg").names] == ["Åsa"]
    dam.write("new.jpg", [Write("Åsa", False, PLACES)], None)
    assert not (root / "new.jpg.xmp").exists()


FOREIGN = '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>'


def test_drafts_of_a_crash_are_swept(dam: FolderDam, photo: Photo, root: Path, clock: ManualClock) -> None:
    """A draft older than an hour is deleted, it holds names; a younger one may be in use."""
    photo()
    old, young = root / ".facelease-1.xmp", root / ".facelease-2.xmp_exiftool_tmp"
    old.write_text("Åsa")
    young.write_text("Åsa")
    at(old, clock, 3700)
    at(young, clock, 100)
    dam.changes()
    assert [old.exists(), young.exists()] == [False, True]


def test_a_folder_that_cannot_be_read_is_not_an_empty_one(
    dam: FolderDam, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, and its photographs are looked at anew; nothing in it is taken for deleted, and the rest goes on."""
    photo("sub/a.jpg")
    learn(dam)
    refuse = PermissionError(13, "Permission denied")
    real = os.scandir

    def scandir(path: Path) -> object:
        if Path(path).name == "sub":
            raise refuse
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    photo("b.jpg")
    assert learn(dam) == [Change("b.jpg", ChangeKind.NEW), Change("sub/a.jpg", ChangeKind.METADATA)]
    assert [(one.ref, one.why) for one in dam.left_out()] == [("sub", LeftOutReason.CLOSED)]
    assert list(dam.refs()) == ["b.jpg", "sub/a.jpg"]
    assert learn(dam) == [], "told once"
    monkeypatch.undo()
    assert learn(dam) == [Change("sub/a.jpg", ChangeKind.METADATA)]
    assert (learn(dam), list(dam.left_out())) == ([], [])
