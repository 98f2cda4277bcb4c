"""Measures the configured engine on labelled photographs: open-set identification.

Terms of ISO/IEC 19795-1: FPIR, the share of strangers given a name; FNIR, the share of enrolled people not given
theirs. Vectors are kept only during the call.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np

from plugin.config import MatchingSection
from plugin.errors import ConfigError
from plugin.recognizer.engines.engine import Engine, Floats, normalise
from plugin.recognizer.evaluation.wilson_intervals import compute_rate
from plugin.recognizer.examination.examination import Pipeline, SeenPicture
from plugin.recognizer.examination.quality import find_main_face
from plugin.recognizer.matching.gallery import compute_distances, count_look_alikes
from plugin.recognizer.matching.matching import Candidate, DetectedFace, Level, MatchRules, decide_matches

ENROLLED_FROM = 3
"""Photographs a person, by sorted name, that make the template; the rest are probes."""
_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".tif", ".tiff"}


@dataclass(frozen=True)
class Shot:
    """The main face of a photograph, and its vector; for enrolment averaged with its mirror image's."""

    face: DetectedFace
    vector: Floats


@dataclass(frozen=True)
class LabelledPerson:
    """A person's photographs in order; None where no face was found."""

    name: str
    shots: tuple[Shot | None, ...]

    @property
    def template(self) -> Floats | None:
        """From the first photographs; None if no face was found on any."""
        used = [shot.vector for shot in self.shots[:ENROLLED_FROM] if shot]
        return normalise(np.mean(used, axis=0, keepdims=True))[0] if used else None

    @property
    def probes(self) -> tuple[Shot | None, ...]:
        """The photographs after those for enrolment."""
        return self.shots[ENROLLED_FROM:]


def list_people(folder: Path) -> list[tuple[str, list[Path]]]:
    """The photographs of each sub-folder, by its name. Raises ConfigError if none has any to spare as probes."""
    found = [(path.name, _list_pictures(path)) for path in _list_folder(folder) if path.is_dir()]
    found = [(name, files) for name, files in found if files]
    if not any(len(files) > ENROLLED_FROM for _, files in found):
        raise ConfigError(f"{folder}: needs a folder a person with {ENROLLED_FROM + 1} or more photographs in each")
    return found


def list_strangers(folder: Path) -> list[Path]:
    """Every photograph below `folder`. Raises ConfigError if there is none."""
    files = [file for path in [folder, *_list_folder(folder)] if path.is_dir() for file in _list_pictures(path)]
    if not files:
        raise ConfigError(f"{folder}: needs photographs of people who are not enrolled")
    return files


class LevelRates(TypedDict):
    """Of one level: strangers named, and enrolled people not named (`Rate.to_json`)."""

    fpir: dict[str, float]
    fnir: dict[str, float]


class AccuracyReport(TypedDict):
    """Counts, and rates with their intervals; "suggest" includes automatic names."""

    gallery: int
    undetected: int
    rank1: dict[str, float]
    auto: LevelRates
    suggest: LevelRates


def report_identification(
    people: Sequence[LabelledPerson], strangers: Sequence[Shot | None], engine: Engine, matching: MatchingSection
) -> AccuracyReport:
    """The report with these people as the gallery, by the decisions of production."""
    enrolled = [(person, person.template) for person in people]
    gallery = [(person, template) for person, template in enrolled if template is not None]
    templates = np.array([template for _, template in gallery], np.float32).reshape(-1, engine.card.vector)
    ask = _build_question(templates, [person.name for person, _ in gallery], engine, matching)
    probes = [(person.name, shot) for person in people for shot in person.probes]
    named = [(name, *(ask(shot) if shot else (None, None, None))) for name, shot in probes]
    unknown = [ask(shot)[:2] if shot else (None, None) for shot in strangers]

    def rates(*counted: Level) -> LevelRates:
        wrong = sum(level in counted for _, level in unknown)
        missed = sum(not (got == name and level in counted) for name, got, level, _ in named)
        fpir, fnir = compute_rate(wrong, len(unknown)), compute_rate(missed, len(named))
        return {"fpir": fpir.to_json(), "fnir": fnir.to_json()}

    return {
        "gallery": len(gallery),
        "undetected": sum(shot is None for _, shot in probes) + sum(shot is None for shot in strangers),
        "rank1": compute_rate(sum(name == nearest for name, _, _, nearest in named), len(named)).to_json(),
        "auto": rates("auto"),
        "suggest": rates("auto", "suggest"),
    }


Identified = tuple[str | None, Level | None, str | None]
"""The name given, how, and the nearest name at any distance."""


def _build_question(
    templates: Floats, names: list[str], engine: Engine, matching: MatchingSection
) -> Callable[[Shot], Identified]:
    """A function that decides about one shot as an examination does."""
    limits = engine.find_gallery_thresholds(matching, templates)
    rules = MatchRules(limits, matching.margin, matching.auto_px)
    alone = count_look_alikes(templates, engine.card.distances.look_alike) == 0
    candidates = [Candidate(name, "auto" if ok else "suggest") for name, ok in zip(names, alone, strict=True)]

    def ask(shot: Shot) -> Identified:
        if not names:
            return None, None, None
        row = compute_distances(shot.vector[None], templates)
        nearest = names[int(row[0].argmin())]
        if shot.face.width_px < matching.encode_px:
            return None, None, nearest
        decision = decide_matches([shot.face], candidates, row, rules)[0]
        return None if decision.candidate is None else names[decision.candidate], decision.level, nearest

    return ask


def read_main_shot(pipeline: Pipeline, picture: Path | bytes, mirrored: bool = False) -> Shot | None:
    """The main face of a photograph, None where it has none. Raises PictureError."""
    seen = pipeline.see(picture)
    return _encode_main_face(pipeline, seen, mirrored) if len(seen.faces) else None


def _encode_main_face(pipeline: Pipeline, seen: SeenPicture, mirrored: bool) -> Shot:
    index = find_main_face(seen)
    face = seen.faces.take(np.array([index]))
    vector = pipeline.engine.encoder.encode(seen.decoded.pixels, face, mirrored)[0]
    return Shot(DetectedFace(seen.box(index), seen.width_px(index)), vector)


def _list_folder(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"{folder}: is no folder that can be read ({error.strerror})") from error


def _list_pictures(folder: Path) -> list[Path]:
    return [path for path in _list_folder(folder) if path.suffix.lower() in _PICTURES and path.is_file()]
