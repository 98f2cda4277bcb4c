"""Large pictures: tiles, edges, faces of all sizes, previews, and what could not be looked at closely."""

import io
import random
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plugin.config import MatchingSection, RecognizerSection
from plugin.errors import PictureError
from plugin.recognizer.engines.classic import Hog
from plugin.recognizer.engines.engine import Detections, Engine
from plugin.recognizer.examination import finer_pass
from plugin.recognizer.examination.examination import Pipeline
from plugin.recognizer.examination.finer_pass import NEAR, SMALL, STEP, TILE, list_sides, split_spans
from plugin.recognizer.examination.messages import Examination, ExaminationRequest
from plugin.recognizer.matching.gallery import Gallery
from plugin.recognizer.pictures.partial_reasons import Partly
from plugin.recognizer.pictures.pixels import Pixels
from sidecar.commands.demo import samples

AT = datetime(2026, 3, 2, tzinfo=UTC)


def head(pipeline: Pipeline, width: int) -> Image.Image:
    """The head of person B with a face `width` px wide in the middle."""
    seen = pipeline.see(samples.portrait(samples.B_STANDING), closely=False)
    left, top, across, down = (seen.faces.boxes[0] / np.float32(seen.decoded.scale)).tolist()
    with Image.open(samples.portrait(samples.B_STANDING)) as opened:
        cut = opened.convert("RGB").crop(
            (int(left - across / 2), int(top - down / 2), int(left + 1.5 * across), int(top + 1.5 * down))
        )
    return cut.resize((2 * width, round(2 * width * cut.height / cut.width)), Image.Resampling.LANCZOS)


def saved(picture: Image.Image, kind: str = "JPEG", **how: Any) -> bytes:
    body = io.BytesIO()
    picture.save(body, kind, **how)
    return body.getvalue()


def examined(pipeline: Pipeline, data: bytes, original_px: int | None = None) -> Examination:
    request = ExaminationRequest(at=AT, compare=False, original_px=original_px)
    return pipeline.examine(data, request, Gallery([], 0))


def sheet(pipeline: Pipeline, size: tuple[int, int], places: list[tuple[int, int]], width: int = 72) -> Image.Image:
    page = Image.new("RGB", size, (90, 120, 90))
    for place in places:
        page.paste(head(pipeline, width), place)
    return page


def test_pieces_cover_all_and_share_enough() -> None:
    """Whatever the length: no px is left out, no piece is too large, neighbours share the overlap."""
    chance = random.Random(1)
    for length in (1, 2, TILE - 1, TILE, TILE + 1, 65_500, *(chance.randrange(1, 70_000) for _ in range(300))):
        overlap = chance.choice((40, 96, 256))
        pieces = split_spans(length, overlap, TILE)
        assert (pieces[0][0], pieces[-1][1]) == (0, length)
        assert all(0 < end - start <= TILE for start, end in pieces)
        assert all(one[1] - other[0] >= overlap for one, other in pairwise(pieces))


def test_no_step_is_too_wide() -> None:
    """Each step shows the picture at most so many times as large that what the one before misses fits the overlap."""
    for finest in (1025, NEAR, NEAR + 1, 4096, 4097, 20_000, 65_500):
        steps = list_sides(1024, finest)
        assert steps[0] == SMALL
        assert steps[-1] == finest
        assert all(after <= before * max(STEP, NEAR / SMALL) for before, after in pairwise(steps))


@pytest.mark.parametrize("size", [(12_000, 1500), (1500, 9000), (7000, 5000)])
def test_faces_at_edges_corners_and_borders_of_tiles(pipeline: Pipeline, size: tuple[int, int]) -> None:
    """In each corner, and every few px along the length: each once, in its place, with its width in the file."""
    side = head(pipeline, 72).size
    right, bottom = size[0] - side[0], size[1] - side[1]
    steps = [(right * i // 20, bottom * i // 20) for i in range(21)]
    places = list(dict.fromkeys([*steps, (right, 0), (0, bottom)]))
    told = examined(pipeline, saved(sheet(pipeline, size, places), quality=90))
    assert (told.whole, told.note, told.width, told.height) == (True, "", *size)
    assert len(told.faces) == len(places)
    middles = [((x + w / 2) * size[0], (y + h / 2) * size[1]) for x, y, w, h in (face.box for face in told.faces)]
    for x, y in places:
        here = [m for m in middles if x < m[0] < x + side[0] and y < m[1] < y + side[1]]
        assert len(here) == 1, (x, y)
    assert all(54 <= (face.file_px or 0) <= 94 for face in told.faces)


def test_size_alone_decides(pipeline: Pipeline) -> None:
    """A large face that the coarse pass finds spares no closer look: the small one beside it is found."""
    page = sheet(pipeline, (8000, 5000), [(7300, 4500)])
    page.paste(head(pipeline, 1500), (200, 200))
    told = examined(pipeline, saved(page, quality=90))
    assert sorted(face.file_px or 0 for face in told.faces) == pytest.approx([72, 1500], rel=0.3)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9])
