"""U1 of previews and of changes: what only a preview shows is no yes, and no yes outlives its content by a night."""

import io
import mmap
import os
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.errors import DamError
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Dam, Picture
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import dams, on_double, support
from tests.doubles.resourcespace import Double

Promise = Callable[[str, str], None]
OPEN = {ClearanceStatus.CLEARED, ClearanceStatus.NO_PERSON_FOUND}


def _open(services: Services, refs: list[str]) -> list[str]:
    """Those that somebody may use on any channel now."""
    asked = ((ref, photo_answers.answer_channels(services, ref, "communication")) for ref in refs)
    return [ref for ref, answers in asked if any(one.status in OPEN for one in answers.values())]


# ---- previews that are too small ------------------------------------------------------------------


def _face(width: int) -> Image.Image:
    """A stranger whose face is about so wide."""
    with Image.open(samples.portrait(samples.A_FRONT)) as picture:
        share = 4.0  # of the portrait's width to its face's
        return picture.convert("RGB").resize(
            (round(width * share), round(width * share * picture.height / picture.width))
        )


def large(longest: int, width: int, turn: random.Random, at: tuple[int, int] | None = None) -> bytes:
    """A photograph in which somebody is small, perhaps at a place that is asked for."""
    tall = max(520, longest // 6)
    picture = Image.new("RGB", (longest, tall), (96, 120, 104))
    face = _face(width)
    picture.paste(face, at or (turn.randrange(longest - face.width), turn.randrange(tall - face.height)))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=92)
    return out.getvalue()


