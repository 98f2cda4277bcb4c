"""face_recognition itself (HOG detector, dlib's network run by dlib) as an engine.

Slower, with more memory, and never the default. LICENCE: importing face_recognition loads its 68-point model, which was
trained on iBUG 300-W and may not be used commercially; nothing else here loads it. Vectors are in the same space, but
its id differs, so templates are never mixed.
"""

import importlib
import importlib.util
from typing import Any

import cv2
import numpy as np

from plugin.errors import EngineError
from plugin.recognizer.engines.card import EngineCard
from plugin.recognizer.engines.engine import Detections, Engine, Floats, no_detections, normalise
from plugin.recognizer.engines.resnet import DAT, MODELS, POINTS, POINTS_SHA256
from plugin.recognizer.networks import weights
from plugin.recognizer.pictures.pixels import Pixels

LOADED = {
    DAT: weights.DAT_SHA256,
    POINTS: POINTS_SHA256,
    "models/shape_predictor_68_face_landmarks.dat": "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
    "models/mmod_human_face_detector.dat": "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6",
}
"""What importing face_recognition loads, and the sha256 of each; it reads them itself, after they were verified."""


def open_engine(card: EngineCard) -> Engine:
    """The classic engine. Raises EngineError where face_recognition cannot be imported."""
    api = _load_api()
    return Engine(f"{card.name}/{card.version}", Hog(api), Descriptor(api), card)


def _load_api() -> Any:
    """The module face_recognition.api.

    Its import ends the process silently (quit(), exit code 0) without pkg_resources, so that is checked first.
    """
    for module, remedy in (
        ("pkg_resources", 'pip install "setuptools<81"'),
        ("face_recognition_models", "pip install --no-deps face-recognition-models==0.3.0"),
        ("face_recognition", "pip install --no-deps face-recognition==1.3.0"),
    ):
        if importlib.util.find_spec(module) is None:
            raise EngineError(f"the classic engine needs {module}: {remedy}")
    for file, sha256 in LOADED.items():
        weights.read_package_file(MODELS, file, sha256)
    try:
        return importlib.import_module("face_recognition.api")
    except (Exception, SystemExit) as error:
        raise EngineError(f"face_recognition cannot be imported: {error}") from error


class Hog:
    """dlib's frontal face detector through face_locations: no landmarks, no scores."""

    id = "hog"
    found_px = 48  # its smallest window is 80 px on the picture at twice its size
    largest_px = 0

    def __init__(self, api: Any) -> None:
        self._api = api

    def detect(self, picture: Pixels, least: float = 1.0) -> Detections:
        """The faces in a BGR picture; scores are 1, all five points are the box's centre."""
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        found = self._api.face_locations(rgb)  # (top, right, bottom, left)
        if not found:
            return no_detections()
        boxes = np.array([(left, top, r - left, b - top) for top, r, b, left in found], np.float32)
        centres = boxes[:, None, :2] + boxes[:, None, 2:] / 2
        return Detections(boxes, np.repeat(centres, 5, axis=1), np.ones(len(boxes), np.float32))


class Descriptor:
    """face_encodings with the 5-point model, normalised."""

    id = "dlib-descriptor"

    def __init__(self, api: Any) -> None:
        self._api = api

    def encode(self, picture: Pixels, faces: Detections, mirrored: bool = False) -> Floats:
        """(n, 128) L2-normalised vectors; `mirrored` averages with the mirror image's."""
        vectors = self._encode(picture, faces.boxes)
        if mirrored:
            boxes = faces.boxes.copy()
            boxes[:, 0] = picture.shape[1] - boxes[:, 0] - boxes[:, 2]
            vectors = normalise(vectors + self._encode(np.ascontiguousarray(picture[:, ::-1]), boxes))
        return vectors

    def _encode(self, picture: Pixels, boxes: Floats) -> Floats:
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        places = [(int(y), int(x + w), int(y + h), int(x)) for x, y, w, h in boxes.round()]
        if not places:
            return np.zeros((0, 128), np.float32)
        return normalise(np.array(self._api.face_encodings(rgb, places), np.float32))
