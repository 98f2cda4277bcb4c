"""What files are, by their content, whatever they are called; what is left out is told, and nothing of it is silent."""

import itertools
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from plugin.clock import ManualClock
from plugin.errors import DamError, ResourceGone
from plugin.hooks.dam import Change, ChangeKind, Write
from plugin.hooks.files import file_kinds
from plugin.hooks.folder import recycle_bins
from plugin.hooks.folder.folder_dam import FolderDam
from plugin.hooks.left_out import LeftOutReason
from plugin.hooks.name_search import SoughtName
from plugin.recognizer.pictures import decode
from tests.unit.hooks.test_folder_changes import learn

Photo = Callable[..., Path]
PLACES = frozenset({"exif", "xmp", "region"})


def old(path: Path, clock: ManualClock) -> Path:
    """Nobody wrote to it just now."""
    moment = clock.now().timestamp() - 600
    os.utime(path, (moment, moment))
    return path


def told(dam: FolderDam) -> dict[str, str]:
    return {one.ref: one.kind for one in dam.left_out()}


# ---- what is taken up -----------------------------------------------------------------------------


def test_what_is_examined_is_what_the_decoder_opens() -> None:
    """Both tables together: a picture that is taken up can be opened, and one that can be opened is taken up."""
    assert set(decode.FORMATS) == file_kinds.EXAMINED
    assert {".jfif", ".jpe", ".mpo", ".hif", ".avif", ".heics", ".dib", ".apng"} <= file_kinds.PHOTO_ENDINGS


FORMS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "HEIF", "AVIF", "MPO")
CALLED = ("a.jpg", "a.png", "a.dat")
ALSO_CALLED = ("a.jfif", "a", "a.JPG_original", "a.txt", "a.mp4", "a.psd")


def test_a_picture_is_one_whatever_it_is_called(dam: FolderDam, root: Path) -> None:
    """Its names are written where its content has room for them, and read back; its pixels stay."""
    for form, name in [*itertools.product(FORMS, CALLED), *itertools.product(["JPEG"], ALSO_CALLED)]:
        further = [Image.new("RGB", (64, 48))] if form == "MPO" else []
        with (root / name).open("wb") as file:
            Image.new("RGB", (64, 48), "teal").save(file, form, save_all=bool(further), append_images=further)
        pixels = decode.decode(root / name, 64, decode.Limits()).pixels
        assert (list(dam.refs()), dam.look(name).kind, told(dam)) == ([name], "photo", {}), (form, name)
        tagged = dam.write(name, [Write("Åsa Sample", True, PLACES, (0.2, 0.1, 0.3, 0.4))], None)
        places = PLACES if form == "JPEG" else PLACES - {"exif"}
        assert [(one.node, one.places) for one in tagged.names] == [("Åsa Sample", places)], (form, name)
        assert np.array_equal(decode.decode(root / name, 64, decode.Limits()).pixels, pixels)
        assert dam.write(name, [Write("Åsa Sample", False, PLACES)], None).names == ()
        (root / name).unlink()


PNM = b"P6 1 1 255 abc"
UNEXAMINED = {
    "a.jxl": (b"\xff\x0a" + bytes(40), file_kinds.JXL),
    "b.jpg": (b"\0\0\0\x0cJXL \r\n\x87\n", file_kinds.JXL),
    "a.jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", file_kinds.JP2),
    "a.j2c": (b"\xff\x4f\xff\x51" + bytes(9), file_kinds.JP2),
    "a.psd": (b"8BPS" + bytes(40), file_kinds.PHOTOSHOP),
    "c.jpg": (b"8BPS" + bytes(40), file_kinds.PHOTOSHOP),
    "a.nef": (b"II*\0" + bytes(40), file_kinds.RAW),
    "a.dng": (b"MM\0*" + bytes(40), file_kinds.RAW),
    "a.raf": (b"FUJIFILMCCD-RAW 0201", file_kinds.RAW),
    "d.tif": (b"II*\0\x10\0\0\0CR\2\0", file_kinds.RAW),
    "a.cr3": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", file_kinds.RAW),
    "a.ai": (b"%PDF-1.5", file_kinds.DRAWING),
    "a.svg": (b"<?xml version='1.0'?><svg xmlns='x'/>", file_kinds.DRAWING),
    "a.eps": (b"%!PS-Adobe", file_kinds.DRAWING),
    "a.exr": (b"v/1\x01", file_kinds.PICTURE),
    "a.xcf": (b"gimp xcf file", file_kinds.PICTURE),
    "a.ppm": (PNM, file_kinds.PICTURE),
}


