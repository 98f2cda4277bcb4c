"""Photographs are examined in child processes that may be lost without harm."""

import io
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from plugin.config import MatchingSection, RecognizerSection
from plugin.confinement.sandbox import Confinement
from plugin.errors import GalleryStale
from plugin.recognizer.engines.engine import Detections, Engine, Floats, normalise
from plugin.recognizer.examination.examination import Pipeline
from plugin.recognizer.examination.messages import EXAMINATION_JSON, REQUEST_JSON, ExaminationRequest
from plugin.recognizer.matching.gallery import Enrolled, Gallery
from plugin.recognizer.pictures.decode import Limits
from plugin.recognizer.pictures.pixels import Pixels
from plugin.recognizer.process.child import ChildState
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)
PLAIN = ExaminationRequest(NOW, compare=False)


@pytest.fixture(scope="module")
def template(examiner: Examiner) -> Floats:
    """Sample person A's template, from two photographs."""
    references = [samples.portrait(samples.A_FRONT), samples.portrait(samples.A_STANDING)]
    return examiner.enrol(references).template


@pytest.fixture(scope="module")
def crowd() -> bytes:
    """Person A, person B and A again side by side, as a PNG."""
    heads = []
    for sha in (samples.A_SPEECH, samples.B_STANDING, samples.A_FRONT):
        with Image.open(samples.portrait(sha)) as image:
            heads.append(image.convert("RGB").resize((400, round(image.height * 400 / image.width))))
    page = Image.new("RGB", (1200, max(head.height for head in heads)), "grey")
    for i, head in enumerate(heads):
        page.paste(head, (400 * i, 0))
    file = io.BytesIO()
    page.save(file, "PNG")
    return file.getvalue()


def test_the_enrolled_are_named_and_nobody_else(examiner: Examiner, template: Floats, crowd: bytes) -> None:
    """In a crowd the enrolled person is named once, on the nearest face; every face has its box."""
    examiner.load_gallery([Enrolled("a", template, TOMORROW, True)], 7)
    seen = examiner.examine(crowd, ExaminationRequest(NOW, compare=True, generation=7))
    assert (seen.encoded, seen.compared, seen.whole, seen.engine) == (3, True, True, examiner.engine_id)
    by_place = sorted(seen.faces, key=lambda face: face.box[0])
    assert [face.key for face in by_place][1] is None
    assert [face.key for face in by_place].count("a") == 1
    named = next(face for face in by_place if face.key)
    assert (named.level, named.distance, named.thresholds) == ("auto", None, None)
    for i, face in enumerate(by_place):
        assert i / 3 < face.box[0] < face.box[0] + face.box[2] < (i + 1) / 3
        assert face.width_px == pytest.approx(face.box[2] * seen.detected_width, abs=1)


def test_a_dense_gallery_is_compared_strictly(examiner: Examiner, template: Floats) -> None:
    """The thresholds in force are those of the people compared, and what is suggested says by how much lower."""
    photo, chance = samples.portrait(samples.A_SPEECH), np.random.default_rng(1)
    near = [normalise(template[None] + one[None] / 30)[0] for one in chance.normal(size=(3, 128)).astype(np.float32)]
    entries = [Enrolled(key, vector, TOMORROW, True) for key, vector in zip("abcd", [template, *near], strict=True)]
    examiner.load_gallery(entries, 31)
    told = []
    for levels in ({"a": "suggest"}, dict.fromkeys("abcd", "suggest")):
        request = REQUEST_JSON.validate_python({"at": NOW, "compare": True, "levels": levels, "generation": 31})
        (face,) = examiner.examine(photo, request).faces
        assert (face.key, face.level) == ("a", "suggest")
        assert face.thresholds is not None
        told.append(face.thresholds)
    alone, together = told
    assert (alone["enrolled"], alone["lowered"]) == (1, 0)
    assert together["enrolled"] == 4
    assert together["lowered"] > 0.02
    assert together["suggest"] < alone["suggest"]


def test_requests_bound_what_may_come_of_it(examiner: Examiner, template: Floats) -> None:
    """Levels, caps, rejections, other keys and the end of the lease each limit the outcome."""
    photo = samples.portrait(samples.A_SPEECH)
    examiner.load_gallery([Enrolled("a", template, TOMORROW, True)], 8)
    box = examiner.examine(photo, PLAIN).faces[0].box
    for request, level, encoded in (
        (ExaminationRequest(NOW, True, generation=8), "auto", 1),
        (ExaminationRequest(NOW, True, "suggest", generation=8), "suggest", 1),
        (ExaminationRequest(NOW, True, {"a": "suggest"}, generation=8), "suggest", 1),
        (ExaminationRequest(NOW, True, capped=frozenset({"a"}), generation=8), "suggest", 1),
        (ExaminationRequest(NOW, True, rejected=((box, "a"),), generation=8), None, 1),
        (ExaminationRequest(NOW, True, {"b": "auto"}, generation=8), None, 0),
        (ExaminationRequest(TOMORROW, True, generation=8), None, 0),
        (ExaminationRequest(NOW, False, generation=8), None, 0),
    ):
        seen = examiner.examine(photo, request)
        assert (seen.faces[0].level, seen.encoded, seen.compared) == (level, encoded, encoded > 0)
        if level == "suggest":
            told = seen.faces[0].thresholds
            assert told is not None
            assert seen.faces[0].distance == round(seen.faces[0].distance or 0, 2) < told["suggest"]


