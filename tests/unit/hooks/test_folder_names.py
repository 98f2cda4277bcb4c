"""Names put into files, read from files, and taken out again."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image
from sqlalchemy import insert

from plugin.clock import ManualClock
from plugin.errors import DamError, ResourceGone, WriteRefused
from plugin.hooks.dam import Named, Write, node_key
from plugin.hooks.files import atomic_replace
from plugin.hooks.files.exiftool import Assign, ExifTool
from plugin.hooks.folder.folder_dam import FolderDam
from plugin.ledger.store.store import Store
from plugin.ledger.tables import person

Photo = Callable[..., Path]
MakeDam = Callable[..., FolderDam]
Exiftool = Callable[..., str]
PLACES = frozenset({"exif", "xmp", "region"})
BOX = (0.1, 0.2, 0.3, 0.4)


def put(dam: FolderDam, name: str = "Åsa", ref: str = "a.jpg", released: bool | None = None) -> frozenset[str]:
    """Write a name everywhere; returns where it stands."""
    found = dam.write(ref, [Write(name, True, PLACES, BOX)], released)
    return next((n.places for n in found.names if n.node == name), frozenset())


def bearers(dam: FolderDam, name: str) -> list[str]:
    """The photographs whose texts can be read as the name."""
    return [ref for ref in dam.refs() if node_key(name) in (dam.look(ref).words or ())]


def take(dam: FolderDam, name: str = "Åsa", ref: str = "a.jpg") -> tuple[Named, ...]:
    """Take a name out everywhere, with the release statement; returns who is left."""
    return dam.write(ref, [Write(name, False, PLACES)], None).names


def listed(folder: Path) -> list[str]:
    """The names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def fields(exiftool: Exiftool, path: Path) -> dict[str, object]:
    """Everything that ExifTool reads from a file, but what the file system says."""
    text = exiftool("-j", "-G1", "-struct", "-a", "-u", "-U", "-n", "-all:all", path)
    answer: dict[str, object] = json.loads(text)[0]
    return {k: v for k, v in answer.items() if not k.startswith(("System:", "File:File", "SourceFile"))}


def test_a_name_goes_everywhere_and_goes_again(dam: FolderDam, photo: Photo, root: Path) -> None:
    """A JPEG without EXIF carries the name in all three places, and afterwards is the same, byte for byte."""
    data = photo().read_bytes()
    assert put(dam, released=True) == PLACES
    again = dam.look("a.jpg").names
    assert take(dam) == ()
    assert [n.node for n in again] == ["Åsa"]
    assert again[0].box == pytest.approx(BOX, abs=1e-5)
    assert (root / "a.jpg").read_bytes() == data
    assert listed(root) == ["a.jpg"]


def test_writing_twice_is_writing_once(dam: FolderDam, photo: Photo, root: Path) -> None:
    """An add that stands, and a removal of what is not there, change no byte."""
    path = photo()
    put(dam, released=True)
    before = (path.stat().st_mtime_ns, (root / "a.jpg.xmp").stat().st_mtime_ns, path.read_bytes())
    put(dam, released=True)
    assert dam.write("a.jpg", [Write("Bo", False, PLACES)], True).names[0].node == "Åsa"
    after = (path.stat().st_mtime_ns, (root / "a.jpg.xmp").stat().st_mtime_ns, path.read_bytes())
    assert after == before


@pytest.mark.parametrize("orientation", range(1, 9))
def test_regions_are_of_the_stored_picture(
    dam: FolderDam, photo: Photo, exiftool: Exiftool, root: Path, orientation: int
) -> None:
    """MWG: centre, in the picture as stored; and it comes back as the box of the upright one."""
    path = photo(size=(60, 40))
    exiftool("-n", f"-Orientation={orientation}", path)
    found = dam.write("a.jpg", [Write("Åsa", True, PLACES, (0.0, 0.0, 0.2, 0.1))], None)
    info = json.loads(exiftool("-j", "-struct", "-n", "-RegionInfo", root / "a.jpg.xmp"))[0]["RegionInfo"]
    area = info["RegionList"][0]["Area"]
    assert info["AppliedToDimensions"] == {"W": 60, "H": 40, "Unit": "pixel"}
    corner = {1: "lt", 2: "rt", 3: "rb", 4: "lb", 5: "lt", 6: "lb", 7: "rb", 8: "rt"}[orientation]
    width, height = (0.2, 0.1) if orientation < 5 else (0.1, 0.2)
    x = width / 2 if corner[0] == "l" else 1 - width / 2
    y = height / 2 if corner[1] == "t" else 1 - height / 2
    assert [area[k] for k in "XYWH"] == pytest.approx([x, y, width, height])
    assert found.names[0].box == pytest.approx((0.0, 0.0, 0.2, 0.1), abs=1e-5)


