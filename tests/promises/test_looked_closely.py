"""U1: a face that is wide enough to be recognised in the file is found wherever it is, however large the picture."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from plugin.config import Config, RecognizerSection
from plugin.recognizer.engines.engine import Floats
from plugin.recognizer.engines.registry import open_engine
from plugin.recognizer.examination import finer_pass
from plugin.recognizer.examination.examination import Pipeline, SeenPicture
from plugin.recognizer.pictures.pixels import Pixels
from sidecar.commands.demo import samples

Promise = Callable[[str, str], None]
Place = tuple[int, int, int, int]
WIDTHS = (40, 48, 56, 64, 80, 120)
"""How wide the faces are in the file, in px."""
LEAST = 64
SIZES = ((1000, 700), (2600, 1950), (4000, 3000), (3100, 5200), (12_000, 1500), (1500, 9000))
LARGEST = (12_000, 9900)
CONFIG = Config(recognizer=RecognizerSection(cache=str(Path(".cache/models").resolve())))
PORTRAITS = (samples.A_FRONT, samples.A_SPEECH, samples.A_STANDING, samples.B_STANDING)


@dataclass(frozen=True)
class Head:
    """A picture of one person with the box of the face on it, in px."""

    picture: Pixels
    box: Floats

    def shown(self, width: int) -> tuple[Pixels, Floats]:
        """The head with a face `width` px wide, cut to what is around it, and its box there."""
        scale = width / float(self.box[2])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        picture = cv2.resize(self.picture, None, fx=scale, fy=scale, interpolation=how)
        box = self.box * scale
        left, top = (max(0, int(v)) for v in box[:2] - 0.5 * box[2:])
        right, bottom = (int(v) for v in box[:2] + 1.5 * box[2:])
        cut = picture[top:bottom, left:right]
        return cut, box - np.array([left, top, 0, 0], np.float32)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """The default configuration, in this process."""
    engine = open_engine(CONFIG.recognizer, CONFIG.path(CONFIG.recognizer.cache))
    return Pipeline(engine, CONFIG.recognizer, CONFIG.matching)


@cache
def heads(faces: Path | None, pipeline: Pipeline, count: int) -> list[Head]:
    """`count` people of whom one face is seen on their photograph, or the sample portraits."""
    files = sorted((faces / "strangers").glob("*.jpg")) if faces else [samples.portrait(p) for p in PORTRAITS]
    random.Random(4).shuffle(files)
    found: list[Head] = []
    for file in files:
        picture = cv2.imread(str(file))
        assert picture is not None, file
        boxes = in_file(pipeline.see(file, closely=False))
        if len(boxes) == 1:
            found.append(Head(picture, boxes[0]))  # type: ignore[arg-type]
        if len(found) == count:
            break
    return found


def ground(width: int, height: int, chance: random.Random) -> Pixels:
    """A picture of nobody: soft spots of all colours."""
    spots = np.random.default_rng(chance.randrange(1000)).integers(40, 210, (7, 9, 3), np.uint8)
    return cv2.resize(spots, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def places(width: int, height: int, cell: int, chance: random.Random, most: int) -> Iterator[tuple[int, int]]:
    """Where cells of that side may lie without touching: the corners, over the edges of tiles, and anywhere."""
    finest = min(max(width, height), -(-max(width, height) * 20 // 64))
    look, overlap = finest / max(width, height), -(-2 * finer_pass.SURE_PX * finest // 1024)
    seams = [
        (int(x / look) - cell // 2, int(y / look) - cell // 2)
        for _, x in finer_pass.split_spans(round(width * look), overlap, finer_pass.TILE)
        for _, y in finer_pass.split_spans(round(height * look), overlap, finer_pass.TILE)
    ]
    wanted = [(0, 0), (width - cell, height - cell), (0, height - cell), (width - cell, 0), *seams]
    wanted += [(chance.randrange(width - cell), chance.randrange(height - cell)) for _ in range(most * 6)]
    taken: list[tuple[int, int]] = []
    for x, y in wanted:
        x, y = min(max(0, x), width - cell), min(max(0, y), height - cell)
        free = all(abs(x - a) >= cell or abs(y - b) >= cell for a, b in taken)
        if free and len(taken) < most:
            taken.append((x, y))
            yield x, y


def pasted(size: tuple[int, int], people: Sequence[Head], chance: random.Random, most: int) -> tuple[Pixels, Floats]:
    """A picture with faces of all WIDTHS, and their boxes."""
    picture, boxes = ground(*size, chance), []
    for number, (x, y) in enumerate(places(*size, 330, chance, most)):
        head, box = chance.choice(people).shown(WIDTHS[number % len(WIDTHS)])
        head = head[: size[1] - y, : size[0] - x]
        # The middle of its cell lies on the edge of a tile; in a corner the head itself lies in the corner.
        left, top = (
            0 if spot == 0 else whole - own if spot == whole - 330 else spot + (330 - own) // 2
            for spot, own, whole in ((x, head.shape[1], size[0]), (y, head.shape[0], size[1]))
        )
        picture[top : top + head.shape[0], left : left + head.shape[1]] = head
        boxes.append(box + np.array([left, top, 0, 0], np.float32))
    return picture, np.array(boxes, np.float32)


def overlaps(one: Floats, others: Floats) -> Floats:
    """Intersection over union of a box with each of others."""
    corner = np.maximum(one[:2], others[:, :2])
    side = np.maximum(np.minimum(one[:2] + one[2:], others[:, :2] + others[:, 2:]) - corner, 0)
    shared = side.prod(axis=1)
    return np.asarray(shared / (one[2:].prod() + others[:, 2:].prod(axis=1) - shared), np.float32)


def in_file(seen: SeenPicture) -> Floats:
    """The boxes that were found, in px of the file."""
    return seen.faces.boxes / np.float32(seen.decoded.scale)


class Count:
    """How many faces of a width were found, and boxes that lie on nobody or on somebody who has one."""

    def __init__(self) -> None:
        self.found = {width: [0, 0] for width in WIDTHS}
        self.extra = self.worst = 0.0

    def add(self, boxes: Floats, true: Floats, width: Callable[[int], int]) -> None:
        """Compare what was found with what is there."""
        for number, box in enumerate(true):
            shared = overlaps(box, boxes) if len(boxes) else np.zeros(1, np.float32)
            self.found[width(number)][0] += float(shared.max()) >= 0.5
            self.found[width(number)][1] += 1
            self.extra += max(0, int((shared >= 0.1).sum()) - 1)

    def words(self) -> str:
        """Recall by width."""
        return ", ".join(f"{width} px {found}/{of}" for width, (found, of) in self.found.items() if of)

    def recall(self) -> float:
        """Of the faces from LEAST px on."""
        rows = [row for width, row in self.found.items() if width >= LEAST]
        return sum(found for found, _ in rows) / sum(of for _, of in rows)


def jpeg(picture: Pixels) -> bytes:
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    return bytes(data.tobytes())


@pytest.mark.promise
def test_faces_pasted_into_large_pictures(promise: Promise, full: bool, faces: Path | None, pipeline: Pipeline) -> None:
    """Of faces 64 px wide and more in the file at least 98 % are found, once each, with the box on the face."""
    people, chance, count = heads(faces, pipeline, 400 if full else 60), random.Random(11), Count()
    for size in (*SIZES * 6, LARGEST, LARGEST) if full else SIZES:
        picture, true = pasted(size, people, chance, 150 if size[0] >= 4000 else 60)
        seen = pipeline.see(jpeg(picture))
        assert not seen.partly, size
        count.add(in_file(seen), true, lambda number: WIDTHS[number % len(WIDTHS)])
    given = f"{len(people)} people, pictures {', '.join(f'{w} x {h}' for w, h in SIZES)}"
    promise("U1", f"pasted faces by width in the file: {count.words()}; from {LEAST} px {count.recall():.3f}; {given}")
    assert count.recall() >= 0.98
    assert count.extra == 0


def groups(faces: Path, pipeline: Pipeline, wanted: int) -> Iterator[tuple[Pixels, Floats, Floats]]:
    """Each group as large as makes its middle face `wanted` px wide: the picture, its points, the widths at them."""
    for entry in json.loads((faces / "groups" / "annotations.json").read_text("utf-8")):
        original = cv2.imread(str(faces / "groups" / entry["file"]))
        assert original is not None
        picture = finer_pass.shrink(original, 1600)  # type: ignore[arg-type]  # faces of 64 px are smaller than there
        boxes = pipeline.engine.detector.detect(picture).boxes
        points = np.array(
            [*entry.get("nose_points", []), *((x + w / 2, y + h / 2) for x, y, w, h in entry.get("boxes", []))],
            np.float32,
        ) * np.float32(picture.shape[1] / original.shape[1])
        held = [np.flatnonzero(covered(point, boxes)) for point in points]
        widths = np.array([boxes[hits[0], 2] if len(hits) else 0 for hits in held], np.float32)
        if widths.any():
            scale = wanted / float(np.median(widths[widths > 0]))
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            yield (cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how), points * scale, widths * scale)  # type: ignore[misc]


def covered(point: Floats, boxes: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which boxes hold the point."""
    inside: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.all(
        (boxes[:, :2] <= point) & (point <= boxes[:, :2] + boxes[:, 2:]), axis=1
    )
    return inside