def test_a_picture_that_cannot_be_examined_is_told_by_its_kind(dam: FolderDam, root: Path) -> None:
    for name, (data, _) in UNEXAMINED.items():
        (root / name).write_bytes(data)
    assert list(dam.refs()) == []
    assert told(dam) == {name: f"format: {form}" for name, (_, form) in UNEXAMINED.items()}
    for name in UNEXAMINED:
        with pytest.raises(ResourceGone):
            dam.look(name)


OTHERS = {
    "a.mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    "a.jpg": b"\0\0\0\x18ftypqt  \0\0\0\0qt  mp42",
    "a.avi": b"RIFF\0\0\0\0AVI LIST",
    "a.mkv": b"\x1aE\xdf\xa3",
    "a.mts": b"1234G" + bytes(191) + b"G",
    "a.pdf": b"%PDF-1.7",
    "scan": b"%PDF-1.7",
    "a.mov": b"\0\0\0\x08wide",
}


def test_films_and_documents_stay_other(dam: FolderDam, root: Path) -> None:
    for name, data in OTHERS.items():
        (root / name).write_bytes(data)
    assert (sorted(dam.refs()), told(dam)) == (sorted(OTHERS), {})
    assert {dam.look(name).kind for name in OTHERS} == {"other"}


def test_what_is_called_a_picture_and_is_none_is_told(dam: FolderDam, root: Path, clock: ManualClock) -> None:
    """A text is; a text that is called one is not; while it was written to just now it may still become one."""
    for name in ("a.jpg", "notes.txt", "Makefile"):
        old(root / name, clock) if (root / name).write_text("no picture") else None
    assert (list(dam.refs()), told(dam)) == ([], {"a.jpg": "no_picture"})
    (root / "b.jpg").touch()
    os.utime(root / "b.jpg", (clock.now().timestamp(),) * 2)
    assert "b.jpg" not in told(FolderDam(dam._index._store, root, clock))


def test_what_is_no_file_or_no_name_is_told(dam: FolderDam, photo: Photo, root: Path) -> None:
    """Links are not followed, pipes not opened, a library of another program not entered."""
    photo("ok.jpg")
    os.mkfifo(root / "pipe.jpg")
    (root / "gone.jpg").symlink_to("/nonexistent")
    (root / "Fotos.photoslibrary" / "originals").mkdir(parents=True)
    shutil.copy(root / "ok.jpg", root / "Fotos.photoslibrary/originals/x.jpg")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(root / "sock"))
    assert list(dam.refs()) == ["ok.jpg"]
    assert {one.ref: one.why for one in dam.left_out()} == {
        "pipe.jpg": LeftOutReason.SPECIAL,
        "gone.jpg": LeftOutReason.LINK,
        "Fotos.photoslibrary": LeftOutReason.LIBRARY,
        "sock": LeftOutReason.SPECIAL,
    }
    with pytest.raises(ResourceGone):
        dam.look("Fotos.photoslibrary/originals/x.jpg")


# ---- how often files are opened -------------------------------------------------------------------


