"""What lies beside a photograph: noticed when it changes, found however its name is spelled, read or told as unread."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import piexif
import pytest

from plugin.hooks.dam import ChangeKind
from plugin.hooks.files import xmp_file_paths
from plugin.hooks.folder import tree
from plugin.hooks.folder.folder_dam import FolderDam
from tests import name_places

Photo = Callable[..., Path]
MakeDam = Callable[..., FolderDam]


def _old(path: Path) -> None:
    os.utime(path, (1_000_000_000, 1_000_000_000))


@pytest.mark.parametrize("beside", ["a.jpg.xmp", "a.xmp", ".picasa.ini"])
def test_a_change_that_puts_the_time_back_is_noticed(make_dam: MakeDam, photo: Photo, root: Path, beside: str) -> None:
    """As `exiftool -P` and programs that copy write; a change of who may read it is one as well."""
    dam, path = make_dam(), root / beside
    _old(photo("a.jpg"))
    path.write_text(name_places.packet("An Sample"))
    _old(path)
    dam.acknowledge(dam.changes())
    assert list(dam.changes()) == []
    path.write_text(name_places.packet("Bo Sample"))
    _old(path)
    assert [(one.ref, one.what) for one in dam.changes()] == [("a.jpg", ChangeKind.METADATA)]
    dam.acknowledge(dam.changes())
    path.chmod(0)
    assert [one.ref for one in dam.changes()] == ["a.jpg"]
    dam.acknowledge(dam.changes())
    assert list(make_dam().changes()) == []


def test_a_folder_of_many_files_is_walked_in_time_that_grows_with_them(root: Path) -> None:
    """Not with their square: the walk goes round each minute."""
    for number in range(8000):
        (root / f"IMG_{number:05}.JPG").write_bytes(b"\xff\xd8\xff\xe0")
        (root / f"img_{number:05}.xmp").touch()
    begun = time.process_time()
    assert len(tree.scan(root, (), {}, time.time()).entries) == 8000
    assert time.process_time() - begun < 3


def test_a_sidecar_that_differs_in_capitals_is_the_photographs() -> None:
    """Unless another file has it to the letter."""
    for name in ("img_1.jpg.xmp", "IMG_1.jpg.XMP", "img_1.xmp", "Img_1.Xmp", "IMG_1.JPG.Xmp"):
        assert xmp_file_paths.list_sidecars("IMG_1.JPG", frozenset({"IMG_1.JPG", name})) == [name]
    both = frozenset({"IMG_1.JPG", "img_1.jpg", "img_1.jpg.xmp"})
    assert (xmp_file_paths.list_sidecars("IMG_1.JPG", both), xmp_file_paths.list_sidecars("img_1.jpg", both)) == (
        [],
        ["img_1.jpg.xmp"],
    )
    raw = frozenset({"IMG_1.JPG", "img_1.nef", "img_1.xmp"})
    assert xmp_file_paths.list_sidecars("IMG_1.JPG", raw) == []


def test_without_exiftool_what_may_hold_names_is_unread(make_dam: MakeDam, photo: Photo, root: Path) -> None:
    """A JPEG of which we read every name ourselves is read; anything else may name somebody."""
    dam = make_dam(tool=None)
    photo("plain.jpg")
    piexif.insert(piexif.dump({"0th": {piexif.ImageIFD.Make: b"Canon"}}), str(photo("exif.jpg")))
    assert [dam.look(ref).unread for ref in ("plain.jpg", "exif.jpg")] == [None, None]
    packet = name_places.packet("Bo Sample").encode()
    name_places.embed(photo("xmp.jpg"), packet)
    name_places.iptc(photo("iptc.jpg"), b"Bo Sample", marked=False)
    with photo("behind.jpg").open("ab") as file:
        file.write(b"Bo Sample")
    for field, value in ((0x010F, b"FUJIFILM"), (0x9C9F, "Bo Sample".encode("utf-16-le")), (0x02BC, packet)):
        known = field in piexif.TAGS["0th"]
        block = piexif.dump({"0th": {field if known else piexif.ImageIFD.XPSubject: value}})
        piexif.insert(block, str(photo(f"{field}.jpg")))
    for name in ("a.png", "a.tif", "a.webp"):
        photo(name)
    (root / "plain.jpg.xmp").write_bytes(packet)
    unread = {ref: dam.look(ref).unread for ref in dam.refs()}
    assert unread.pop("exif.jpg") is None
    assert unread.pop("plain.jpg") == "sidecar"
    assert set(unread.values()) == {"photo"}
