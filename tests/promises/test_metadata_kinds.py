"""D2 for files of other kinds and names: what else stands in them is byte for byte what it was."""

import io
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image, ImageDraw

from plugin.clock import ManualClock
from plugin.hooks.dam import Write
from plugin.hooks.files import jpeg
from plugin.hooks.files.exiftool import ExifTool
from plugin.hooks.folder.folder_dam import FolderDam
from plugin.ledger.store import migrations
from plugin.ledger.store.store import Store
from tests.promises.test_metadata import BOX, CAMERA, PLACES, XMP, Other, _foreign, _note, _shared

pytestmark = pytest.mark.promise

PEOPLE = ("Åsa Sample", "Bo Sample")
FILM = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"mp42", 0, b"mp42", b"isom") + struct.pack(">I4s", 3008, b"mdat")
FILM += bytes(range(250)) * 12
CANON = b"\x01\x00\x06\x00\x02\x00\x04\x00\x00\x00abc\x00" + b"\x00" * 40
pillow_heif.register_heif_opener()


@pytest.fixture
def dam(tmp_path: Path, clock: ManualClock) -> Iterator[FolderDam]:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    migrations.upgrade(url)
    store = Store(url, clock)
    (tmp_path / "photos").mkdir()
    made = FolderDam(store, tmp_path / "photos", clock, tool=ExifTool.find())
    yield made
    made.close()
    store.close()


@pytest.fixture(scope="module")
def other() -> Iterator[Other]:
    """Another program."""
    made = Other()
    yield made
    made.close()


def _picture(colour: str = "steelblue") -> Image.Image:
    made = Image.new("RGB", (96, 64), colour)
    ImageDraw.Draw(made).ellipse((20, 10, 60, 50), fill="wheat")
    return made


def _bytes(form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    _picture().save(out, form, **options)
    return out.getvalue()


def _build(root: Path, scratch: Path, other: Other) -> list[str]:
    """Each file as its program leaves it."""

    def photo(name: str, *fields: str, tail: bytes = b"") -> None:
        temp = scratch / "new.jpg"
        temp.write_bytes(_bytes("JPEG", quality=90))
        if fields:
            other.write(*(field.replace("<=", f"<={scratch}/") for field in fields), temp)
        (root / name).write_bytes(temp.read_bytes() + tail)

    _picture("sienna").resize((16, 12)).save(scratch / "thumb.jpg")
    (scratch / "long.txt").write_text("Ünïcode " * 20_000)
    photo("windows.jfif", *CAMERA)
    photo("called.png", *CAMERA, *XMP)
    photo("no_ending", *CAMERA)
    photo("backup.JPG_original", *XMP)
    photo("thumbnail.jpe", *CAMERA, "-ThumbnailImage<=thumb.jpg")
    photo("extended.jpg", "-XMP-dc:Description<=long.txt", *CAMERA)
    photo("motion.jpg", "-XMP-GCamera:MotionPhoto=1", *CAMERA, tail=FILM)
    photo("samsung.jpg", *CAMERA, tail=b"\0\0\x30\x0aMotionPhoto_Data" + FILM + b"SEFHe\0\0\0SEFT")
    mpo = _bytes("MPO", save_all=True, append_images=[_picture("navy"), _picture("olive")])
    for name in ("several.mpo", "several.jpg", "mpo_called.png"):
        (root / name).write_bytes(mpo)
    heic, exif = _bytes("HEIF", quality=80), Image.Exif()
    exif[0x010F] = "Maker"
    turned = _bytes("AVIF", exif=exif.tobytes())
    for name, data in {
        "a.heic": heic,
        "phone.jpg": heic,
        "camera.hif": heic,
        "a.avif": turned,
        "avif_called.jpg": turned,
        "png_called.jpg": _bytes("PNG"),
        "webp_called.jpg": _bytes("WEBP"),
        "a.tif": _bytes("TIFF"),
        "tif_called.jpg": _bytes("TIFF"),
    }.items():
        (root / name).write_bytes(data)
    return sorted(path.name for path in root.iterdir())


def _frames(path: Path) -> list[bytes]:
    with Image.open(path) as picture:
        found = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            found.append(picture.mode.encode() + picture.tobytes())
        return found


def test_other_kinds_keep_pixels_fields_and_further_pictures(
    dam: FolderDam, tmp_path: Path, other: Other, promise: Callable[[str, str], None]
) -> None:
    """Tagged and revoked. Where a write cannot be done without harm the file stays, and the sidecar has to do."""
    refs = _build(dam._root, tmp_path, other)
    changed = lost = in_exif = restored = 0
    for ref in refs:
        path = dam._root / ref
        pair = [path, Path(f"{path}.xmp")]
        frames, fields, data = _frames(path), _foreign(other, pair), path.read_bytes()
        written = dam.write(ref, [Write(name, True, PLACES, BOX) for name in PEOPLE], True)
        places = {one.node: one.places for one in written.names}
        assert all({"xmp", "region"} <= places[name] for name in PEOPLE), ref
        inside = "exif" in places[PEOPLE[0]]
        in_exif += inside
        during = path.read_bytes()
        assert inside or during == data, ref
        rest = jpeg.parse(data).scans if inside else data  # pixels, films and further pictures
        changed += _frames(path) != frames or not during.endswith(rest)
        now = _foreign(other, pair)
        lost += sum(now.get(key) != value for key, value in fields.items() if not _shared(key))
        after = dam.write(ref, [Write(name, False, PLACES) for name in PEOPLE], None)
        assert not set(PEOPLE) & {one.node for one in after.names}, ref
        changed += _frames(path) != frames or not path.read_bytes().endswith(rest)
        lost += _foreign(other, pair) != fields
        restored += path.read_bytes() == data
    assert (changed, lost) == (0, 0)
    assert in_exif == 8  # JPEG without an index of further pictures, whatever it is called
    promise(
        "D2",
        f"other endings and kinds: files {len(refs)}, changed {changed}; foreign fields lost {lost}; further pictures "
        f"and films byte for byte (EXIF written in {in_exif}; the same bytes after revoking {restored})",
    )


def test_a_name_is_taken_out_of_a_jpeg_whatever_it_is_called(dam: FolderDam, tmp_path: Path, other: Other) -> None:
    """Also where ExifTool has to do it, which goes by endings when it writes."""
    temp, path = tmp_path / "x.jpg", dam._root / "a.png"
    temp.write_bytes(_bytes("JPEG"))
    _note(temp, CANON)
    other.write(f"-XPKeywords=gala;{PEOPLE[0]}", temp)
    path.write_bytes(temp.read_bytes())
    dam.write("a.png", [Write(PEOPLE[0], False, frozenset({"exif"}))], None)
    assert other.read(path)["IFD0:XPKeywords"] == "gala"
