"""Engines: the same vectors as face_recognition, weights known by their sha256, plain refusals."""

import hashlib
import importlib.util
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from plugin.config import RecognizerSection
from plugin.errors import EngineError
from plugin.recognizer.engines import resnet, yunet
from plugin.recognizer.engines.engine import Detections, Engine
from plugin.recognizer.engines.registry import engine_id, open_engine
from plugin.recognizer.engines.yunet import YuNet
from plugin.recognizer.examination.examination import Pipeline
from plugin.recognizer.networks import weights
from sidecar.commands.demo import samples

PORTRAITS = [samples.A_FRONT, samples.A_SPEECH, samples.A_STANDING, samples.A_FRONT_CUT_LEFT, samples.B_STANDING]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_vectors_are_those_of_face_recognition(cache: Path) -> None:
    """For the same boxes every number of every encoding is within 1e-4, before normalisation, in float."""
    import face_recognition

    encoder, compared = resnet.ResNet(cache, "float"), 0
    for sha in PORTRAITS:
        rgb = face_recognition.load_image_file(str(samples.portrait(sha)))
        places = face_recognition.face_locations(rgb)
        if not places:
            places = [(100, 400, 500, 0)]
        expected = np.array(face_recognition.face_encodings(rgb, places))
        rectangles = np.array([(left, top, right, bottom) for top, right, bottom, left in places])
        got = encoder.vectors(encoder.chips(rgb, rectangles))
        assert np.abs(got - expected).max() < 1e-4
        compared += len(places)
    assert compared >= len(PORTRAITS)


def test_the_form_of_this_machine_gives_nearly_the_same_vectors(cache: Path, pipeline: Pipeline) -> None:
    """A template that one machine made serves on another: what 8 bits change is small beside two photographs."""
    forms = [resnet.ResNet(cache, "float"), resnet.ResNet(cache)]
    for sha in PORTRAITS:
        seen = pipeline.see(samples.portrait(sha))
        first, second = (one.encode(seen.decoded.pixels, seen.faces) for one in forms)
        assert np.linalg.norm(first - second, axis=1).max() < 0.06


def test_one_person_is_near_another_far(pipeline: Pipeline) -> None:
    """Two photographs of one person lie below the suggestion threshold, of two people far beyond."""
    a, again, b = (_vector(pipeline, sha) for sha in (samples.A_FRONT, samples.A_STANDING, samples.B_STANDING))
    assert np.linalg.norm(a) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(a - again) < 0.36 < 0.45 < np.linalg.norm(a - b)


def _vector(pipeline: Pipeline, sha: str) -> Any:
    seen = pipeline.see(samples.portrait(sha))
    assert len(seen.faces) == 1
    return pipeline.engine.encoder.encode(seen.decoded.pixels, seen.faces)[0]


def test_landmarks_lie_where_a_face_has_them(pipeline: Pipeline) -> None:
    """Both eyes above the nose, the nose above both corners of the mouth, all inside the box."""
    seen = pipeline.see(samples.portrait(samples.A_FRONT))
    points, (left, top, width, height) = seen.faces.points[0], seen.faces.boxes[0]
    assert points[:2, 1].max() < points[2, 1] < points[3:, 1].min()
    assert points[0, 0] < points[2, 0] < points[1, 0]
    assert ((points >= (left, top)) & (points <= (left + width, top + height))).all()


def test_detection_does_not_depend_on_the_size_of_the_picture(engine: Engine) -> None:
    """Any width and height are taken, odd ones too, and the box stays at its place."""
    picture = cv2.imread(str(samples.portrait(samples.A_FRONT)))
    assert picture is not None
    expected = engine.detector.detect(picture).boxes[0] / picture.shape[1]  # type: ignore[arg-type]
    for width in (333, 500, 801):
        smaller = cv2.resize(picture, (width, round(picture.shape[0] * width / picture.shape[1])))
        found = engine.detector.detect(smaller)  # type: ignore[arg-type]
        assert len(found) == 1
        assert np.abs(found.boxes[0] / width - expected).max() < 0.03


def test_a_picture_without_faces_gives_none(engine: Engine) -> None:
    """Nothing found is an empty answer, and encoding nothing is one too."""
    blank = np.full((300, 400, 3), 127, np.uint8)
    found = engine.detector.detect(blank)
    assert len(found) == 0
    assert engine.encoder.encode(blank, found, mirrored=True).shape == (0, 128)


def test_a_face_over_the_edge_is_encoded(engine: Engine) -> None:
    """Boxes that stick out of the picture give a vector, not a crash."""
    picture = np.full((100, 100, 3), 127, np.uint8)
    out = Detections(
        np.array([[-50, -50, 90, 120], [80, 80, 60, 60]], "f4"), np.zeros((2, 5, 2), "f4"), np.ones(2, "f4")
    )
    vectors = engine.encoder.encode(picture, out)
    assert vectors.shape == (2, 128)
    assert np.isfinite(vectors).all()