def test_a_path_and_its_bytes_give_the_same(examiner: Examiner) -> None:
    """A picture may be handed over as a path or as bytes; many may wait at once."""
    path = samples.portrait(samples.A_FRONT)
    waiting = [examiner.submit(source, PLAIN) for source in (path, path.read_bytes()) * 3]
    assert len({future.result().faces for future in waiting}) == 1


def test_another_generation_is_refused(examiner: Examiner, template: Floats) -> None:
    """An answer never rests on another gallery than was asked for; without comparing it does not matter."""
    photo = samples.portrait(samples.A_FRONT)
    examiner.load_gallery([Enrolled("a", template, TOMORROW, True)], 11)
    with pytest.raises(GalleryStale):
        examiner.examine(photo, ExaminationRequest(NOW, compare=True, generation=12))
    assert examiner.examine(photo, ExaminationRequest(NOW, compare=False, generation=12)).faces
    examiner.load_gallery([], 12)
    seen = examiner.examine(photo, ExaminationRequest(NOW, compare=True, generation=12))
    assert (seen.compared, seen.encoded, seen.faces[0].key) == (False, 0, None)


def test_the_same_generation_loaded_again_replaces_the_entries(examiner: Examiner, template: Floats) -> None:
    """What was loaded last counts, also under a number that was used before."""
    photo = samples.portrait(samples.A_FRONT)
    request = ExaminationRequest(NOW, compare=True, generation=20)
    for key in ("a", "b"):
        examiner.load_gallery([Enrolled(key, template, TOMORROW, True)], 20)
        assert examiner.examine(photo, request).faces[0].key == key


class Counting:
    """An encoder that counts the faces it is asked for."""

    id = "counting"

    def __init__(self) -> None:
        self.faces = 0

    def encode(self, picture: Pixels, faces: Detections, mirrored: bool = False) -> Floats:
        self.faces += len(faces)
        vectors = np.zeros((len(faces), 128), np.float32)
        vectors[:, 0] = 1
        return vectors


def test_no_encoding_without_leave_to_compare(engine: Engine, template: Floats, crowd: bytes) -> None:
    """Not asked to compare, nobody enrolled, nobody live, nobody of those allowed: the encoder rests."""
    counting = Counting()
    pipeline = Pipeline(Engine("x", engine.detector, counting, engine.card), RecognizerSection(), MatchingSection())
    full = Gallery([Enrolled("a", template, TOMORROW, True)], 0.3)
    for request, gallery in (
        (ExaminationRequest(NOW, compare=False), full),
        (ExaminationRequest(NOW, compare=True), Gallery([], 0.3)),
        (ExaminationRequest(TOMORROW, compare=True), full),
        (ExaminationRequest(NOW, compare=True, levels={}), full),
        (ExaminationRequest(NOW, compare=True, levels={"b": "auto"}), full),
    ):
        seen = pipeline.examine(crowd, request, gallery)
        assert (len(seen.faces), seen.encoded, counting.faces) == (3, 0, 0)
    assert pipeline.examine(crowd, ExaminationRequest(NOW, compare=True), full).encoded == 3 == counting.faces


def test_faces_too_small_to_encode_are_counted(engine: Engine, template: Floats, crowd: bytes) -> None:
    """Narrower than matching.encode_px: a box and a width, no encoding."""
    counting = Counting()
    tight = MatchingSection(count_px=20, encode_px=500, auto_px=500)
    pipeline = Pipeline(Engine("x", engine.detector, counting, engine.card), RecognizerSection(), tight)
    gallery = Gallery([Enrolled("a", template, TOMORROW, True)], 0.3)
    seen = pipeline.examine(crowd, ExaminationRequest(NOW, compare=True), gallery)
    assert (len(seen.faces), seen.encoded, counting.faces) == (3, 0, 0)


def test_what_leaves_the_child_holds_no_vector(pipeline: Pipeline, template: Floats, crowd: bytes) -> None:
    """The answer to an examination has no bytes beside its JSON, and in that no list longer than a box."""
    room = ChildState(pipeline, Limits(), Confinement(0, False), MatchingSection())
    listed = [["a", TOMORROW.isoformat(), True]]
    room.answer({"order": "gallery", "entries": listed, "generation": 1}, [template.tobytes()])
    request = REQUEST_JSON.dump_python(ExaminationRequest(NOW, compare=True, generation=1), mode="json")
    answer, parts = room.answer({"order": "examine", "sources": [None], "request": request}, [crowd])
    assert parts == []
    faces = json.loads(json.dumps(answer))["examination"]["faces"]
    assert len(faces) == 3
    assert all(len(value) <= 4 for face in faces for value in face.values() if isinstance(value, (list, dict)))
    assert EXAMINATION_JSON.validate_python(answer["examination"]).encoded == 3
