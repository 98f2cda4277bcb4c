"""D2 and D3 for the files: nothing of others is altered, nothing that a name says is obeyed."""

import itertools
import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import piexif
import pytest
from exiftool import ExifTool as PyExifTool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from plugin.clock import ManualClock
from plugin.errors import WriteRefused
from plugin.hooks.dam import Write
from plugin.hooks.files.exiftool import ExifTool
from plugin.hooks.folder.folder_dam import FolderDam
from plugin.ledger.store import migrations
from plugin.ledger.store.store import Store
from sidecar.commands.demo import samples
from tests.hostile import HOSTILE, IMPOSSIBLE

pytestmark = pytest.mark.promise

Promise = Callable[[str, str], None]
PLACES = frozenset({"exif", "xmp", "region"})
BOX = (0.2, 0.1, 0.3, 0.4)


@pytest.fixture
def dam(tmp_path: Path, clock: ManualClock) -> Iterator[FolderDam]:
    """A folder of photographs with a store of its own."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    migrations.upgrade(url)
    store = Store(url, clock)
    (tmp_path / "photos").mkdir()
    made = FolderDam(store, tmp_path / "photos", clock, tool=ExifTool.find())
    yield made
    made.close()
    store.close()


# ---- D2 -----------------------------------------------------------------------------------

CAMERA = (
    "-Make=Maker",
    "-Model=M 1",
    "-ExposureTime=1/250",
    "-FNumber=2.8",
    "-ISO=400",
    "-LensInfo=24 70 2.8 2.8",
    "-DateTimeOriginal=2026:02:01 10:00:00",
    "-UserComment=Grüße",
    "-ExifImageWidth=80",
    "-FlashpixVersion=0100",
    "-InteropIndex=R98",
    "-SubSecTime=12",
    "-XResolution=300",
    "-YResolution=300",
)
GPS = ("-GPSLatitude=52.37", "-GPSLatitudeRef=N", "-GPSLongitude=4.9", "-GPSLongitudeRef=E", "-GPSAltitude=3")
IPTC = (
    "-CodedCharacterSet=utf8",
    "-IPTC:Keywords=gala",
    "-IPTC:Keywords=Åsa",
    "-IPTC:By-line=A. Photographer",
    "-IPTC:Caption-Abstract=Ünïcode",
)
AREA = "Area={X=0.5,Y=0.5,W=0.2,H=0.2,Unit=normalized}"
FACE, PET = f"{{Name=Eva,Type=Face,{AREA}}}", f"{{Name=Rex,Type=Pet,{AREA}}}"
XMP = (
    "-XMP-dc:Title-nl=Feest",
    "-XMP-dc:Title=Gala",
    "-XMP-dc:Subject=gala",
    "-XMP-xmp:Rating=3",
    "-XMP-iptcExt:PersonInImage=Eva",
    "-XMP-plus:ModelReleaseStatus#=MR-UMR",
    "-XMP-lr:HierarchicalSubject=a|b",
    f"-XMP-mwg-rs:RegionInfo={{AppliedToDimensions={{W=80,H=60,Unit=pixel}},RegionList=[{FACE},{PET}]}}",
)
KEYWORDS = ("-XPKeywords=gala; Åsa B ;;x", "-XPTitle=Gala", "-XPAuthor=Someone")
VARIANTS: dict[str, tuple[str, ...]] = {
    "bare": (),
    "camera": CAMERA,
    "gps": GPS,
    "iptc": IPTC,
    "xmp": XMP,
    "keywords": KEYWORDS,
    "comment": ("-Comment=made by hand", "-JFIF:XResolution=72"),
    "rotated": ("-n", "-Orientation=6", *CAMERA),
    "all": (*CAMERA, *GPS, *IPTC, *XMP, *KEYWORDS, "-Comment=c"),
    "thumbnail": (*CAMERA, "-ThumbnailImage<=thumb.jpg"),
    "thumbnail-jfif": (*CAMERA, "-ThumbnailImage<=thumb-jfif.jpg"),
}
ORDERS = {"ii": "-ExifByteOrder=II", "mm": "-ExifByteOrder=MM"}
NOTES = {
    "": b"",
    "canon": b"\x01\x00\x06\x00\x02\x00\x04\x00\x00\x00abc\x00" + b"\x00" * 40,
    "apple": b"Apple iOS\x00\x00\x01MM\x00\x01\x00\x01\x00\x09\x00\x00\x00\x01\x00\x00\x00\x05" + b"\x00" * 20,
}
SIDECARS = ("", ".xmp")


def _base(folder: Path) -> Path:
    """A picture with an ICC profile, and two thumbnails, to make the variants from."""
    picture = Image.new("RGB", (80, 60), (90, 120, 200))
    ImageDraw.Draw(picture).ellipse((20, 10, 50, 45), fill=(220, 180, 150))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = folder / "base.jpg"
    picture.save(path, quality=90, icc_profile=profile, progressive=True)
    picture.resize((16, 12)).save(folder / "thumb-jfif.jpg")
    data = (folder / "thumb-jfif.jpg").read_bytes()
    (folder / "thumb.jpg").write_bytes(data[:2] + data[2 + 18 :])  # as cameras have it: without JFIF
    return path


def _note(path: Path, note: bytes) -> None:
    """Give a file a maker note, as a camera would have."""
    piexif.insert(piexif.dump({"0th": {0x010F: b"Maker"}, "Exif": {0x927C: note}}), str(path))


class Other:
    """Another program at work on the same files: an ExifTool that is not ours."""

    def __init__(self) -> None:
        self._tool = PyExifTool(common_args=["-m"], config_file="", encoding="utf-8")
        self._tool.run()

    def write(self, *args: str | Path) -> None:
        """Write fields; fails loudly."""
        self._tool.execute("-overwrite_original", *map(str, args))
        assert self._tool.last_status == 0, self._tool.last_stderr

    def read(self, path: Path) -> dict[str, object]:
        """All that it reads, maker notes and unknown fields decoded, binary whole."""
        options = ("-j", "-struct", "-G1", "-n", "-a", "-u", "-U", "-b", "-all:all")
        answer: dict[str, object] = json.loads(self._tool.execute(*options, str(path)))[0]
        return answer

    def close(self) -> None:
        """Stop it."""
        self._tool.terminate()


@pytest.fixture(scope="module")
def other() -> Iterator[Other]:
    """Another program."""
    made = Other()
    yield made
    made.close()


def _build(dam: FolderDam, scratch: Path, other: Other) -> list[str]:
    """Every variant in both byte orders, with maker notes, with a sidecar of somebody else's or none."""
    base, root = _base(scratch), dam._root
    for (name, tags), (order, mark), (note, blob), beside in itertools.product(
        VARIANTS.items(), ORDERS.items(), NOTES.items(), SIDECARS
    ):
        if note and name not in {"bare", "camera", "all"}:
            continue
        path = root / f"{name}-{order}-{note}{'-beside' if beside else ''}.jpg"
        shutil.copy(base, path)
        if blob:
            _note(path, blob)
        if tags:
            other.write(mark, *(t.replace("<=", f"<={scratch}/") for t in tags), path)
        if beside:
            other.write("-XMP-xmp:Label=Red", *XMP, f"{path}.xmp")
    for known in (samples.A_FRONT, samples.A_SPEECH, samples.A_STANDING, samples.B_STANDING):
        shutil.copy(samples.portrait(known), root / f"portrait-{known}.jpg")
    trailer = root / "trailer.jpg"
    trailer.write_bytes(base.read_bytes() + b"a film behind the picture" * 10)
    return [str(p.relative_to(root)) for p in sorted(root.glob("*.jpg"))]