def test_a_sidecar_of_others_keeps_all_that_is_theirs(
    dam: FolderDam, photo: Photo, root: Path, exiftool: Exiftool
) -> None:
    """Ours is merged into it, and later only ours is gone: their people, regions, history, unknown fields stay."""
    photo()
    sidecar = root / "a.jpg.xmp"
    sidecar.write_text(DIGIKAM)
    before = fields(exiftool, sidecar)
    assert put(dam, released=True) == PLACES
    assert {n.node for n in dam.look("a.jpg").names} == {"Åsa", "Eva Foreign"}
    assert fields(exiftool, sidecar) != before
    assert [n.node for n in take(dam)] == ["Eva Foreign"]
    assert fields(exiftool, sidecar) == before


DIGIKAM = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:darktable="http://darktable.sf.net/" xmlns:own="http://example.org/own/"
    xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmp:Rating="3" darktable:xmp_version="5" own:Colour="teal">
   <darktable:history><rdf:Seq>
     <rdf:li darktable:num="0" darktable:operation="exposure" darktable:params="00ff"/>
   </rdf:Seq></darktable:history>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Gala</rdf:li>
     <rdf:li xml:lang="nl">Feest</rdf:li></rdf:Alt></dc:title>
   <Iptc4xmpExt:PersonInImage><rdf:Bag><rdf:li>Eva Foreign</rdf:li></rdf:Bag></Iptc4xmpExt:PersonInImage>
   <mwg-rs:Regions rdf:parseType="Resource">
    <mwg-rs:AppliedToDimensions stDim:w="60" stDim:h="40" stDim:unit="pixel"/>
    <mwg-rs:RegionList><rdf:Bag>
    <rdf:li><rdf:Description mwg-rs:Name="Eva Foreign" mwg-rs:Type="Face" own:Extra="kept">
      <mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:w="0.2" stArea:h="0.2" stArea:unit="normalized"/>
    </rdf:Description></rdf:li>
    <rdf:li><rdf:Description mwg-rs:Name="Rex" mwg-rs:Type="Pet">
      <mwg-rs:Area stArea:x="0.2" stArea:y="0.2" stArea:w="0.1" stArea:h="0.1" stArea:unit="normalized"/>
    </rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList>
   </mwg-rs:Regions>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def test_a_sidecar_of_ours_that_others_wrote_to_is_kept(
    dam: FolderDam, photo: Photo, root: Path, exiftool: Exiftool
) -> None:
    """Only one that says nothing any more is deleted."""
    photo()
    put(dam)
    exiftool("-XMP-xmp:Rating=4", root / "a.jpg.xmp")
    assert take(dam) == ()
    left = fields(exiftool, root / "a.jpg.xmp")
    assert left["XMP-xmp:Rating"] == 4
    assert not [k for k in left if "Person" in k or "Region" in k]


@pytest.mark.parametrize(
    ("style", "there", "used"),
    [
        ("full", [], "a.jpg.xmp"),
        ("stem", [], "a.xmp"),
        ("full", ["a.xmp"], "a.xmp"),
        ("stem", ["a.jpg.xmp"], "a.jpg.xmp"),
        ("full", ["a.XMP"], "a.XMP"),
        ("stem", ["a.heic"], "a.jpg.xmp"),
        ("stem", ["a.CR2", "a.xmp"], "a.jpg.xmp"),
        ("full", ["a.jpg.xmp", "a.xmp"], "a.jpg.xmp"),
    ],
)
def test_which_sidecar_is_written(
    make_dam: MakeDam, photo: Photo, root: Path, exiftool: Exiftool, style: str, there: list[str], used: str
) -> None:
    """The one that is there; else the configured form, but never one that another file could claim."""
    photo()
    for name in there:
        if name.lower().endswith(".xmp"):
            exiftool("-XMP-xmp:Rating=4", root / "made.xmp")
            (root / "made.xmp").rename(root / name)
        else:
            (root / name).write_bytes(b"not looked at")
    untouched = {name: (root / name).read_bytes() for name in there if name != used}
    dam = make_dam(style=style)
    put(dam)
    assert b"PersonInImage" in (root / used).read_bytes()
    assert {name: (root / name).read_bytes() for name in untouched} == untouched
    take(dam)
    assert listed(root) == sorted({"a.jpg", *there})


