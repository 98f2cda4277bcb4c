"""A face engine: a detector, an encoder, an id, and measured thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from plugin.config import MatchingSection
from plugin.recognizer.engines.card import EngineCard
from plugin.recognizer.engines.thresholds import Thresholds
from plugin.recognizer.pictures.pixels import Pixels

Floats = NDArray[np.float32]
"""float32 array; shapes are given where it is used."""


@dataclass(frozen=True)
class Detections:
    """Detected faces, best first, in px of the given picture.

    `boxes`: (n, 4) left, top, width, height; `points`: (n, 5, 2) eyes, nose, corners of the mouth, from left to right;
    `scores`: (n,) in 0..1.
    """

    boxes: Floats
    points: Floats
    scores: Floats

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, which: NDArray[np.intp]) -> "Detections":
        return Detections(self.boxes[which], self.points[which], self.scores[which])

    def scaled(self, factor: float) -> "Detections":
        """The same faces in a picture `factor` times as large."""
        f = np.float32(factor)
        return Detections(self.boxes * f, self.points * f, self.scores)


def no_detections() -> Detections:
    """No face."""
    return Detections(np.zeros((0, 4), "f4"), np.zeros((0, 5, 2), "f4"), np.zeros(0, "f4"))


def normalise(vectors: Floats) -> Floats:
    """L2-normalised rows."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def join_detections(parts: Sequence[Detections]) -> Detections:
    """All of them, in order."""
    return Detections(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


class Detector(Protocol):
    """Detects faces.

    `found_px`: from this width on the finer pass reliably finds a face. `largest_px`: the longest side that the network
    sees unscaled; 0: any.
    """

    id: str
    found_px: int
    largest_px: int

    def detect(self, picture: Pixels, least: float = 1.0) -> Detections:
        """The faces in a BGR picture, from the configured score on, or from `least` if that is lower."""
        ...


class Encoder(Protocol):
    """Encodes faces as vectors."""

    id: str

    def encode(self, picture: Pixels, faces: Detections, mirrored: bool = False) -> Floats:
        """(n, width) L2-normalised vectors of these faces of a BGR picture.

        `mirrored` averages each with that of its mirror image: slower, steadier, for enrolment.
        """
        ...


@dataclass(frozen=True)
class Engine:
    """A detector and an encoder, with the card that says what their distances mean.

    `id` names detector, alignment and network and is stored with every template: vectors of different ids are never
    compared.
    """

    id: str
    detector: Detector
    encoder: Encoder
    card: EngineCard

    def find_thresholds(self, matching: MatchingSection, enrolled: int, lowered: float = 0.0) -> Thresholds:
        """As the card's."""
        return self.card.find_thresholds(matching, enrolled, lowered)

    def find_gallery_thresholds(self, matching: MatchingSection, templates: Floats) -> Thresholds:
        """The same with these (n, width) templates compared: stricter if they lie close together."""
        return self.card.find_thresholds(matching, len(templates), self.find_lowered(templates))

    def find_lowered(self, templates: Floats) -> float:
        """By how much thresholds come down because these templates lie close together."""
        apart = self.card.apart
        return apart.find_excess(templates) if apart else 0.0