def _pixels(path: Path) -> bytes:
    with Image.open(path) as picture:
        return picture.mode.encode() + picture.tobytes()


def _foreign(other: Other, paths: list[Path]) -> dict[str, object]:
    """All that ExifTool, run for itself, reads from photograph and sidecar, maker notes decoded."""
    fields: dict[str, object] = {}
    for path in paths:
        answer = other.read(path) if path.exists() else {}
        skipped = ("System:", "SourceFile", "ExifTool:", "File:ExifByteOrder", "Composite:")
        moved = ("IFD1:ThumbnailOffset", "File:CurrentIPTCDigest")
        fields |= {path.suffix + k: v for k, v in answer.items() if not k.startswith(skipped) and k not in moved}
    return fields


def test_tagging_alters_neither_pixels_nor_what_others_wrote(
    dam: FolderDam, tmp_path: Path, other: Other, promise: Promise
) -> None:
    """Tagged with two people and revoked, a file has its pixels and each field of others, throughout."""
    refs = _build(dam, tmp_path, other)
    changed = lost = in_exif = restored = 0
    for ref in refs:
        path = dam._root / ref
        pair = [path, Path(f"{path}.xmp")]
        pixels, fields, data = _pixels(path), _foreign(other, pair), path.read_bytes()
        written = dam.write(ref, [Write(n, True, PLACES, BOX) for n in ("Åsa Vrij", "Bo 😀")], True)
        tagged = {n.node: n.places for n in written.names}
        assert {"xmp", "region"} <= tagged["Åsa Vrij"] & tagged["Bo 😀"], ref
        in_exif += "exif" in tagged["Åsa Vrij"]
        changed += _pixels(path) != pixels
        during = _foreign(other, pair)
        lost += sum(during.get(k) != v for k, v in fields.items() if not _shared(k))
        after = dam.write(ref, [Write(n, False, PLACES) for n in ("Åsa Vrij", "Bo 😀")], None)
        assert not {"Åsa Vrij", "Bo 😀"} & {n.node for n in after.names}
        changed += _pixels(path) != pixels
        lost += _foreign(other, pair) != fields
        restored += path.read_bytes() == data
    assert (changed, lost) == (0, 0)
    assert len(refs) >= 30
    assert in_exif == sum("canon" not in ref for ref in refs)  # the one kind that piexif would break
    promise(
        "D2",
        f"files {len(refs)}, changed {changed}; foreign fields lost {lost} "
        f"(EXIF written in {in_exif}, XMP in {len(refs)}; the same bytes after revoking {restored})",
    )


