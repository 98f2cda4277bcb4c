"""How well the configured engine does on labelled photographs: open-set identification.

Terms of ISO/IEC 19795-1: FPIR, the share of strangers given a name; FNIR, the share of enrolled
people not given theirs. Vectors live only as long as the call.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plugin.config import Matching
from plugin.errors import ConfigError, PictureError
from plugin.recognizer.engines.engine import Engine, Floats
from plugin.recognizer.engines.resnet import normalised
from plugin.recognizer.engines.thresholds import thresholds
from plugin.recognizer.evaluation.wilson_intervals import rate
from plugin.recognizer.examination.examination import Pipeline, Seen
from plugin.recognizer.examination.quality import main_face
from plugin.recognizer.matching.gallery import distances, look_alikes
from plugin.recognizer.matching.matching import Candidate, Face, Level, Rules, decide

ENROLLED_FROM = 3
"""Photographs a person, by sorted name, that make the template; the rest are probes."""
_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".tif", ".tiff"}
_RATES = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01)


@dataclass(frozen=True)
class Shot:
    """The main face of one photograph: as the decision needs it, and its vector (128,).

    Of a photograph that enrols the vector is averaged with its mirror image's.
    """

    face: Face
    vector: Floats


@dataclass(frozen=True)
class Person:
    """A person's photographs in order; None where no face was found."""

    name: str
    shots: tuple[Shot | None, ...]

    @property
    def template(self) -> Floats | None:
        """(128,) from the first photographs; None if no face was found on any."""
        used = [shot.vector for shot in self.shots[:ENROLLED_FROM] if shot]
        return normalised(np.mean(used, axis=0, keepdims=True))[0] if used else None

    @property
    def probes(self) -> tuple[Shot | None, ...]:
        """The photographs after those that enrol."""
        return self.shots[ENROLLED_FROM:]


def read_people(pipeline: Pipeline, folder: Path) -> list[Person]:
    """Every sub-folder as a person. Raises ConfigError if none has photographs to spare as probes."""
    return [
        Person(name, tuple(_shot(pipeline, file, n < ENROLLED_FROM) for n, file in enumerate(files)))
        for name, files in people_in(folder)
    ]


def read_strangers(pipeline: Pipeline, folder: Path) -> list[Shot | None]:
    """The main face of every photograph below `folder`. Raises ConfigError if there is none."""
    return [_shot(pipeline, file) for file in strangers_in(folder)]


def people_in(folder: Path) -> list[tuple[str, list[Path]]]:
    """The photographs of each sub-folder, by its name. Raises ConfigError if none has any to spare as probes."""
    found = [(path.name, _pictures(path)) for path in _listed(folder) if path.is_dir()]
    found = [(name, files) for name, files in found if files]
    if not any(len(files) > ENROLLED_FROM for _, files in found):
        raise ConfigError(
            f"{folder}: needs a folder a person with {ENROLLED_FROM + 1} or more photographs in each"
        )
    return found


def strangers_in(folder: Path) -> list[Path]:
    """Every photograph below `folder`. Raises ConfigError if there is none."""
    files = [file for path in [folder, *_listed(folder)] if path.is_dir() for file in _pictures(path)]
    if not files:
        raise ConfigError(f"{folder}: needs photographs of people who are not enrolled")
    return files


def identify(
    people: Sequence[Person], strangers: Sequence[Shot | None], engine: Engine, matching: Matching
) -> dict[str, Any]:
    """The report for these people as the gallery: the decisions are those of production."""
    enrolled = [(person, person.template) for person in people]
    gallery = [(person, template) for person, template in enrolled if template is not None]
    templates = np.array([template for _, template in gallery], np.float32).reshape(-1, 128)
    ask = _question(templates, [person.name for person, _ in gallery], engine, matching)
    probes = [(person.name, shot) for person in people for shot in person.probes]
    named = [(name, *(ask(shot) if shot else (None, None, None))) for name, shot in probes]
    unknown = [ask(shot)[:2] if shot else (None, None) for shot in strangers]
    levels: dict[str, set[Level]] = {"auto": {"auto"}, "suggest": {"auto", "suggest"}}
    result: dict[str, Any] = {
        "gallery": len(gallery),
        "undetected": sum(shot is None for _, shot in probes) + sum(shot is None for shot in strangers),
        "rank1": rate(sum(name == nearest for name, _, _, nearest in named), len(named)).to_json(),
    }
    for label, counted in levels.items():
        wrong = sum(level in counted for _, level in unknown)
        missed = sum(not (got == name and level in counted) for name, got, level, _ in named)
        result[label] = {
            "fpir": rate(wrong, len(unknown)).to_json(),
            "fnir": rate(missed, len(named)).to_json(),
        }
    return result


Answer = tuple[str | None, Level | None, str | None]
"""The name given, how, and the nearest name whatever the distance."""


def _question(
    templates: Floats, names: list[str], engine: Engine, matching: Matching
) -> Callable[[Shot], Answer]:
    """A function that decides about one shot as an examination does."""
    limits = thresholds(engine.calibration, len(names), matching.fpir_auto, matching.fpir_suggest)
    rules = Rules(limits, matching.margin, matching.auto_px)
    alone = look_alikes(templates, engine.look_alike) == 0
    candidates = [Candidate(name, "auto" if ok else "suggest") for name, ok in zip(names, alone, strict=True)]

    def ask(shot: Shot) -> Answer:
        if not names:
            return None, None, None
        row = distances(shot.vector[None], templates)
        nearest = names[int(row[0].argmin())]
        if shot.face.width_px < matching.encode_px:
            return None, None, nearest
        decision = decide([shot.face], candidates, row, rules)[0]
        return None if decision.candidate is None else names[decision.candidate], decision.level, nearest

    return ask


def calibrate(people: Sequence[Person], strangers: Sequence[Shot | None]) -> list[tuple[float, float]]:
    """(distance, FMR) points for a `Calibration`: quantiles of the distances of strangers to templates.

    Rates of which fewer than three comparisons bear witness are left out.
    """
    templates = [template for person in people if (template := person.template) is not None]
    vectors = [shot.vector for shot in strangers if shot]
    if not templates or not vectors:
        raise ConfigError("calibration needs people and strangers with a face on their photographs")
    between = distances(np.array(vectors, np.float32), np.array(templates, np.float32)).reshape(-1)
    kept = [fmr for fmr in _RATES if fmr * between.size >= 3]
    return [(round(float(np.quantile(between, fmr)), 4), fmr) for fmr in kept]


def main_shot(pipeline: Pipeline, picture: Path | bytes, mirrored: bool = False) -> Shot | None:
    """The main face of a photograph, None where it has none. Raises PictureError."""
    seen = pipeline.see(picture)
    return _main_shot(pipeline, seen, mirrored) if len(seen.faces) else None


def _shot(pipeline: Pipeline, file: Path, mirrored: bool = False) -> Shot | None:
    try:
        return main_shot(pipeline, file, mirrored)
    except PictureError as error:
        raise ConfigError(f"{file}: {error}; take it out of the folder") from error


def _main_shot(pipeline: Pipeline, seen: Seen, mirrored: bool) -> Shot:
    index = main_face(seen)
    face = seen.faces.take(np.array([index]))
    vector = pipeline.engine.encoder.encode(seen.decoded.pixels, face, mirrored)[0]
    return Shot(Face(seen.box(index), seen.width_px(index)), vector)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"{folder}: is no folder that can be read ({error.strerror})") from error


def _pictures(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if path.suffix.lower() in _PICTURES and path.is_file()]
