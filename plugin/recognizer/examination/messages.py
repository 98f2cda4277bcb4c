"""What is asked of an examination and what comes back: plain values that become JSON and return."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import numpy as np

from plugin.recognizer.engines.engine import Floats
from plugin.recognizer.matching.matching import Level
from plugin.recognizer.pictures.boxes import Box

LevelLimits = Mapping[str, Level] | Level


@dataclass(frozen=True)
class ExaminationRequest:
    """What may be done with one photograph at the moment `at` (aware).

    `compare` False: faces are counted, none is encoded. `levels`: the most that may come of a match,
    for everybody or by key; a mapping also restricts the comparison to its keys. `rejected`: (box,
    key) pairs never to be proposed again, the box in 0..1. `capped`: keys suggested at most.
    `generation`: of the gallery that the answer must rest on. `original_px`: as `Picture` has it.
    """

    at: datetime
    compare: bool
    levels: LevelLimits = "auto"
    rejected: tuple[tuple[Box, str], ...] = ()
    capped: frozenset[str] = frozenset()
    generation: int = 0
    original_px: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "at": self.at.isoformat(),
            "compare": self.compare,
            "levels": self.levels if isinstance(self.levels, str) else dict(self.levels),
            "rejected": [[list(box), key] for box, key in self.rejected],
            "capped": sorted(self.capped),
            "generation": self.generation,
            "original_px": self.original_px,
        }

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> "ExaminationRequest":
        """The request that `to_json` wrote."""
        return cls(
            at=datetime.fromisoformat(tree["at"]),
            compare=tree["compare"],
            levels=tree["levels"],
            rejected=tuple((cast(Box, tuple(box)), key) for box, key in tree["rejected"]),
            capped=frozenset(tree["capped"]),
            generation=tree["generation"],
            original_px=tree["original_px"],
        )


@dataclass(frozen=True)
class FoundFace:
    """A face that was found; without a match `key`, `level`, `distance` and `thresholds` are None.

    `box` in 0..1 of the upright original, `width_px` in the finest picture that was searched, `file_px` its
    width in the original, also of one that an edge cuts off; None where nobody knows its size. `distance` (two places)
    and `thresholds` accompany suggestions only.
    """

    box: Box
    width_px: int
    file_px: int | None
    score: float
    key: str | None = None
    level: Level | None = None
    distance: float | None = None
    thresholds: dict[str, float] | None = None


@dataclass(frozen=True)
class Examination:
    """What was seen on a photograph.

    `width`, `height`: of the upright original in px, also where a preview was looked at; `detected_width`: of
    the finest picture in which faces were looked for. `whole` False: the file holds more than was examined, `note`
    says what (`partly`). `encoded`:
    how many faces were encoded. `compared`: whether they were compared with anybody.
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

    def to_json(self) -> dict[str, Any]:
        """As JSON takes it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> "Examination":
        """The examination that `to_json` wrote."""
        faces = tuple(FoundFace(**face | {"box": tuple(face["box"])}) for face in tree["faces"])
        return cls(**tree | {"faces": faces})


@dataclass(frozen=True)
class Enrolment:
    """A template made from reference photographs.

    `template`: (128,) float32, L2-normalised. `notes`: one a photograph, "" if there is nothing to
    say. `engine`: the id that the template bears.
    """

    template: Floats = field(repr=False)
    notes: tuple[str, ...]
    engine: str

    def to_json(self) -> dict[str, Any]:
        """As JSON takes it, without the template."""
        return {"notes": list(self.notes), "engine": self.engine}

    @classmethod
    def from_json(cls, tree: dict[str, Any], template: bytes) -> "Enrolment":
        """The enrolment that `to_json` wrote, with the bytes of its template."""
        return cls(np.frombuffer(template, "<f4"), tuple(tree["notes"]), tree["engine"])
