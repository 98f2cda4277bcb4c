"""What a face engine is: a detector, an encoder, an id, and the thresholds that were measured for it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from plugin.config import Recognizer
from plugin.errors import EngineError
from plugin.recognizer.engines.thresholds import Calibration
from plugin.recognizer.pictures.pixels import Pixels

Floats = NDArray[np.float32]
"""float32 array; shapes are given where it is used."""


@dataclass(frozen=True)
class Detections:
    """Faces found, best first, in px of the picture that was given.

    `boxes`: (n, 4) left, top, width, height; `points`: (n, 5, 2) eyes, nose, corners of the mouth, as
    seen from left to right; `scores`: (n,) in 0..1.
    """

    boxes: Floats
    points: Floats
    scores: Floats

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, which: NDArray[np.intp]) -> "Detections":
        """The detections at these indexes, in that order."""
        return Detections(self.boxes[which], self.points[which], self.scores[which])

    def scaled(self, factor: float) -> "Detections":
        """The same faces in a picture `factor` times as large."""
        f = np.float32(factor)
        return Detections(self.boxes * f, self.points * f, self.scores)


def nothing() -> Detections:
    """No face."""
    return Detections(np.zeros((0, 4), "f4"), np.zeros((0, 5, 2), "f4"), np.zeros(0, "f4"))


class Detector(Protocol):
    """Finds faces.

    `found_px`: from this width on the finer pass finds a face for sure. `largest_px`: the longest side that is not
    shrunk before the network sees it; 0: any.
    """

    id: str
    found_px: int
    largest_px: int

    def detect(self, picture: Pixels, least: float = 1.0) -> Detections:
        """The faces in a BGR picture, from the configured score on, or from `least` if that is lower."""
        ...


class Encoder(Protocol):
    """Turns faces into vectors."""

    id: str

    def encode(self, picture: Pixels, faces: Detections, mirrored: bool = False) -> Floats:
        """(n, 128) L2-normalised vectors of these faces of a BGR picture.

        `mirrored` averages each with that of its mirror image: slower, steadier, for enrolment.
        """
        ...


@dataclass(frozen=True)
class Engine:
    """A detector and an encoder with what was measured for the pair.

    `id` names detector, alignment and network and goes with every template: vectors of different
    ids are never compared. `look_alike`: two people's templates nearer than this are confusable.
    """

    id: str
    detector: Detector
    encoder: Encoder
    calibration: Calibration
    look_alike: float


@dataclass(frozen=True)
class Entry:
    """A line of the registry: the id is known without loading anything."""

    id: Callable[[Recognizer], str]
    open: Callable[[Recognizer, Path], Engine]
    look_alike: Callable[[], float]


def engine_id(config: Recognizer) -> str:
    """The id that templates of the configured engine bear; no weights are loaded."""
    return _entry(config).id(config)


def look_alike(config: Recognizer) -> float:
    """The distance nearer than which two people's templates of the configured engine are confusable; loads nothing."""
    return _entry(config).look_alike()


def open_engine(config: Recognizer, cache: Path) -> Engine:
    """The configured engine, weights loaded; `cache` keeps the converted model. Raises EngineError."""
    return _entry(config).open(config, cache)


def _entry(config: Recognizer) -> Entry:
    from plugin.recognizer.engines import classic, resnet

    registry = {"retinaface-dlib": Entry(resnet.engine_id, resnet.open_engine, resnet.look_alike),
                "classic": Entry(classic.engine_id, classic.open_engine, resnet.look_alike)}  # fmt: skip
    if config.engine not in registry:
        raise EngineError(f"{config.engine!r} is no engine: choose one of {', '.join(registry)}")
    return registry[config.engine]