def test_a_release_statement_of_others_stands(dam: FolderDam, photo: Photo, root: Path, exiftool: Exiftool) -> None:
    """Ours says at most MR-LMR, follows the grants, and yields to anything that somebody else stated."""
    path = photo()
    states = []
    for released in (True, False, None):
        put(dam, released=released)
        states.append(fields(exiftool, root / "a.jpg.xmp").get("XMP-plus:ModelReleaseStatus"))
    assert states == ["MR-LMR", "MR-NON", None]
    assert "http://ns.useplus.org/ldf/vocab/MR-" not in (root / "a.jpg.xmp").read_text()
    put(dam, released=True)
    assert "http://ns.useplus.org/ldf/vocab/MR-LMR" in (root / "a.jpg.xmp").read_text()
    exiftool("-XMP-plus:ModelReleaseStatus#=MR-UMR", root / "a.jpg.xmp")
    put(dam, released=False)
    take(dam)
    assert fields(exiftool, root / "a.jpg.xmp")["XMP-plus:ModelReleaseStatus"] == "MR-UMR"
    (root / "a.jpg.xmp").unlink()
    exiftool("-XMP-plus:ModelReleaseStatus#=MR-NAP", path)
    put(dam, released=True)
    assert "XMP-plus:ModelReleaseStatus" not in fields(exiftool, root / "a.jpg.xmp")


def test_foreign_keywords_stay_in_their_order(dam: FolderDam, photo: Photo, exiftool: Exiftool) -> None:
    """Other people's XPKeywords are kept as they stood, spaces and all."""
    path = photo()
    exiftool("-XPKeywords=gala; red carpet;Åsa Other", path)
    put(dam)
    assert fields(exiftool, path)["IFD0:XPKeywords"] == "gala; red carpet;Åsa Other;Åsa"
    take(dam)
    assert fields(exiftool, path)["IFD0:XPKeywords"] == "gala; red carpet;Åsa Other"


def test_only_the_places_asked_for_are_touched(dam: FolderDam, photo: Photo) -> None:
    """A removal leaves the places that were not ours; an addition goes only where it is asked."""
    photo()
    found = dam.write("a.jpg", [Write("Åsa", True, frozenset({"xmp"}), BOX)], None)
    assert [n.places for n in found.names] == [{"xmp"}]
    put(dam)
    found = dam.write("a.jpg", [Write("Åsa", False, frozenset({"exif", "region"}))], None)
    assert [n.places for n in found.names] == [{"xmp"}]


def test_names_of_others_are_read_everywhere(dam: FolderDam, photo: Photo, exiftool: Exiftool, root: Path) -> None:
    """Persons, details, both kinds of regions, in the file and beside it; keywords only where they are people."""
    path = photo(size=(60, 40))
    rectangle = "{Regions=[{PersonDisplayName=Dag,Rectangle=0.1|, 0.2|, 0.3|, 0.4}]}"
    area = "{X=0.5,Y=0.25,W=0.2,H=0.1,Unit=normalized}"
    region = "{AppliedToDimensions={W=60,H=40,Unit=pixel},RegionList=[{Name=Clara,Type=Face,Area=" + area
    exiftool(
        "-n",
        "-Orientation=6",
        "-XMP-iptcExt:PersonInImage=Åsa",
        "-XMP-iptcExt:PersonInImageWDetails={PersonName=Bo}",
        "-XMP-MP:RegionInfoMP=" + rectangle,
        "-XMP-mwg-rs:RegionInfo=" + region + "}]}",
        "-IPTC:Keywords=tree",
        "-IPTC:Keywords=clara",
        "-XPKeywords=ÅSA;sky",
        "-codedcharacterset=utf8",
        path,
    )
    exiftool("-XMP-iptcExt:PersonInImage=Åsa", "-XMP-dc:Subject=Bo", root / "a.xmp")
    found = {n.node: n for n in dam.look("a.jpg").names}
    assert {name: n.places for name, n in found.items()} == {
        "Åsa": {"embedded-xmp", "exif", "xmp"},
        "Bo": {"embedded-xmp-details", "subject"},
        "Clara": {"embedded-region", "iptc"},
        "Dag": {"embedded-mp-region"},
    }
    assert found["Clara"].box == pytest.approx((0.7, 0.4, 0.1, 0.2))
    assert found["Dag"].box == pytest.approx((0.4, 0.1, 0.4, 0.3))
    assert put(dam, "Clara") == {"embedded-region", "iptc", "exif", "xmp", "region"}
    assert [n.places for n in take(dam, "Clara") if n.node == "Clara"] == [{"embedded-region", "iptc"}]


