"""YuNet, the fastest detector, where its file is configured: no package contains it.

Decoding as in OpenCV's FaceDetectorYN (Wu et al., YuNet, 2023): score = sqrt(class * objectness).
"""

import hashlib
from pathlib import Path

import cv2
import numpy as np

from plugin.config.detection_size import FOUND_PX
from plugin.errors import EngineError
from plugin.recognizer.engines.engine import Detections, Floats, join_detections, no_detections
from plugin.recognizer.engines.retinaface import suppress_overlaps
from plugin.recognizer.networks.session import open_session
from plugin.recognizer.pictures.pixels import Pixels

KNOWN = {
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4": 640,
    "daede24002cc8590f457998cc5e6c9e8b82f45f6bd969506a8913cd4ed10a2d3": 0,
}
"""sha256 of the two files that were tested -> the side of their fixed input, 0 for any size."""
_STRIDES = (8, 16, 32)
_OVERLAP = 0.3


class YuNet:
    """YuNet (libfacedetection) on onnxruntime. Raises EngineError for an untested file."""

    id = "yunet"
    found_px = FOUND_PX

    def __init__(self, path: Path, score: float) -> None:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise EngineError(f"recognizer.yunet: {path} cannot be read ({error.strerror})") from error
        digest = hashlib.sha256(data).hexdigest()
        if digest not in KNOWN:
            raise EngineError(f"recognizer.yunet: {path} is neither of the two files that were tested: see docs")
        self._side = self.largest_px = KNOWN[digest]
        self._score = score
        self._session = open_session(data)
        self._names = [output.name for output in self._session.get_outputs()]

    def detect(self, picture: Pixels, least: float = 1.0) -> Detections:
        """The faces in a BGR picture, best first."""
        fitted, scale = self._fit(picture)
        blob = cv2.dnn.blobFromImage(fitted)
        values = self._session.run(None, {self._session.get_inputs()[0].name: blob})
        outputs = dict(zip(self._names, values, strict=True))
        parts = [self._stride(outputs, stride, fitted.shape[1], min(least, self._score)) for stride in _STRIDES]
        found = join_detections(parts)
        return suppress_overlaps(found, _OVERLAP).scaled(1 / scale) if len(found) else no_detections()

    def _fit(self, picture: Pixels) -> tuple[Pixels, float]:
        """The picture padded to the network's input, and its scale."""
        height, width = picture.shape[:2]
        scale = min(1.0, self._side / max(height, width)) if self._side else 1.0
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
            height, width = picture.shape[:2]
        below = (self._side or -(-height // 32) * 32) - height
        right = (self._side or -(-width // 32) * 32) - width
        padded = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT)
        return padded, scale  # type: ignore[return-value]

    def _stride(self, outputs: dict[str, Floats], stride: int, width: int, least: float) -> Detections:
        sure = np.clip(outputs[f"cls_{stride}"].reshape(-1), 0, 1)
        scores = np.sqrt(sure * np.clip(outputs[f"obj_{stride}"].reshape(-1), 0, 1))
        likely = np.flatnonzero(scores >= least)
        across = width // stride
        cell = np.stack([likely % across, likely // across], 1).astype(np.float32)
        box = outputs[f"bbox_{stride}"].reshape(-1, 4)[likely]
        points = outputs[f"kps_{stride}"].reshape(-1, 5, 2)[likely]
        centre, size = (cell + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride
        boxes = np.concatenate([centre - size / 2, size], 1).astype(np.float32)
        return Detections(boxes, ((points + cell[:, None]) * stride).astype(np.float32), scores[likely])