def test_a_face_that_fills_a_large_picture_is_one_face(pipeline: Pipeline, share: float) -> None:
    """However large it is in the frame: no part of it is a face of its own."""
    page = Image.new("RGB", (5000, 5000), (90, 120, 90))
    portrait = head(pipeline, int(5000 * share))
    page.paste(portrait, ((5000 - portrait.width) // 2, (5000 - portrait.height) // 2))
    told = examined(pipeline, saved(page, quality=85))
    assert len(told.faces) == 1
    assert told.faces[0].file_px == pytest.approx(5000 * share, rel=0.25)


@pytest.mark.parametrize("orientation", [3, 5, 6, 7, 8])
def test_turned_pictures(pipeline: Pipeline, orientation: int) -> None:
    """As viewers turn it: the size of the upright picture, and the box where the face is then."""
    page = sheet(pipeline, (6000, 2000), [(5000, 200)])
    undo = {3: 3, 5: 5, 6: 8, 7: 7, 8: 6}[orientation]
    turns = {
        3: Image.Transpose.ROTATE_180,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    told = examined(pipeline, saved(page.transpose(turns[undo]), quality=90, exif=exif))
    assert (told.width, told.height, len(told.faces), told.whole) == (6000, 2000, 1, True)
    left, top, width, height = told.faces[0].box
    assert (left + width / 2, top + height / 2) == pytest.approx((5072 / 6000, 0.15), abs=0.02)


@pytest.mark.parametrize(
    ("mode", "kind"), [("L", "JPEG"), ("CMYK", "JPEG"), ("RGBA", "PNG"), ("I;16", "PNG"), ("P", "PNG")]
)
def test_other_pixels(pipeline: Pipeline, mode: str, kind: str) -> None:
    """Grey, CMYK, transparent, 16 bit, palette."""
    page = sheet(pipeline, (5000, 1800), [(4500, 1500)])
    if mode == "I;16":
        page = Image.fromarray(np.asarray(page.convert("L")).astype(np.uint16) * 257)
    told = examined(pipeline, saved(page.convert(mode) if mode != "I;16" else page, kind))
    assert (len(told.faces), told.whole) == (1, True)


@pytest.mark.parametrize("size", [(12_000, 1), (1, 12_000), (12_000, 3), (4097, 20)])
def test_strips(pipeline: Pipeline, size: tuple[int, int]) -> None:
    """Pictures of next to no height are examined whole."""
    told = examined(pipeline, saved(Image.new("RGB", size, (200, 10, 10)), "PNG"))
    assert (told.width, told.height, told.whole, told.faces) == (*size, True, ())


def test_settings_decide_how_closely(pipeline: Pipeline) -> None:
    """recognisable_px and detect_px: the finest picture that is searched, and no finer pass where none is needed."""
    page = saved(sheet(pipeline, (6000, 1200), [(3000, 300)]), quality=90)
    for recognisable, detect, finest in (
        (64, 1024, 1875),
        (16, 1024, 6000),
        (1024, 1024, 1024),
        (64, 2048, 2048),
        (64, 320, 1875),
    ):
        given = Pipeline(pipeline.engine, RecognizerSection(detect_px=detect), MatchingSection(), recognisable)
        told = examined(given, page)
        assert told.detected_width == pytest.approx(finest, abs=60), (recognisable, detect)
        assert told.whole
        near = [face for face in told.faces if 54 <= (face.file_px or 0) <= 94]
        assert len(near) == 1 or finest < 1100, (recognisable, detect)


def test_a_preview_is_told_by_the_size_of_its_original(pipeline: Pipeline) -> None:
    """Large enough, too small, of unknown size, enlarged: what it says, and in which px."""
    preview = sheet(pipeline, (2000, 1000), [(900, 400)])
    data = saved(preview, quality=90)
    whole, small = examined(pipeline, data, 6000), examined(pipeline, data, 8000)
    assert (whole.whole, whole.note, whole.width, whole.height) == (True, "", 6000, 3000)
    assert whole.faces[0].file_px == pytest.approx(3 * 72, rel=0.15)
    assert (small.whole, small.note, small.width) == (False, Partly.SMALL_PREVIEW, 8000)
    unknown = examined(pipeline, data, 0)
    assert (unknown.whole, unknown.note, unknown.faces[0].file_px) == (False, Partly.UNKNOWN_SIZE, None)
    for original in (None, 500, 2000):
        given = examined(pipeline, data, original)
        assert (given.whole, given.width, given.height) == (True, 2000, 1000), original
        assert given.faces[0].file_px == pytest.approx(72, rel=0.15)
    assert examined(pipeline, data, 2_000_000_000).note == Partly.SMALL_PREVIEW


class Failing:
    """The real detector, which runs out of memory for what is larger than one side."""

    def __init__(self, real: Any, largest: int, error: Exception) -> None:
        self._real, self._largest, self._error = real, largest, error
        self.id, self.found_px, self.largest_px = real.id, real.found_px, real.largest_px
        self.calls = 0

    def detect(self, picture: Pixels, least: float = 1.0) -> Detections:
        self.calls += 1
        if self.calls == self._largest:
            raise self._error
        return self._real.detect(picture, least)  # type: ignore[no-any-return]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("bad allocation")])
def test_what_cannot_be_looked_at_closely_is_told(pipeline: Pipeline, error: Exception) -> None:
    """Memory ends in the second tile: the coarse pass answers, and the picture was not examined whole."""
    real = pipeline.engine
    failing = Failing(real.detector, 2, error)
    poor = Pipeline(Engine(real.id, failing, real.encoder, real.card), RecognizerSection(), MatchingSection())
    page = sheet(pipeline, (6000, 3000), [(300, 300)])
    page.paste(head(pipeline, 500), (2000, 500))
    told = examined(poor, saved(page, quality=90))
    assert (told.whole, told.note) == (False, Partly.NOT_CLOSE)
    assert any((face.file_px or 0) > 400 for face in told.faces)
    with pytest.raises(PictureError):
        examined(poor, b"no picture")


def test_a_fault_of_ours_is_not_taken_for_want_of_memory(pipeline: Pipeline) -> None:
    """Only memory makes a look less close; anything else in the finer pass is told, and nothing is stored."""
    real = pipeline.engine
    failing = Failing(real.detector, 2, ValueError("operands could not be broadcast"))
    broken = Pipeline(Engine(real.id, failing, real.encoder, real.card), RecognizerSection(), MatchingSection())
    with pytest.raises(ValueError, match="operands"):
        examined(broken, saved(sheet(pipeline, (6000, 3000), [(300, 300)]), quality=90))


@pytest.mark.parametrize("side", [1616, 1800])
def test_a_camera_preview_costs_one_look(pipeline: Pipeline, side: int) -> None:
    """Previews that cannot be decoded at 1,024 px are not searched in tiles: their faces are found in one look."""
    page = sheet(pipeline, (3000, 2000), [(900, 400)], 300)
    preview = page.resize((side, side * 2 // 3))
    real, calls = pipeline.engine, []
    for data in (saved(page, quality=90), saved(page, "MPO", quality=90, save_all=True, append_images=[preview])):
        counting = Failing(real.detector, 0, ValueError())
        given = Pipeline(Engine(real.id, counting, real.encoder, real.card), RecognizerSection(), MatchingSection())
        assert examined(given, data).whole
        calls.append(counting.calls)
    assert calls[1] == calls[0] + 1


@pytest.mark.parametrize("which", ["hog", "fixed"])
def test_other_detectors(pipeline: Pipeline, which: str) -> None:
    """face_recognition's own, and one that shrinks whatever is larger than 640 px, find the small face as well."""
    if which == "hog":
        detector: Any = Hog(pytest.importorskip("face_recognition.api"))
    else:
        detector = Fixed(pipeline.engine.detector)
    real = pipeline.engine
    given = Pipeline(Engine(real.id, detector, real.encoder, real.card), RecognizerSection(), MatchingSection())
    page = sheet(pipeline, (4000, 1500), [(1900, 700), (0, 0), (3856, 1300)], 76)
    told = examined(given, saved(page, quality=92))
    assert (len(told.faces), told.whole) == (3, True)


class Fixed:
    """The real detector behind a fixed input of 640 px, as one of the files of YuNet has it."""

    id, largest_px = "fixed", 640

    def __init__(self, real: Any) -> None:
        self._real, self.found_px = real, real.found_px

    def detect(self, picture: Pixels, least: float = 1.0) -> Detections:
        small = finer_pass.shrink(picture, 640)
        found: Detections = self._real.detect(small, least)
        return found.scaled(picture.shape[1] / small.shape[1])