def test_a_keyword_is_a_person_if_the_ledger_knows_one(
    dam: FolderDam, store: Store, photo: Photo, exiftool: Exiftool, clock: ManualClock
) -> None:
    """A keyword alone is a name only where somebody of that name is known."""
    exiftool("-XPKeywords=åsa;tree", photo())
    assert dam.look("a.jpg").names == ()
    with store.write() as tx:
        row = {"id": "p1", "display_name": "Åsa", "name_key": node_key("Åsa"), "created_at": clock.now()}
        tx.execute(insert(person).values(**row))
    assert dam.look("a.jpg").names == (Named("åsa", frozenset({"exif"})),)


def test_holders_are_found_in_the_files(dam: FolderDam, photo: Photo, exiftool: Exiftool) -> None:
    """Whoever wrote the name, and wherever, the photograph is told."""
    for name in ("a.jpg", "keyword.jpg", "embedded.png", "2026/b.jpg", "none.jpg", "similar.jpg"):
        photo(name)
    put(dam)
    put(dam, "Åsa", "2026/b.jpg")
    put(dam, "Åsa B", "similar.jpg")
    exiftool("-XPKeywords=x; ÅSA", dam._root / "keyword.jpg")
    exiftool("-XMP-iptcExt:PersonInImage=Åsa", dam._root / "embedded.png")
    assert bearers(dam, "åsa ") == ["2026/b.jpg", "a.jpg", "embedded.png", "keyword.jpg"]


def test_without_exiftool_names_go_into_exif_alone(make_dam: MakeDam, photo: Photo, root: Path) -> None:
    """It is said in one line, and nothing fails."""
    data = photo().read_bytes()
    dam = make_dam(tool=None)
    assert dam.places == {"exif"}
    assert [line.count("\n") for line in dam.limits] == [0]
    assert put(dam, released=True) == {"exif"}
    assert bearers(dam, "Åsa") == ["a.jpg"]
    assert dam.write("a.jpg", [Write("Åsa", False, frozenset({"exif"}))], None).names == ()
    assert (root / "a.jpg").read_bytes() == data
    photo("b.png")
    with pytest.raises(WriteRefused, match="nowhere"):
        put(dam, ref="b.png")
    make_dam().write("a.jpg", [Write("Åsa", True, PLACES)], None)
    with pytest.raises(DamError, match="install exiftool"):
        take(dam)


@pytest.mark.parametrize("name", ["b.png", "b.heic", "b.webp", "b.tif", "b.gif", "b.bmp"])
def test_other_formats_have_a_sidecar_only(dam: FolderDam, photo: Photo, root: Path, name: str) -> None:
    """Their own bytes are never touched."""
    if name.endswith("heic"):
        pillow_heif.from_pillow(Image.new("RGB", (64, 48), "grey")).save(root / name)
    else:
        photo(name)
    data = (root / name).read_bytes()
    assert put(dam, ref=name) >= {"xmp"}
    assert (root / name).read_bytes() == data
    assert take(dam, ref=name) == ()
    assert listed(root) == [name]


def test_camera_files_with_a_fragile_maker_note_get_a_sidecar_only(dam: FolderDam, photo: Photo, root: Path) -> None:
    """A maker note whose offsets would break when moved stays; the name stands in XMP, and the result says so."""
    path = photo()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x927C] = b"Canon-like \x01\x02" * 20
    Image.open(path).save(path, exif=exif)
    data = path.read_bytes()
    assert put(dam) == {"xmp", "region"}
    assert path.read_bytes() == data
    with pytest.raises(WriteRefused, match="maker note"):
        dam.write("a.jpg", [Write("Bo", True, frozenset({"exif"}))], None)


