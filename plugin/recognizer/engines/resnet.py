"""dlib's 5-point alignment and face recognition ResNet, the network on onnxruntime: the default encoder.

Alignment is dlib's own code (`get_face_chip`, 150 px, padding 0.25: what compute_face_descriptor
does), so vectors equal those of face_recognition for the same boxes; in 8 bits, where the processor
can, they lie .02 from them (docs/adr/0049).
"""

import importlib
from pathlib import Path
from tempfile import NamedTemporaryFile

import cv2
import numpy as np
from numpy.typing import NDArray

from plugin.errors import EngineError
from plugin.recognizer.engines.engine import Detections, Floats, normalise
from plugin.recognizer.networks import model_cache, processor, weights
from plugin.recognizer.networks.session import open_session
from plugin.recognizer.pictures.pixels import Pixels

CONVERTER = "plugin.recognizer.networks.dlib_conversion"
MODELS = "face_recognition_models"
DAT = "models/dlib_face_recognition_resnet_model_v1.dat"
POINTS = "models/shape_predictor_5_face_landmarks.dat"
POINTS_SHA256 = "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
SIDE = 150
PADDING = 0.25
_BATCH = 16


class ResNet:
    """5-point alignment (dlib) and ResNet (onnxruntime); about 2 to 4 ms a face on one thread.

    `form`: of the network, "int8" by default where the processor has instructions for it, else "float".
    """

    id = "dlib-resnet"

    def __init__(self, cache: Path, form: str = "") -> None:
        try:
            self._dlib = importlib.import_module("_dlib_pybind11")
        except ImportError as error:
            raise EngineError("dlib is not installed: pip install dlib-bin") from error
        with NamedTemporaryFile() as copy:  # dlib reads files alone: ours, of the bytes that were verified
            copy.write(weights.read_package_file(MODELS, POINTS, POINTS_SHA256))
            copy.flush()
            self._predictor = self._dlib.shape_predictor(copy.name)
        self._session = open_session(ensure_model(cache, form or processor.find_form()))

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


def ensure_model(cache: Path, form: str) -> bytes:
    """dlib's network in the form of onnxruntime, made in `cache` if missing. Raises EngineError."""
    sources = [form.encode(), weights.read_package_file(MODELS, DAT, weights.DAT_SHA256)]
    return model_cache.ensure_model(cache, f"dlib-resnet-{form}", CONVERTER, sources)