def test_a_file_is_opened_once_for_its_kind(
    dam: FolderDam, photo: Photo, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each walk goes by what the file looks like from outside; other content with the same size and time is seen."""
    opened: list[str] = []
    real = file_kinds.read_format

    def read_format(path: Path) -> str:
        opened.append(path.name)
        return real(path)

    monkeypatch.setattr(file_kinds, "read_format", read_format)
    photo("a.jpg"), photo("b.jpg").rename(root / "b")
    (root / "notes.txt").write_text("x")
    for _ in range(3):
        assert list(dam.refs()) == ["a.jpg", "b"]
    assert sorted(opened) == ["a.jpg", "b", "notes.txt"]
    path, times = root / "a.jpg", (root / "a.jpg").stat()
    path.write_bytes(b"8BPS".ljust(times.st_size, b"x"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (list(dam.refs()), told(dam)) == (["b"], {"a.jpg": "format: Photoshop"})


# ---- what becomes of one that was taken up --------------------------------------------------------


def test_a_photograph_that_becomes_something_else_is_gone(dam: FolderDam, photo: Photo, root: Path) -> None:
    """Overwritten by what cannot be examined; renamed, it is what it was."""
    photo("a.jpg"), photo("b.jpg")
    learn(dam)
    (root / "a.jpg").write_bytes(b"8BPS" + bytes(400))
    (root / "b.jpg").rename(root / "b.psd")
    assert sorted((one.ref, one.what, one.old_ref) for one in learn(dam)) == [
        ("a.jpg", ChangeKind.DELETED, None),
        ("b.psd", ChangeKind.MOVED, "b.jpg"),
    ]


def test_one_that_is_being_overwritten_is_not_gone(
    dam: FolderDam, photo: Photo, root: Path, clock: ManualClock
) -> None:
    """Its first bytes are not there yet: nothing is told, and whoever looks is told to look again."""
    data = old(photo("a.jpg"), clock).read_bytes()
    learn(dam)
    (root / "a.jpg").write_bytes(bytes(500))
    os.utime(root / "a.jpg", (clock.now().timestamp(),) * 2)
    assert learn(dam) == []
    (root / "a.jpg").write_bytes(bytes(500))  # by the machine's own clock, which `look` goes by
    with pytest.raises(DamError, match="is being written"):
        dam.look("a.jpg")
    (root / "a.jpg").write_bytes(data)
    old(root / "a.jpg", clock)
    assert [one.what for one in learn(dam)] in ([], [ChangeKind.METADATA])


def test_one_that_cannot_be_read_is_not_gone(
    make_dam: Callable[..., FolderDam], photo: Photo, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its name does not say what it is, and after a restart: it is told, and whoever looks learns that names
    may stand there."""
    photo("a.jpg"), photo("b.jpg").rename(root / "b")
    learn(make_dam())

    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(file_kinds, "read_format", refuse)
    for ref in ("a.jpg", "b"):
        os.utime(root / ref, (1, 1))
    dam = make_dam()
    assert [one.what for one in dam.changes() if one.what is ChangeKind.DELETED] == []
    assert {one.ref: one.why for one in dam.left_out()} == {
        "a.jpg": LeftOutReason.UNREADABLE,
        "b": LeftOutReason.UNREADABLE,
    }
    assert dam.look("b").unread == "photo"


# ---- bins -----------------------------------------------------------------------------------------

BINS = (
    "#recycle",
    "@Recycle",
    "@Recently-Snapshot",
    "$RECYCLE.BIN",
    "System Volume Information",
    "RECYCLER",
    ".Trash-1000",
    ".Trashes",
    "#snapshot",
    ".snapshot",
    ".snapshots",
    "~snapshot",
    ".zfs",
    "@eaDir",
    ".@__thumb",
    ".stversions",
    ".sync",
    "lost+found",
    "Catalog Previews.lrdata",
    "#RECYCLE",
    "$Recycle.Bin",
)


def test_a_bin_is_passed_over_and_what_moves_there_is_gone(
    make_dam: Callable[..., FolderDam], photo: Photo, root: Path
) -> None:
    """Whatever `folder.ignore` says; moved back, the photograph is there again. Its own folder is no collection."""
    dam = make_dam(ignore=("nothing",))
    photo("shoot/a.jpg"), photo("shoot/b.jpg")
    learn(dam)
    for name in BINS:
        bin_ = root / "shoot" / name
        bin_.mkdir(exist_ok=True)
        (root / "shoot/a.jpg").rename(bin_ / "a.jpg")
        assert learn(dam) == [Change("shoot/a.jpg", ChangeKind.DELETED)], name
        assert (list(dam.refs()), [one.ref for one in dam.collections()]) == (["shoot/b.jpg"], [".", "shoot"])
        with pytest.raises(ResourceGone):
            dam.look(f"shoot/{name}/a.jpg")
        (bin_ / "a.jpg").rename(root / "shoot/a.jpg")
        assert learn(dam) == [Change("shoot/a.jpg", ChangeKind.NEW)]


def test_only_bins_are_bins() -> None:
    for name in ("recycle", "snapshots 2026", "Trash", "sync", "zfs", "recycled art", "lrdata"):
        assert not recycle_bins.is_bin(name)


def test_a_name_in_a_bin_is_mentioned_and_said_to_lie_there(dam: FolderDam, photo: Photo, root: Path) -> None:
    """What is erased is looked for everywhere; what lies in a bin is no resource."""
    photo("a.jpg"), photo("#recycle/b.jpg")
    for ref in ("a.jpg", "#recycle/b.jpg"):
        shutil.copy(root / ref, root / "c.jpg")
        dam.write("c.jpg", [Write("Åsa Sample", True, PLACES)], None)
        (root / "c.jpg").replace(root / ref)
        (root / "c.jpg.xmp").unlink(missing_ok=True)
    found = dam.mentions(SoughtName(("Åsa Sample",)), lambda: None)
    assert {one.at: one.ref for one in found.found} == {"a.jpg": "a.jpg", "#recycle/b.jpg": None}
    assert [line.values for line in found.looked if line.key == "dam_bins"] == [{"found": 1}]


# ---- which way up ---------------------------------------------------------------------------------


TURNED = (
    ("JPEG", "a.jpg", 6),
    ("JPEG", "b.jpg", 3),
    ("JPEG", "a.png", 8),
    ("PNG", "c.png", 6),
    ("TIFF", "a.tif", 6),
    ("TIFF", "b.tif", 8),
    ("AVIF", "a.avif", 6),
    ("AVIF", "b.avif", 8),
    ("HEIF", "a.heic", 6),
    ("HEIF", "d.jpg", 1),
    ("WEBP", "e.webp", 6),
    ("HEIF", "f.heic", 8),
)


def test_a_region_lies_where_the_recogniser_sees_it(dam: FolderDam, root: Path, exiftool: Callable[..., str]) -> None:
    """A face that another program drew on the stored picture, and one that we draw, of each format that turns."""
    area = "Area={X=0.1666,Y=0.25,W=0.3333,H=0.5,Unit=normalized}"
    for form, name, turn in TURNED:
        picture, exif = Image.new("RGB", (128, 64), "black"), Image.Exif()
        picture.paste("red", (0, 0, 43, 32))
        exif[0x0112] = turn
        picture.save(root / name, format=form, exif=exif.tobytes())
        exiftool(f"-XMP-mwg-rs:RegionInfo={{RegionList=[{{Name=Eva,Type=Face,{area}}}]}}", root / f"{name}.xmp")
        (eva,) = dam.look(name).names
        assert eva.box is not None
        assert _is_red(decode.decode(root / name, 128, decode.Limits()).pixels, eva.box), (form, name, turn)
        dam.write(name, [Write("Åsa", True, PLACES, eva.box)], None)
        drawn = {one.node: one.box for one in dam.look(name).names}["Åsa"]
        assert drawn == pytest.approx(eva.box, abs=0.001)


def _is_red(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", box: tuple[float, float, float, float]) -> bool:
    height, width = pixels.shape[:2]
    left, top, wide, high = box
    part = pixels[
        round(top * height) + 2 : round((top + high) * height) - 2,
        round(left * width) + 2 : round((left + wide) * width) - 2,
    ]
    blue, green, red = part.reshape(-1, 3).mean(axis=0)
    return bool(red > 200 and green < 60 and blue < 60)


def test_webp_is_not_turned(dam: FolderDam, root: Path, exiftool: Callable[..., str]) -> None:
    """No viewer does."""
    Image.new("RGB", (96, 64)).save(root / "a.webp")
    exiftool("-n", "-Orientation=6", root / "a.webp")
    area = "Area={X=0.25,Y=0.25,W=0.5,H=0.5,Unit=normalized}"
    exiftool(f"-XMP-mwg-rs:RegionInfo={{RegionList=[{{Name=Eva,Type=Face,{area}}}]}}", root / "a.webp.xmp")
    assert dam.look("a.webp").names[0].box == pytest.approx((0, 0, 0.5, 0.5))
