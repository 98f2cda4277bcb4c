"""Requests to an examination and its results: plain values that convert to JSON and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from pydantic import TypeAdapter

from plugin.recognizer.engines.engine import Floats
from plugin.recognizer.matching.matching import Level, WhySuggested
from plugin.recognizer.pictures.boxes import Box

LevelLimits = Mapping[str, Level] | Level


@dataclass(frozen=True)
class ExaminationRequest:
    """What may be done with one photograph at the moment `at` (aware).

    `compare` False: faces are counted, none is encoded. `levels`: the strongest result of a match, for all or by key; a
    mapping also limits the comparison to its keys. `rejected`: (box, key) pairs never to be proposed again, the box in
    0..1. `capped`: keys that are only suggested. `generation`: of the gallery that the answer must use. `original_px`:
    as in `Picture`.
    """

    at: datetime
    compare: bool
    levels: LevelLimits = "auto"
    rejected: tuple[tuple[Box, str], ...] = ()
    capped: frozenset[str] = frozenset()
    generation: int = 0
    original_px: int | None = None


REQUEST_JSON = TypeAdapter(ExaminationRequest)


@dataclass(frozen=True)
class FoundFace:
    """A detected face; without a match `key`, `level`, `distance` and `thresholds` are None.

    `box` in 0..1 of the upright original, `width_px` in the largest picture searched, `file_px` its width in the
    original, None if unknown. `distance` (two places), `thresholds` and `why` for suggestions only.
    """

    box: Box
    width_px: int
    file_px: int | None
    score: float
    key: str | None = None
    level: Level | None = None
    distance: float | None = None
    thresholds: dict[str, float] | None = None
    why: tuple[WhySuggested, ...] = ()


@dataclass(frozen=True)
class Examination:
    """The result for one photograph.

    `width`, `height`: of the upright original in px, even for a preview; `detected_width`: of the largest picture
    searched. `whole` False: the file holds more than was examined, `note` says what (`partial_reasons`). `encoded`: the
    number of encoded faces. `compared`: whether they were compared with anybody.
    """

    width: int
    height: int
    detected_width: int
    whole: bool
    note: str
    faces: tuple[FoundFace, ...]
    encoded: int
    compared: bool
    engine: str


EXAMINATION_JSON = TypeAdapter(Examination)


@dataclass(frozen=True)
class ReferenceFace:
    """A face of a reference photograph that may be enrolled.

    `box` in 0..1 of the upright photograph, `width_px` in the original. `cut`: a JPEG of this face alone.
    """

    box: Box
    width_px: int
    cut: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class ReferencePicture:
    """The faces of a reference photograph that may be enrolled, from left to right; without any the `reason`.

    `alone`: nobody else was found on it. `clear`: it need not be asked which face is meant: the main one serves, no
    other does, and none is so large that it may be meant.
    """

    reason: str
    faces: tuple[ReferenceFace, ...] = ()
    alone: bool = True
    clear: bool = True

    @property
    def offered(self) -> int:
        """The index of the largest face. There is at least one."""
        return max(range(len(self.faces)), key=lambda i: self.faces[i].box[2] * self.faces[i].box[3])

    def to_json(self) -> dict[str, object]:
        """Without the cut-outs."""
        faces = [{"box": face.box, "width_px": face.width_px} for face in self.faces]
        return {"reason": self.reason, "faces": faces, "alone": self.alone, "clear": self.clear}

    @classmethod
    def from_json(cls, tree: object, cuts: list[bytes]) -> "ReferencePicture":
        read = _REFERENCE_JSON.validate_python(tree)
        return replace(read, faces=tuple(replace(f, cut=cut) for f, cut in zip(read.faces, cuts, strict=True)))


_REFERENCE_JSON = TypeAdapter(ReferencePicture)


@dataclass(frozen=True)
class Enrolment:
    """A template made from reference photographs.

    `template`: (n,) float32, L2-normalised. `notes`: one a photograph, or "". `engine`: the id of the template's
    engine.
    """

    template: Floats = field(repr=False)
    notes: tuple[str, ...]
    engine: str

    def to_json(self) -> dict[str, object]:
        """Without the template."""
        return {"notes": list(self.notes), "engine": self.engine}

    @classmethod
    def from_json(cls, tree: object, template: bytes) -> "Enrolment":
        if not isinstance(tree, dict):
            raise TypeError("no enrolment")
        return cls(np.frombuffer(template, "<f4"), tuple(map(str, tree["notes"])), str(tree["engine"]))