def test_a_damaged_model_is_made_again(tmp_path: Path) -> None:
    """The converted model is private to its owner, the same every time, and replaced when damaged."""
    cache = tmp_path / "new" / "models"
    first = resnet.ensure_model(cache, "float")
    (made,) = cache.glob("*.onnx")
    assert made.read_bytes() == first
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    before = made.stat().st_mtime_ns
    assert resnet.ensure_model(cache, "float") == first
    assert made.stat().st_mtime_ns == before
    made.write_bytes(first[:-1] + b"x")
    assert resnet.ensure_model(cache, "float") == first == made.read_bytes()
    assert sorted(path.suffix for path in cache.iterdir()) == [".onnx", ".sha256"]


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Where the model cannot be kept the error names the folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match="file"):
        resnet.ensure_model(tmp_path / "file" / "models", "float")


def test_weights_that_changed_are_refused() -> None:
    """Another sha256, a missing file, a missing package, a missing constant: EngineError."""
    assert len(weights.read_constant("retinaface", "weights", "WEIGHTS", weights.RETINAFACE_SHA256)) == 1_736_694
    calls: tuple[Callable[[], bytes], ...] = (
        lambda: weights.read_constant("retinaface", "weights", "WEIGHTS", "0" * 64),
        lambda: weights.read_constant("retinaface", "weights", "OTHER", weights.RETINAFACE_SHA256),
        lambda: weights.read_constant("retinaface", "nowhere", "WEIGHTS", weights.RETINAFACE_SHA256),
        lambda: weights.read_package_file("face_recognition_models", "none.dat", "0" * 64),
        lambda: weights.read_package_file("no_such_package", "none.dat", "0" * 64),
    )
    for call in calls:
        with pytest.raises(EngineError):
            call()


def test_a_detector_file_that_was_not_tested_is_refused(tmp_path: Path) -> None:
    """recognizer.yunet takes one of two files, by sha256."""
    (tmp_path / "yunet.onnx").write_bytes(b"something else")
    with pytest.raises(EngineError, match="tested"):
        YuNet(tmp_path / "yunet.onnx", 0.7)
    with pytest.raises(EngineError, match="cannot be read"):
        YuNet(tmp_path / "none.onnx", 0.7)


class OneFace:
    """A session of YuNet's shape that sees one face: stride 16, third row, second column."""

    def run(self, _: object, inputs: dict[str, Any]) -> list[Any]:
        (blob,) = inputs.values()
        height, width = blob.shape[2:]
        assert (height % 32, width % 32) == (0, 0)
        values = []
        for name, last in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            for stride in (8, 16, 32):
                values.append(np.zeros((1, height * width // stride**2, last), np.float32))
                if stride == 16:
                    seen = {"cls": 0.9, "obj": 0.8, "bbox": (0.5, 0.5, 0, np.log(2)), "kps": np.arange(10) / 10}
                    values[-1][0, 2 * (width // 16) + 1] = seen[name]
        return values

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="input")]

    def get_outputs(self) -> list[Any]:
        kinds = ("cls", "obj", "bbox", "kps")
        return [SimpleNamespace(name=f"{kind}_{stride}") for kind in kinds for stride in (8, 16, 32)]


@pytest.mark.parametrize(("side", "height", "scale"), [(0, 90, 1), (64, 60, 1), (64, 128, 2)])
def test_yunets_answers_are_read_as_opencv_does(
    side: int, height: int, scale: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Centre (cell + offset) * stride, size exp * stride, score sqrt(cls * obj), any or a fixed input."""
    (tmp_path / "yunet.onnx").write_bytes(b"weights")
    monkeypatch.setitem(yunet.KNOWN, hashlib.sha256(b"weights").hexdigest(), side)
    monkeypatch.setattr(yunet, "open_session", lambda _: OneFace())
    found = YuNet(tmp_path / "yunet.onnx", 0.7).detect(np.zeros((height, 50, 3), np.uint8))
    assert found.boxes[0] == pytest.approx(np.array([16, 24, 16, 32]) * scale)
    assert found.points[0, 1] == pytest.approx(np.array([1.2, 2.3]) * 16 * scale)
    assert found.scores[0] == pytest.approx(np.sqrt(0.72))


def test_ids_tell_engines_apart() -> None:
    """Every combination has its own id, known without loading weights."""
    ids = [
        engine_id(c)
        for c in (RecognizerSection(), RecognizerSection(yunet="x.onnx"), RecognizerSection(engine="classic"))
    ]
    assert len(set(ids)) == 3


def test_classic_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without pkg_resources face_recognition's import would end the process: refused before it."""
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pkg_resources" else real(name))
    with pytest.raises(EngineError, match="setuptools"):
        open_engine(RecognizerSection(engine="classic"), tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_classic_lives_in_the_same_space(pipeline: Pipeline, cache: Path) -> None:
    """face_recognition behind the protocol gives nearly the vectors of the default engine."""
    config = RecognizerSection(engine="classic")
    other = open_engine(config, cache)
    picture = cv2.imread(str(samples.portrait(samples.A_FRONT)))
    assert picture is not None
    faces = other.detector.detect(picture)  # type: ignore[arg-type]
    vector = other.encoder.encode(picture, faces)[0]  # type: ignore[arg-type]
    assert np.linalg.norm(vector - _vector(pipeline, samples.A_FRONT)) < 0.2
    mirrored = other.encoder.encode(picture, faces, mirrored=True)[0]  # type: ignore[arg-type]
    assert 0 < np.linalg.norm(vector - mirrored) < 0.25
