"""Measures the configured engine on labelled photographs: open-set identification.

Terms of ISO/IEC 19795-1: FPIR, the share of strangers given a name; FNIR, the share of enrolled people not given
theirs. Vectors are kept only during the call.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from plugin.config import MatchingSection
from plugin.errors import ConfigError
from plugin.recognizer.engines.engine import Engine, Floats, normalise
from plugin.recognizer.engines.thresholds import Thresholds
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


@dataclass(frozen=True)
class Outcomes:
    """How near each of n shots comes to a gallery, whatever the thresholds.

    `nearest`: (n,) the index of the nearest person; -1 without a face, or with nobody in the gallery. `distance`: (n,),
    infinite where no name may be given. `may_auto`: (n,) whether everything but the distance allows an automatic name.
    """

    nearest: NDArray[np.intp]
    distance: Floats
    may_auto: NDArray[np.bool_]

    def find_named(self, level: Level, limits: Thresholds) -> NDArray[np.bool_]:
        """(n,) which shots get a name: automatically, or with "suggest" in either way."""
        near: NDArray[np.bool_] = self.distance < (limits.auto if level == "auto" else limits.suggest)
        return np.logical_and(near, self.may_auto) if level == "auto" else near


@dataclass(frozen=True)
class Identification:
    """What comes of comparing probes and strangers with everybody enrolled.

    `names`, `templates`: (people,) and (people, width), of the gallery. `probe_names`, `owners`: (probes,) whose each
    probe is, by name and by index in the gallery (-1 if there was no face to enrol). `undetected`: how many photographs
    of either show no face.
    """

    names: list[str]
    templates: Floats
    limits: Thresholds
    probe_names: list[str]
    owners: NDArray[np.intp]
    probes: Outcomes
    strangers: Outcomes
    undetected: int

    @property
    def right(self) -> NDArray[np.bool_]:
        """(probes,) to whom their own person is the nearest."""
        right: NDArray[np.bool_] = (self.owners >= 0) & (self.probes.nearest == self.owners)
        return right

    def find_missed(self, level: Level, limits: Thresholds | None = None) -> NDArray[np.bool_]:
        """(probes,) who is not given their own name; `limits`: other ones than those in force."""
        return np.logical_not(self.right & self.probes.find_named(level, limits or self.limits))


def identify(
    people: Sequence[LabelledPerson], strangers: Sequence[Shot | None], engine: Engine, matching: MatchingSection
) -> Identification:
    """Compare all with these people as the gallery, by the decisions of production."""
    enrolled = [(person, person.template) for person in people]
    gallery = [(person.name, template) for person, template in enrolled if template is not None]
    places = {name: place for place, (name, _) in enumerate(gallery)}
    templates = np.array([template for _, template in gallery], np.float32).reshape(-1, engine.card.vector)
    probes = [(person.name, shot) for person in people for shot in person.probes]
    return Identification(
        list(places),
        templates,
        engine.find_gallery_thresholds(matching, templates),
        [name for name, _ in probes],
        np.array([places.get(name, -1) for name, _ in probes], np.intp),
        compare_shots([shot for _, shot in probes], templates, engine, matching),
        compare_shots(strangers, templates, engine, matching),
        sum(shot is None for shot in (*(shot for _, shot in probes), *strangers)),
    )


_ANY = Thresholds(math.inf, math.inf)
_BLOCK = 1024  # shots that are compared at once


def compare_shots(
    shots: Sequence[Shot | None], templates: Floats, engine: Engine, matching: MatchingSection, below: float = math.inf
) -> Outcomes:
    """Decide about each shot as an examination does, but for the thresholds; `below`: from there on none is named."""
    nearest, distance = np.full(len(shots), -1, np.intp), np.full(len(shots), np.inf, np.float32)
    may_auto = np.zeros(len(shots), np.bool_)
    alone = count_look_alikes(templates, engine.card.distances.look_alike) == 0
    candidates = [Candidate("", "auto" if ok else "suggest") for ok in alone]
    rules = MatchRules(_ANY, matching.margin, matching.auto_px)
    seen = [(place, shot) for place, shot in enumerate(shots) if shot is not None and candidates]
    for start in range(0, len(seen), _BLOCK):
        block = seen[start : start + _BLOCK]
        rows = compute_distances(np.array([shot.vector for _, shot in block], np.float32), templates)
        nearest[[place for place, _ in block]] = rows.argmin(axis=1)
        for row in np.flatnonzero(rows.min(axis=1) < below):
            place, shot = block[row]
            if shot.face.width_px < matching.encode_px:
                continue
            near = np.argsort(rows[row], kind="stable")[:2]  # the second is what the margin is to
            decision = decide_matches([shot.face], [candidates[i] for i in near], rows[row : row + 1, near], rules)[0]
            distance[place], may_auto[place] = rows[row, near[0]], decision.level == "auto"
    return Outcomes(nearest, distance, may_auto)


def report_identification(
    people: Sequence[LabelledPerson], strangers: Sequence[Shot | None], engine: Engine, matching: MatchingSection
) -> AccuracyReport:
    """The report with these people as the gallery."""
    return count_identified(identify(people, strangers, engine, matching))


def count_identified(found: Identification) -> AccuracyReport:
    """The report of what was identified."""

    def rates(level: Level) -> LevelRates:
        named, missed = found.strangers.find_named(level, found.limits), found.find_missed(level)
        fpir, fnir = (compute_rate(int(one.sum()), len(one)) for one in (named, missed))
        return {"fpir": fpir.to_json(), "fnir": fnir.to_json()}

    return {
        "gallery": len(found.names),
        "undetected": found.undetected,
        "rank1": compute_rate(int(found.right.sum()), len(found.owners)).to_json(),
        "auto": rates("auto"),
        "suggest": rates("suggest"),
    }


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
