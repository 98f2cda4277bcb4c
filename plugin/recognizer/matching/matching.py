"""Decides who is on a photograph, over all its faces at once. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np

from plugin.recognizer.engines.engine import Floats
from plugin.recognizer.engines.thresholds import Thresholds
from plugin.recognizer.pictures.boxes import SAME_FACE, Box, overlap

Level = Literal["auto", "suggest"]


class WhySuggested(StrEnum):
    """Why a match was only suggested: what the comparison found, then what the photograph or the person allows."""

    FAR = "far"  # not as near as an automatic name needs
    RIVAL = "rival"  # somebody else is nearly as near
    SMALL = "small"  # the face is narrower than an automatic name needs
    LOOK_ALIKE = "look_alike"  # somebody else enrolled looks much like this person
    TAKEN_OFF = "taken_off"  # the name was taken off this photograph before
    ASKED = "asked"  # whoever asked for the comparison allowed no more
    DECLARED = "declared"  # nobody vouched for the reference pictures
    MODE = "mode"  # the collections of the photograph allow no more
    AGE = "age"  # the person is a minor, or nobody said how old


@dataclass(frozen=True)
class DetectedFace:
    """A face for the decision: `width_px` in the picture as detected."""

    box: Box
    width_px: int


@dataclass(frozen=True)
class Candidate:
    """A person compared: the strongest result allowed (`why` not the strongest), and boxes rejected for them."""

    key: str
    most: Level
    rejected: tuple[Box, ...] = ()
    why: tuple[WhySuggested, ...] = ()


@dataclass(frozen=True)
class MatchDecision:
    """The result for one face; `distance` stays in the process that decided. `why` it is no more than a suggestion."""

    candidate: int | None = None
    level: Level | None = None
    distance: float | None = None
    why: tuple[WhySuggested, ...] = ()


@dataclass(frozen=True)
class MatchRules:
    """The limits of a decision. `auto_px`: narrower faces are only suggested."""

    thresholds: Thresholds
    margin: float
    auto_px: int


def decide_matches(
    faces: Sequence[DetectedFace], candidates: Sequence[Candidate], distances: Floats, rules: MatchRules
) -> list[MatchDecision]:
    """One decision a face, in order. `distances`: (faces, candidates).

    The nearest pair is decided first; a person gets at most one face, and a face one person. Automatic only if the face
    is wide enough, the person allows it, the distance is below `auto`, and every other person compared, excluded or
    not, is farther by the margin.
    """
    decided = [MatchDecision() for _ in faces]
    taken: set[int] = set()
    order = np.argsort(distances, axis=None, kind="stable")
    for face, person in zip(*np.unravel_index(order, distances.shape), strict=True):
        f, p = int(face), int(person)
        distance = float(distances[f, p])
        if distance >= rules.thresholds.suggest:
            break
        if decided[f].level is not None or p in taken or _is_rejected(faces[f], candidates[p]):
            continue
        level, why = _find_level(faces[f], candidates[p], distances[f], p, rules)
        decided[f] = MatchDecision(p, level, distance, why)
        taken.add(p)
    return decided


def _find_level(
    face: DetectedFace, candidate: Candidate, row: Floats, person: int, rules: MatchRules
) -> tuple[Level, tuple[WhySuggested, ...]]:
    others = np.delete(row, person)
    clear = not len(others) or float(others.min()) - float(row[person]) >= rules.margin
    near = float(row[person]) < rules.thresholds.auto
    wide = face.width_px >= rules.auto_px
    held = ((near, WhySuggested.FAR), (clear, WhySuggested.RIVAL), (wide, WhySuggested.SMALL))
    found = tuple(why for good, why in held if not good)
    if candidate.most == "auto" and not found:
        return "auto", ()
    return "suggest", found + candidate.why


def _is_rejected(face: DetectedFace, candidate: Candidate) -> bool:
    return any(overlap(face.box, box) >= SAME_FACE for box in candidate.rejected)