WAYS = {
    "no plugin, small previews": (False, {}, "a.jpg"),
    "no plugin, a large one": (False, {"big": (11_000, 11_000)}, "a.jpg"),
    "original over the limit": (True, {}, "a.jpg"),
    "raw": (True, {}, "a.nef"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_preview_alone_clears_nothing(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Promise, way: str
) -> None:
    """Whatever is found on it, and however large it is: nobody looked into the original."""
    plugin, more, name = WAYS[way]
    turn, behind = random.Random(35), 2 << 20 if way == "original over the limit" else 0
    with Double(plugin=plugin) as double:
        double.library.sizes = {"col": (140, 140), "pre": (850, 850), "scr": (1400, 1400), **more}
        refs = [
            str(double.photo(large(longest, width, turn) + bytes(behind), name))
            for longest, width in ((1500, 64), (3000, 90), (6000, 64), (12_000, 90))
        ]
        with on_double.house(tmp_path, double, clock, examiner) as services:
            if way == "original over the limit":
                services.dam._config = _with_megabytes(services)  # type: ignore[attr-defined]
            _scan(services, double, refs)
            reasons = _reasons(services)
            opened = _open(services, refs)
    promise("U1", f"{way}: large originals cleared {len(opened)} of {len(refs)}")
    assert not opened
    assert all("preview_only" in reason for reason in reasons.values()), reasons


def _with_megabytes(services: Services) -> object:
    config = services.config
    return config.model_copy(update={"recognizer": config.recognizer.model_copy(update={"max_megabytes": 1})})


def _scan(services: Services, double: Double, refs: list[str]) -> None:
    shelf = double.library.collect("shoot", double.library.users["facelease"].ref, [int(ref) for ref in refs])
    cast = support.Cast(services)
    cast.open_collection(str(shelf.ref), Mode.DETECT)
    for ref in refs:
        with services.store.write() as tx:
            services.queue.put(tx, "photo", ref)
    cast.work()


def _reasons(services: Services) -> dict[str, str]:
    with services.store.read() as conn:
        rows = conn.execute(select(t.resource.c.ref, t.resource.c.examined_reason))
        return {row.ref: row.examined_reason or "" for row in rows}


def test_with_the_plugin_the_original_is_examined(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Promise
) -> None:
    """It is handed out uncounted; boxes lie where the previews show the faces, also turned ones."""
    turn = random.Random(36)
    found = counted = 0
    with Double() as double:
        sizes = ((3000, 64), (6000, 64), (12_000, 64), (12_000, 90))
        refs = [double.photo(large(longest, width, turn)) for longest, width in sizes]
        plain = double.photo(support_plain(3000))
        turned = double.photo(large(1500, 90, turn, (100, 40)))
        double.library.turn(turned, 90)
        every = [str(ref) for ref in (*refs, plain, turned)]
        with on_double.house(tmp_path, double, clock, examiner) as services:
            _scan(services, double, every)
            found = sum(bool(_boxes(services, str(ref))) for ref in (*refs, turned))
            counted = double.calls["download.php"]
            opened = _open(services, every)
            left, top, width, height = _boxes(services, str(turned))[0]
            assert services.dam.preview(str(turned)).data is not None
    promise(
        "U1",
        f"originals through the plugin: faces of 64 and 90 px in up to 12,000 px found {found} of 5, "
        f"fetched as downloads {counted}",
    )
    assert (found, counted, opened) == (5, 0, [str(plain)])
    assert min(left, top) >= 0
    assert max(left + width, top + height) <= 1.000001
    face = _face(
        90
    )  # on the preview, which stands upright: what was on the left is below; it looks from the upper half
    across, down = (40 + face.height / 4) / 520, 1 - (100 + face.width / 2) / 1500
    assert left < across < left + width
    assert top < down < top + height


@pytest.mark.parametrize("name", ["a.jpg", "a.heics", "a.btf", "a.apng", "a.insp"])
def test_what_cannot_be_opened_is_unknown(tmp_path: Path, clock: ManualClock, examiner: Examiner, name: str) -> None:
    """The server made a preview of it, on which nobody is; the original tells nothing."""
    with Double() as double:
        ref = double.photo(support_plain(1500), name)
        double.library.overwrite(ref, b"no picture at all" * 100)
        with on_double.house(tmp_path, double, clock, examiner) as services:
            _scan(services, double, [str(ref)])
            reason = _reasons(services)[str(ref)]
            answers = photo_answers.answer_channels(services, str(ref), "communication").values()
    assert {one.status for one in answers} == {ClearanceStatus.UNKNOWN}
    assert "preview" not in reason


def test_a_storage_that_is_away_is_no_other_file(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> None:
    """What was decided stays; a file that was replaced meanwhile is another one all the same."""
    with Double() as double:
        refs = [double.photo(large(1500, 90, random.Random(1))) for _ in range(2)]
        for ref in refs:
            double.library.overwrite(ref, large(1500, 90, random.Random(2)))
        with on_double.house(tmp_path, double, clock, examiner) as services:
            every = [str(ref) for ref in refs]
            _scan(services, double, every)
            for ref in refs:
                double.library.overwrite(ref, large(1500, 90, random.Random(3)))
            calendar.begin_comparison(services)
            support.Cast(services).work()
            boxes = [_boxes(services, ref) for ref in every]
            assert all(boxes)
            before = [services.dam.look(ref).file_version for ref in every]
            double.library.away.update(refs)
            double.library.photos[refs[1]].checksum = "another"
            after = [services.dam.look(ref).file_version for ref in every]
            assert (after[0] == before[0], after[1] == before[1]) == (True, False)
            calendar.begin_comparison(services)
            support.Cast(services).work()
            assert _boxes(services, every[0]) == boxes[0]
            assert _open(services, every) == []


def support_plain(longest: int) -> bytes:
    """Nobody is on it."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((longest, longest // 2)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def _boxes(services: Services, ref: str) -> list[tuple[float, float, float, float]]:
    f, r = t.face.c, t.resource.c
    query = select(f.left, f.top, f.width, f.height).join(t.resource, r.id == f.resource_id).where(r.ref == ref)
    with services.store.read() as conn:
        return [tuple(row) for row in conn.execute(query)]


# ---- changed content ------------------------------------------------------------------------------


def _encoded(picture: Image.Image, ending: str) -> bytes:
    out = io.BytesIO()
    kinds = {
        "jpg": "JPEG",
        "thumbnail": "JPEG",
        "tif": "TIFF",
        "png": "PNG",
        "bmp": "BMP",
        "webp": "WEBP",
        "gif": "GIF",
    }
    picture.save(out, kinds[ending], **({"lossless": True} if ending == "webp" else {}))
    return out.getvalue()


def _padded(data: bytes, more: int, ending: str) -> bytes:
    """The same picture in `more` bytes more, by what each format has for comments; 12 or more."""
    if not more:
        return data
    if ending == "jpg":
        parts = b""
        while more:
            size = more if more <= 60_000 else min(60_000, more - 12)
            parts += b"\xff\xfe" + (size - 2).to_bytes(2, "big") + bytes(size - 4)
            more -= size
        return data[:2] + parts + data[2:]
    if ending == "png":
        body = b"paDd" + bytes(more - 12)
        at = data.rindex(b"IEND") - 4
        return data[:at] + struct.pack(">I", more - 12) + body + struct.pack(">I", zlib.crc32(body)) + data[at:]
    if ending == "webp":
        more += more % 2
        data += b"PAD " + struct.pack("<I", more - 8) + bytes(more - 8)
        return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    return data + bytes(more)  # BMP and TIFF have the same size anyway


def _pair(ending: str) -> tuple[bytes, bytes]:
    """Nobody, and then somebody, in files of the same size."""
    empty = Image.linear_gradient("L").resize((640, 480)).convert("RGB")
    face = empty.copy()
    face.paste(_face(80), (40, 20))
    if ending == "thumbnail":
        return _with_thumbnails(empty, face)
    one, other = _encoded(empty, ending), _encoded(face, ending)
    size = max(len(one), len(other)) + 40
    return _padded(one, size - len(one), ending), _padded(other, size - len(other), ending)


def _with_thumbnails(empty: Image.Image, face: Image.Image) -> tuple[bytes, bytes]:
    small = [_encoded(picture.resize((320, 240)), "jpg") for picture in (empty, face)]
    size = max(map(len, small)) + 40
    made = []
    for one in (_padded(thumbnail, size - len(thumbnail), "jpg") for thumbnail in small):
        head = struct.pack(">HHI", 0x4D4D, 42, 8) + struct.pack(">HI", 0, 14)
        fields = [(0x0103, 3, 1, 6 << 16), (0x0201, 4, 1, 56), (0x0202, 4, 1, len(one))]
        directory = struct.pack(">H", 3) + b"".join(struct.pack(">HHII", *f) for f in fields) + bytes(4)
        block = b"Exif\x00\x00" + head + directory + one
        data = _encoded(empty, "jpg")
        made.append(data[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + data[2:])
    return made[0], made[1]


ENDINGS = ("jpg", "thumbnail", "bmp", "png", "tif", "webp")


def _in_place(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)


def _mapped(path: Path, data: bytes) -> None:
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[:] = data


def _renamed_over(path: Path, data: bytes) -> None:
    other = path.with_name("upload.tmp")
    other.write_bytes(data)
    other.replace(path)


def _linked(path: Path, data: bytes) -> None:
    other = path.with_name("link.tmp")
    os.link(path, other)
    _in_place(other, data)
    other.unlink()


CHANGES = {
    "in place": _in_place,
    "mapped": _mapped,
    "renamed over": _renamed_over,
    "hard link": _linked,
    "unseen": _in_place,
}


class Blind(dams.Through):
    """Hands out no picture once it is `shut`: what is noticed then cannot be examined."""

    shut = False

    def picture(self, ref: str) -> Picture:
        if Blind.shut:
            raise DamError("no picture now")
        return self.inner.picture(ref)


@pytest.fixture
def folder(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A folder that is looked at, whose pictures can be shut away."""
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    Blind.shut = False
    with support.opened(support.configuration(tmp_path), clock, examiner, Blind) as services:
        yield services


def _root(services: Services) -> Path:
    return services.config.path(services.config.folder.path)


def test_a_change_that_keeps_size_and_time_is_noticed(folder: Services, clock: ManualClock, promise: Promise) -> None:
    """Between nights by the file system's own time, by night whatever it says; the clearance goes at once."""
    services, root = folder, _root(folder)
    later: dict[str, bytes] = {}
    for way in CHANGES:
        for ending in ENDINGS if way == "unseen" else ENDINGS[:3]:
            ref = f"{support.SHOOT}/{way}-{ending}.{'jpg' if ending == 'thumbnail' else ending}"
            before, later[ref] = _pair(ending)
            (root / ref).write_bytes(before)
            support.settle(root / ref)
    cast = support.Cast(services)
    cast.open_collection(mode=Mode.DETECT)
    _round(services)
    refs = list(later)
    assert sorted(_open(services, refs)) == sorted(refs), _reasons(services)
    for ref, data in later.items():
        _change(services, root / ref, ref, data)
    seen = [ref for ref in refs if "unseen" not in ref]
    Blind.shut = True
    _round(services)
    by_day = len(seen) - len(_open(services, seen))
    unseen = len(_open(services, [ref for ref in refs if ref not in seen]))
    calendar.begin_comparison(services)
    cast.work()
    by_night = len(refs) - len(_open(services, refs))
    Blind.shut = False
    clock.advance(on_double.LATER)
    calendar.begin_comparison(services)
    cast.work()
    left = len(_open(services, refs))
    promise(
        "U1",
        f"changed in {len(ENDINGS)} formats, {len(CHANGES)} ways, same size and time: noticed by day {by_day} of "
        f"{len(seen)}, by the night {by_night} of {len(refs)}, cleared after it {left} of {len(refs)}",
    )
    assert (by_day, unseen, by_night, left) == (len(seen), len(refs) - len(seen), len(refs), 0)


def _round(services: Services) -> None:
    calendar.poll_dam(services)
    support.Cast(services).work()


def _change(services: Services, path: Path, ref: str, data: bytes) -> None:
    """Write it so that neither size nor time tells; `unseen` ones not even by what the file system keeps."""
    stat = path.stat()
    assert len(data) == stat.st_size
    CHANGES[Path(ref).name.rsplit("-", 1)[0]](path, data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    if "unseen" in ref:
        with services.store.write() as tx:
            mine = t.folder_file.c.ref == ref
            tx.execute(update(t.folder_file).where(mine).values(ctime_ns=path.stat().st_ctime_ns))


def test_what_changes_no_content_is_silent(folder: Services, clock: ManualClock) -> None:
    """Mode, links and names beside it: nothing is examined anew, nor told, nor read twice."""
    services, root = folder, _root(folder)
    refs = [support.put(root, f"{support.SHOOT}/{number}.jpg", samples.A_FRONT, (200, 260)) for number in range(3)]
    support.Cast(services).open_collection(mode=Mode.DETECT)
    _round(services)
    before = _examined_at(services)
    clock.advance(on_double.LATER)
    (root / refs[0]).chmod(0o600)
    os.link(root / refs[1], root / "other.tmp")
    assert list(services.dam.changes()) == []
    _round(services)
    calendar.begin_comparison(services)
    support.Cast(services).work()
    assert _examined_at(services) == before
    assert list(services.dam.changes()) == []


def _examined_at(services: Services) -> dict[str, object]:
    with services.store.read() as conn:
        return {row.ref: row.examined_at for row in conn.execute(select(t.resource.c.ref, t.resource.c.examined_at))}


def test_on_a_server_the_file_is_read_anew(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Promise
) -> None:
    """Written behind the server's back: its row, its previews, and perhaps even its file system tell nothing."""
    endings = ("jpg", "thumbnail", "png", "tif")
    with Double() as double:
        pairs = {ending: _pair(ending) for ending in endings}
        refs = {
            (ending, told): double.photo(pairs[ending][0], "a.jpg" if ending == "thumbnail" else f"a.{ending}")
            for ending in endings
            for told in (True, False)
        }
        every = [str(ref) for ref in refs.values()]
        with on_double.house(tmp_path, double, clock, examiner) as house:
            Blind.shut = False
            services = replace(house, dam=_blind(house.dam))
            _scan(services, double, every)
            assert sorted(_open(services, every)) == sorted(every), _reasons(services)
            for (ending, told), ref in refs.items():
                double.library.overwrite(ref, pairs[ending][1], noticed=told)
            Blind.shut = True
            calendar.begin_comparison(services)
            support.Cast(services).work()
            noticed = len(every) - len(_open(services, every))
            Blind.shut = False
            clock.advance(on_double.LATER)
            calendar.begin_comparison(services)
            support.Cast(services).work()
            left = len(_open(services, every))
    promise(
        "U1",
        f"overwritten in the server's store: noticed by the night {noticed} of {len(every)}, "
        f"cleared after it {left} of {len(every)}",
    )
    assert (noticed, left) == (len(every), 0)


def _blind(dam: Dam) -> Dam:
    return Blind(dam)