def _shared(key: str) -> bool:
    """A field that holds ours beside those of others: looked at after revoking."""
    return key.endswith(("PersonInImage", "RegionInfo", "XPKeywords"))


# ---- D3 -----------------------------------------------------------------------------------


def _seen_by_others(path: Path) -> tuple[object, object, object]:
    """PersonInImage, the regions' names and XPKeywords, as standing in the files; by other readers than ours."""
    tree = ET.parse(f"{path}.xmp")  # an independent reader of what ExifTool wrote
    li = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
    person = tree.find(".//{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}PersonInImage")
    area = "{http://www.metadataworkinggroup.com/schemas/regions/}Name"
    with Image.open(path) as picture:
        words = picture.getexif().get(0x9C9E)
    keyword = None if words is None else bytes(words).decode("utf-16-le").rstrip("\0")
    persons = [] if person is None else [e.text for e in person.iter(li)]
    return persons, [e.text for e in tree.iter(area)], keyword


def _world(root: Path) -> set[str]:
    """Every file that a name could have made: in the folder, beside it, where we run."""
    places = (root.iterdir(), root.parent.iterdir(), Path.cwd().iterdir())
    return {p.name for p in itertools.chain(*places) if not p.name.startswith("ledger.db")}


def _one(dam: FolderDam, name: str) -> int:
    """Put a hostile name through every sink, read it back with others' eyes, and take it out; sinks used."""
    path = dam._root / "a.jpg"
    before, world = path.read_bytes(), _world(dam._root)
    found = dam.write("a.jpg", [Write(name, True, PLACES, BOX)], None)
    places = next(n.places for n in found.names if n.node == name)
    persons, faces, keyword = _seen_by_others(path)
    assert persons == [name]
    assert faces == [name]
    assert keyword == (name if "exif" in places else None)
    assert places == (PLACES - {"exif"} if ";" in name else PLACES)
    assert _world(dam._root) - world == {"a.jpg.xmp"}
    after = dam.write("a.jpg", [Write(name, False, PLACES)], None)
    assert after.names == ()
    assert path.read_bytes() == before
    assert _world(dam._root) == world
    return len(places)


def _refused(dam: FolderDam, name: str) -> None:
    before, world = (dam._root / "a.jpg").read_bytes(), _world(dam._root)
    with pytest.raises(WriteRefused):
        dam.write("a.jpg", [Write("Eva", True, PLACES, BOX), Write(name, True, PLACES, BOX)], None)
    assert (dam._root / "a.jpg").read_bytes() == before
    assert _world(dam._root) == world


def _impossible(name: str) -> bool:
    control = any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in name)
    edge = name != name.strip() or name.lower() in {"", "true", "false"}
    return control or edge or "\ufffe" in name or "\uffff" in name


def test_a_hostile_name_injects_nothing(dam: FolderDam, full: bool, promise: Promise) -> None:
    """Every name is read back letter by letter by other programs, or refused with nothing written."""
    Image.new("RGB", (40, 30), "teal").save(dam._root / "a.jpg")
    passed = [_one(dam, name) for name in HOSTILE]
    for name in IMPOSSIBLE:
        _refused(dam, name)
    drawn = 0

    @settings(
        max_examples=2000 if full else 60,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
    def any_text(name: str) -> None:
        nonlocal drawn
        drawn += 1
        _refused(dam, name) if _impossible(name) else _one(dam, name)

    any_text()
    names = len(HOSTILE) + len(IMPOSSIBLE) + drawn
    promise(
        "D3",
        f"names {names} x sinks 3 (EXIF, XMP, ExifTool), injected 0, altered 0 (refused {len(IMPOSSIBLE)} of the list)",
    )
    assert max(passed) == 3
