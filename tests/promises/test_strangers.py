"""C2: an unknown face leaves a box and a count, and not one byte more."""

import base64
import json
import logging
import random
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.config import Config
from plugin.confinement import wire
from plugin.flows.common.services import Services
from plugin.flows.photos import scan_queue
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.recognizer.engines import resnet
from plugin.recognizer.engines.engine import Floats, normalise
from plugin.recognizer.engines.registry import open_engine
from plugin.recognizer.examination.examination import Pipeline
from plugin.recognizer.process import worker
from plugin.recognizer.process.examiner import Examiner
from sidecar.running import bootstrap
from tests import raw_search, support
from tests.crowd import A, B, Crowd

Needles = dict[str, list[bytes]]


class Tap:
    """A stream that writes down what passes."""

    def __init__(self, stream: BinaryIO, into: bytearray) -> None:
        self._stream, self._into = stream, into

    def read(self, count: int) -> bytes:
        data = self._stream.read(count)
        self._into += data
        return data

    def write(self, data: bytes) -> int:
        self._into += data
        return self._stream.write(data)

    def writelines(self, parts: Any) -> None:
        for part in parts:
            self.write(part)

    def flush(self) -> None:
        self._stream.flush()


@pytest.fixture
def tapped(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytearray]:
    """Every byte that crosses the pipes to and from the child."""
    told = {"to the child": bytearray(), "from the child": bytearray()}

    def send(stream: BinaryIO, header: dict[str, Any], parts: Any = ()) -> None:
        wire.send(Tap(stream, told["to the child"]), header, parts)  # type: ignore[arg-type]

    def receive(stream: BinaryIO, limit: int) -> tuple[dict[str, Any], list[bytes]]:
        return wire.receive(Tap(stream, told["from the child"]), limit)  # type: ignore[arg-type]

    tapped = vars(wire) | {"send": send, "receive": receive}
    monkeypatch.setattr(worker, "wire", types.SimpleNamespace(**tapped))
    return told


def vector_needles(vector: Floats) -> Needles:
    """Four neighbouring components, at three places of the vector, in every form that code gives a vector."""
    needles: Needles = {"float32": [], "float64": [], "float16": [], "base64": [], "hex": [], "text": []}
    for start in (0, 60, 120):
        some = vector[start : start + 8]
        for kind, code in (("float32", "f4"), ("float64", "f8"), ("float16", "f2")):
            for raw in (some.astype("<" + code).tobytes(), some.astype(">" + code).tobytes()):
                needles[kind].append(raw[:16])
                needles["hex"] += [raw[:16].hex().encode(), raw[:16].hex().upper().encode()]
                for shift in range(3):  # where in the base64 text the bytes begin is not known
                    needles["base64"].append(base64.b64encode(b"\0" * shift + raw[:16])[4:16])
        for value in some[:4]:
            needles["text"].append(f"{float(value):.7f}"[:-1].encode())
            needles["text"].append(json.dumps(float(value))[:9].encode())
    return needles


def crop_needles(chip: Any, pixels: Any, box: tuple[float, float, float, float]) -> list[bytes]:
    """Rows out of the middle of the face, as cut out upright for the encoder and as it lies in the picture."""
    height, width = pixels.shape[:2]
    y, x = int((box[1] + box[3] / 2) * height), int((box[0] + box[2] / 2) * width)
    rows = [chip[75, 60:90], chip[60, 60:90], pixels[y, x - 15 : x + 15], pixels[y + 5, x - 15 : x + 15]]
    return [form.tobytes() for row in rows for form in (row, row[:, ::-1])]


def strangers(config: Config, photos: Path, refs: list[str]) -> tuple[int, list[Floats], list[bytes]]:
    """How many faces there are on the photographs, their vectors and rows of their crops: our own sum."""
    engine = open_engine(config.recognizer, Path(config.recognizer.cache))
    pipeline = Pipeline(engine, config.recognizer, config.matching)
    encoder = engine.encoder
    assert isinstance(encoder, resnet.ResNet)
    vectors: list[Floats] = []
    crops: list[bytes] = []
    for ref in refs:
        seen = pipeline.see(photos / ref)
        rgb = np.ascontiguousarray(seen.decoded.pixels[:, :, ::-1])
        chips = encoder.chips(rgb, resnet.to_squares(seen.faces))
        raw = encoder.vectors(chips)
        assert np.array_equal(normalise(raw), encoder.encode(seen.decoded.pixels, seen.faces))
        vectors += [*raw, *normalise(raw)]
        for index, chip in enumerate(chips):
            crops += crop_needles(chip, seen.decoded.pixels, seen.box(index))
    return len(vectors) // 2, vectors, crops