def test_a_name_is_taken_out_even_where_piexif_could_not_have_put_it(
    dam: FolderDam, photo: Photo, exiftool: Exiftool
) -> None:
    """A maker note that came after our keyword does not keep our keyword there."""
    path = photo()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x927C] = b"Canon-like \x01\x02" * 20
    exif[0x9C9E] = "gala;Åsa 😀".encode("utf-16-le")
    Image.open(path).save(path, exif=exif)
    before = fields(exiftool, path)
    assert bearers(dam, "Åsa 😀") == ["a.jpg"]
    dam.write("a.jpg", [Write("Åsa 😀", False, frozenset({"exif"}))], None)
    after = fields(exiftool, path)
    assert after.pop("IFD0:XPKeywords") == "gala"
    assert before.pop("IFD0:XPKeywords") != "gala"
    assert after == before
    assert bearers(dam, "Åsa 😀") == []


def test_nothing_is_half_written(dam: FolderDam, photo: Photo, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, a missing permission, a name that cannot be: the files are as they were, and no draft stays."""
    path = photo()
    put(dam, "Bo")
    before = {p.name: p.read_bytes() for p in root.iterdir()}

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    def denied(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    for where, failure, error in (("fsync", full, DamError), ("chown", denied, WriteRefused)):
        if where == "chown":
            os.chown(path, 1234, 1234)
        monkeypatch.setattr(os, where, failure)
        with pytest.raises(error):
            put(dam, "Åsa")
        monkeypatch.undo()
        assert {p.name: p.read_bytes() for p in root.iterdir()} == before
    with pytest.raises(WriteRefused):
        dam.write("a.jpg", [Write("Åsa", True, PLACES), Write("no\nline", True, PLACES)], None)
    assert {p.name: p.read_bytes() for p in root.iterdir()} == before


def test_an_edit_at_the_same_time_is_not_overwritten(
    dam: FolderDam, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that another program changed since we read it is left as that program has it."""
    path = photo()
    real = atomic_replace._copy_attributes

    def late(*args: object) -> None:
        real(*args)  # type: ignore[arg-type]
        path.write_bytes(path.read_bytes() + b"edited")

    monkeypatch.setattr(atomic_replace, "_copy_attributes", late)
    with pytest.raises(DamError, match="meanwhile"):
        put(dam)
    assert path.read_bytes().endswith(b"edited")
    monkeypatch.undo()
    assert put(dam) == PLACES


def test_mode_and_attributes_are_kept(dam: FolderDam, photo: Photo, root: Path) -> None:
    """Mode and extended attributes survive; the sidecar has the photograph's mode; the time is now."""
    path = photo()
    path.chmod(0o640)
    os.utime(path, (1000, 1000))
    os.setxattr(path, "user.colour", b"teal")
    put(dam)
    assert path.stat().st_mode & 0o7777 == 0o640
    assert (root / "a.jpg.xmp").stat().st_mode & 0o7777 == 0o640
    assert os.getxattr(path, "user.colour") == b"teal"
    assert path.stat().st_mtime > 1000


def test_a_broken_sidecar_is_left_alone(dam: FolderDam, photo: Photo, root: Path) -> None:
    """What is no XMP is not overwritten, and nothing is written beside it: who is named there is not known."""
    path = photo()
    before = path.read_bytes()
    (root / "a.jpg.xmp").write_bytes(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF")
    with pytest.raises(WriteRefused, match="cannot be read as XMP"):
        put(dam)
    assert (root / "a.jpg.xmp").read_bytes() == b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF"
    assert path.read_bytes() == before


def test_a_name_like_a_number_is_a_name(dam: FolderDam, photo: Photo) -> None:
    """007 is 007."""
    photo()
    for name in ("007", "1.50", "1e3"):
        assert put(dam, name) == PLACES
    assert {n.node for n in dam.look("a.jpg").names} == {"007", "1.50", "1e3"}


def test_exiftool_is_started_again_after_it_died(photo: Photo, make_dam: MakeDam) -> None:
    """A crash of ExifTool is one error at most; close() stops it and a later call starts it."""
    dam = make_dam()
    photo()
    put(dam)
    assert dam._tool is not None
    pid = dam._tool.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    dam._tool._process._process.wait()  # type: ignore[union-attr]
    assert take(dam) == ()
    dam.close()
    assert put(dam) == PLACES


def test_threads_may_share_it(dam: FolderDam, photo: Photo) -> None:
    """Eight threads on one photograph and its neighbours: every name arrives."""
    photo(), photo("b.jpg")
    names = [f"Person {n}" for n in range(8)]

    def work(name: str) -> None:
        for ref in ("a.jpg", "b.jpg"):
            put(dam, name, ref)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ref in ("a.jpg", "b.jpg"):
        assert {n.node: n.places for n in dam.look(ref).names} == dict.fromkeys(names, PLACES)


def test_what_is_ours_is_known_after_a_crash(
    make_dam: MakeDam, photo: Photo, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies right after the files changed still knows that sidecar and statement are ours."""
    photo()
    dam = make_dam()
    dam.acknowledge(dam.changes())
    monkeypatch.setattr(FolderDam, "_settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        put(dam, released=True)
    monkeypatch.undo()
    assert (root / "a.jpg.xmp").exists()
    again = make_dam()
    assert [c.ref for c in again.changes()] == ["a.jpg"]
    assert take(again) == ()
    assert listed(root) == ["a.jpg"]


def test_a_photograph_that_goes_is_gone(dam: FolderDam, photo: Photo) -> None:
    """Writing to, or looking at, one that is not there says so."""
    photo()
    photo("b.jpg").unlink()
    for ask in (lambda: put(dam, ref="b.jpg"), lambda: dam.look("b.jpg"), lambda: dam.picture("b.jpg")):
        with pytest.raises(ResourceGone):
            ask()


def test_a_copied_photograph_brings_no_memory(dam: FolderDam, photo: Photo, root: Path) -> None:
    """A copy with its sidecar carries the names as somebody else's; they can be taken out all the same."""
    photo()
    put(dam)
    shutil.copy(root / "a.jpg", root / "b.jpg")
    shutil.copy(root / "a.jpg.xmp", root / "b.jpg.xmp")
    assert bearers(dam, "Åsa") == ["a.jpg", "b.jpg"]
    assert take(dam, ref="b.jpg") == ()
    assert bearers(dam, "Åsa") == ["a.jpg"]


def test_a_sidecar_that_would_lose_something_is_not_written(
    dam: FolderDam, tool: ExifTool, photo: Photo, root: Path, exiftool: Exiftool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If anything of others does not read as before, the sidecar stays; a removal is refused aloud."""
    photo()
    exiftool("-XMP-xmp:Rating=4", "-XMP-iptcExt:PersonInImage=Bo", root / "a.jpg.xmp")
    data = (root / "a.jpg.xmp").read_bytes()
    real = tool.edit

    def careless(path: Path, changes: list[Assign]) -> None:
        real(path, [*changes, Assign("XMP-xmp:Rating", "=", "1")])

    monkeypatch.setattr(tool, "edit", careless)
    assert put(dam) == {"exif"}
    with pytest.raises(WriteRefused, match="would not survive"):
        take(dam, "Bo")
    assert (root / "a.jpg.xmp").read_bytes() == data


def test_a_sidecar_that_exiftool_refuses_leaves_exif(
    dam: FolderDam, tool: ExifTool, photo: Photo, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name goes where it can, and no half of a sidecar comes along."""
    photo()

    def refuse(path: Path, changes: list[Assign]) -> None:
        path.write_text("half")
        raise WriteRefused("no")

    monkeypatch.setattr(tool, "edit", refuse)
    assert put(dam) == {"exif"}
    assert listed(root) == ["a.jpg"]


def test_an_empty_sidecar_of_others_is_not_deleted(
    dam: FolderDam, photo: Photo, root: Path, exiftool: Exiftool
) -> None:
    """What we did not make, we do not take away."""
    photo()
    exiftool("-XMP-xmp:Rating=4", root / "a.jpg.xmp")
    exiftool("-XMP-xmp:Rating=", root / "a.jpg.xmp")
    assert put(dam) == PLACES
    assert take(dam) == ()
    assert listed(root) == ["a.jpg", "a.jpg.xmp"]
