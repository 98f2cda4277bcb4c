"""Any network that takes an aligned face and gives a vector, as its card describes it, on onnxruntime."""

import cv2
import numpy as np
from numpy.typing import NDArray

from plugin.errors import EngineError
from plugin.recognizer.engines.card import EngineCard
from plugin.recognizer.engines.engine import Detections, Floats, normalise
from plugin.recognizer.networks.session import open_session
from plugin.recognizer.pictures.pixels import Pixels

_BATCH = 8


class OnnxEncoder:
    """A similarity warp of the detector's five points to the card's, then the network."""

    def __init__(self, card: EngineCard, model: bytes) -> None:
        """Raises EngineError if the network does not load, or gives vectors of another width than its card says."""
        if card.input.points is None:
            raise EngineError(f"{card.name}: its card does not say where the points of a face belong")
        self.id = card.name
        self._card = card
        self._points = np.array(card.input.points, np.float64) * card.input.side
        self._session = open_session(model)
        self._input = self._session.get_inputs()[0].name
        side = card.input.side
        width = self._run(np.zeros((1, side, side, 3), np.uint8)).shape
        if width != (1, card.vector):
            raise EngineError(f"{card.name}: the network gives vectors of shape {width}, its card says {card.vector}")

    def encode(self, picture: Pixels, faces: Detections, mirrored: bool = False) -> Floats:
        """(n, vector) L2-normalised vectors of a BGR picture; `mirrored` averages with the mirror image's."""
        chips = self.align(picture, faces)
        vectors = normalise(self._vectors(chips))
        if mirrored and len(chips):
            vectors = normalise(vectors + normalise(self._vectors(chips[:, :, ::-1])))
        return vectors

    def align(self, picture: Pixels, faces: Detections) -> Pixels:
        """(n, side, side, 3) faces, upright, in the order of the picture's colours."""
        side = self._card.input.side
        found = np.empty((len(faces), side, side, 3), np.uint8)
        for chip, points in zip(found, faces.points.astype(np.float64), strict=True):
            warp = fit_similarity(points, self._points)
            cv2.warpAffine(picture, warp, (side, side), dst=chip, flags=cv2.INTER_LINEAR)
        return found

    def _vectors(self, chips: Pixels) -> Floats:
        parts = [np.zeros((0, self._card.vector), np.float32)]
        parts += [self._run(chips[start : start + _BATCH]) for start in range(0, len(chips), _BATCH)]
        return np.concatenate(parts)

    def _run(self, chips: Pixels) -> Floats:
        given = self._card.input
        pictures = list(np.ascontiguousarray(chips))
        blob = cv2.dnn.blobFromImages(pictures, given.scale, mean=given.mean, swapRB=given.colours == "rgb")
        vectors: Floats = self._session.run(None, {self._input: blob})[0]
        return vectors


def fit_similarity(points: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3) rotation, scale and shift that bring (n, 2) points nearest to the target (least squares; Umeyama 1991)."""
    here, there = points.mean(axis=0), target.mean(axis=0)
    x, y = (points - here).T
    u, v = (target - there).T
    size = max(float((x * x + y * y).sum()), 1e-9)
    a, b = float((x * u + y * v).sum()) / size, float((x * v - y * u).sum()) / size
    turn = np.array([[a, -b], [b, a]])
    return np.column_stack([turn, there - turn @ here])