@pytest.mark.promise
def test_groups_embedded_in_large_pictures(
    promise: Promise, full: bool, faces: Path | None, pipeline: Pipeline
) -> None:
    """The real groups, enlarged or shrunk until their faces are some 64 px wide, all in one picture of 12,000 px."""
    if faces is None:
        promise("U1", "groups not measured (no photographs)")
        assert not full, "--full needs photographs: give --faces DIR"
        return
    count, chance = Count(), random.Random(2)
    for wanted in (64, 80, 120) if full else (68,):
        size = LARGEST if full else (12_000, 3000)
        picture, x, y, row = ground(*size, chance), 0, 0, 0
        true: list[tuple[Floats, float]] = []
        for group, points, widths in groups(faces, pipeline, wanted):
            height, width = group.shape[:2]
            if x + width > size[0]:
                x, y, row = 0, y + row + 40, 0
            picture[y : y + height, x : x + width] = group
            true += [(point + np.array([x, y]), float(w)) for point, w in zip(points, widths, strict=True) if w]
            x, row = x + width + 40, max(row, height)
        found = in_file(pipeline.see(jpeg(picture)))
        for point, width in true:
            nearest = max((w for w in WIDTHS if w <= width), default=0)
            if nearest:
                count.found[nearest][0] += bool(covered(point, found).any())
                count.found[nearest][1] += 1
    promise(
        "U1",
        f"groups in {size[0]} x {size[1]} px by width in the file: {count.words()}; "
        f"from {LEAST} px {count.recall():.3f}",
    )
    assert sum(of for width, (_, of) in count.found.items() if width >= LEAST) >= 35
    assert count.recall() >= 0.98


@pytest.mark.promise
def test_nobody_is_seen_where_nobody_is(promise: Promise, full: bool, faces: Path | None, pipeline: Pipeline) -> None:
    """Photographs of 12 to 36 megapixels, of one person each: tools, plants and folds of cloth are no faces."""
    if faces is None:
        promise("U1", "boxes on nobody not counted (no photographs)")
        assert not full, "--full needs photographs: give --faces DIR"
        return
    alone = {"001_A.jpg", "003_A.jpg", "004_A.jpg", "005_A.jpg", "006_A.jpg"}
    wrong = count = 0
    for entry in json.loads((faces / "groups" / "annotations.json").read_text("utf-8")):
        if entry["file"] in alone:
            boxes = in_file(pipeline.see(faces / "groups" / entry["file"]))
            hit = covered(np.array(entry["nose_points"][0], np.float32), boxes)
            assert hit.sum() == 1, entry["file"]
            wrong, count = wrong + int((~hit).sum()), count + 1
    promise("U1", f"boxes on nobody in {count} photographs of one person, 12 to 36 megapixels: {wrong}")
    assert (count, wrong) == (len(alone), 0)