def haystacks(tmp_path: Path, pids: list[int]) -> dict[str, bytes]:
    """Every file below the house (database, WAL, logs, temp, photographs) and what the children hold open."""
    found = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            target = str(link.readlink())
            if target.startswith("/") and "(deleted)" in target:
                found[target] = link.read_bytes()
    return found


_PICTURES = (*(b"\xff\xd8\xff" + kind for kind in (b"\xe0", b"\xe1", b"\xdb", b"\xee")), b"\x89PNG\r\n", b"RIFF")
"""How files of pictures begin. Three bytes stand anywhere by chance in a megabyte of what is sealed."""


def sightings(haystack: bytes, needles: list[bytes]) -> int:
    return sum(needle in haystack for needle in needles)


def _faces(services: Services) -> int:
    with services.store.read() as conn:
        return len(conn.execute(select(t.face.c.id).where(t.face.c.state == "unmatched")).all())


@pytest.mark.promise
def test_unknown_faces_leave_no_trace(
    tmp_path: Path,
    clock: ManualClock,
    examiner: Examiner,
    full: bool,
    promise: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
    tapped: dict[str, bytearray],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    house_store: str,
) -> None:
    """A crowd of strangers is compared with a gallery of one person; then every file of the house, all that
    was printed and logged, and every byte that crossed the pipes is searched for each stranger's vector
    (float16, float32, float64, base64, hex, decimal text) and face pixels."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    config = bootstrap.resolve_models(support.configuration(tmp_path))
    photos, crowd, chance = tmp_path / "photos", Crowd(examiner), random.Random(7)
    refs = [
        crowd.put(photos, f"shoot/{n}.jpg", crowd.row([B] * 4, 150 + n % 30, chance)) for n in range(150 if full else 8)
    ]
    number, vectors, crops = strangers(config, photos, refs)
    caplog.set_level(logging.DEBUG)
    with Examiner.from_config(config) as fresh, support.opened(config, clock, fresh) as services:
        cast = support.Cast(services)
        asa = cast.add("Åsa")
        cast.sign(asa)
        cast.enrol(asa, A[0])
        enrolled = bytes(tapped["from the child"])
        for told in tapped.values():
            told.clear()
        cast.open_collection()
        calendar.poll_dam(services)
        cast.work(threads=2)
        scan_queue.enqueue(services, refs)
        cast.work()
        printed = capfd.readouterr()
        hay = haystacks(tmp_path, [child.pid for child in fresh.workers if child.pid])
        if not services.store.is_sqlite:
            hay["rows"] = raw_search.rows(services.store.url.replace("postgresql:", "postgresql+psycopg:"))
        seen = _faces(services)
    hay |= {name: bytes(told) for name, told in tapped.items()}
    for ref in refs:  # the child opens no file: each photograph crosses to it whole, and nothing cut out of one
        whole = (photos / ref).read_bytes()
        assert whole in hay["to the child"]
        hay["to the child"] = hay["to the child"].replace(whole, b"")
    hay["printed"] = (printed.out + printed.err + caplog.text).encode()
    assert any(name.endswith("-wal") or name == "rows" for name in hay)
    assert seen == number == len(refs) * 4
    per_form = dict.fromkeys(vector_needles(vectors[0]), 0)
    for vector in vectors:
        for form, needles in vector_needles(vector).items():
            # One short decimal may stand anywhere by chance: four of one vector in one place do not.
            least = 4 if form == "text" else 1
            per_form[form] += sum(count for h in hay.values() if (count := sightings(h, needles)) >= least)
    pixels = sum(sightings(h, crops) for h in hay.values())
    pictures = sum(data.count(mark) for name, data in hay.items() if "/photos/" not in name for mark in _PICTURES)
    # The search finds what is there: the one template that may cross, and pixels that stand in a bitmap.
    template = np.frombuffer(enrolled[-512:], "<f4")
    assert sightings(enrolled, vector_needles(template)["float32"]) > 0
    first = cv2.imread(str(photos / refs[0]))
    assert first is not None
    assert sightings(first.tobytes(), crops) > 0
    total = sum(per_form.values()) + pixels + pictures
    size = sum(len(h) for h in hay.values())
    promise(
        "C2",
        f"strangers {number}, bytes found {total} ({house_store}); {len(hay)} places, {size / 1e6:.1f} MB searched for "
        f"{len(per_form)} forms of each vector and for face pixels",
    )
    assert (per_form, pixels, pictures) == (dict.fromkeys(per_form, 0), 0, 0)
