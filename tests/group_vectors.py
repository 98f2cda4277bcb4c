"""People and strangers as vectors of a known distribution, and a card that is calibrated on it: no network is run.

A vector is the sum of what all people share, what one person has, and what one photograph has. Who is near the middle
looks like many: as in photographs, few people draw most of the strangers.
"""

from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np

from plugin.recognizer.engines.card import EngineCard, shipped_cards
from plugin.recognizer.engines.engine import Detector, Encoder, Engine, Floats, normalise
from plugin.recognizer.evaluation.identification import LabelledPerson, Shot
from plugin.recognizer.matching.gallery import compute_distances
from plugin.recognizer.matching.matching import DetectedFace

WIDTH, _SHARED, _PHOTOGRAPH = 32, 0.5, 0.35
_RATES = (1e-5, 3e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)


@dataclass(frozen=True)
class Group:
    """How many there are of a group; `alike`: how much more its people share than others do."""

    name: str
    people: int
    strangers: int
    alike: float = 0.0


def draw_people(chance: np.random.Generator, count: int, alike: float = 0.0) -> Floats:
    """(count, WIDTH) people: the first axis is what all share, the second what a group shares."""
    people = chance.normal(size=(count, WIDTH)).astype(np.float32) / np.float32(np.sqrt(WIDTH))
    people[:, 0] += _SHARED
    people[:, 1] += alike
    return people


def photograph(chance: np.random.Generator, people: Floats) -> Floats:
    """One photograph of each."""
    noise = chance.normal(size=people.shape).astype(np.float32) * np.float32(_PHOTOGRAPH / np.sqrt(WIDTH))
    return normalise(people + noise)


@cache
def calibrated_engine() -> Engine:
    """An engine whose card says, for these vectors, what is so: of 2,250,000 comparisons."""
    chance = np.random.default_rng(1)
    enrolled, others = draw_people(chance, 1500), photograph(chance, draw_people(chance, 1500))
    templates = normalise(np.mean([photograph(chance, enrolled) for _ in range(3)], axis=0, dtype=np.float32))
    near = np.sort(compute_distances(others, templates), axis=None)
    points = [(float(near[int(rate * near.size)]), rate) for rate in _RATES]
    card = shipped_cards()["retinaface-dlib"].model_dump()
    card |= {"vector": WIDTH, "distances": {"look_alike": 0.01, "unlike": 1}, "rates": {"auto": 0.002, "suggest": 0.01}}
    card["calibration"] |= {"points": points, "floor": 0.01, "auto_ceiling": 2, "suggest_ceiling": 2}
    return Engine("vectors", cast(Detector, None), cast(Encoder, None), EngineCard.model_validate(card))


def draw_groups(
    seed: int, *groups: Group
) -> tuple[list[LabelledPerson], list[Shot | None], dict[str, str], list[str | None]]:
    """People with three photographs to enrol and three probes, strangers, and the labels of both."""
    chance = np.random.default_rng(seed)
    people, strangers, of_people, of_strangers = list[LabelledPerson](), list[Shot | None](), dict[str, str](), []
    for group in groups:
        known = draw_people(chance, group.people, group.alike)
        shots = [photograph(chance, known) for _ in range(6)]
        for place in range(group.people):
            name = f"{group.name} {place}"
            people.append(LabelledPerson(name, tuple(_shoot(one[place]) for one in shots)))
            of_people[name] = group.name
        found = photograph(chance, draw_people(chance, group.strangers, group.alike))
        strangers += [_shoot(one) for one in found]
        of_strangers += [group.name] * group.strangers
    return people, strangers, of_people, list[str | None](of_strangers)


def _shoot(vector: Floats) -> Shot:
    return Shot(DetectedFace((0.1, 0.1, 0.5, 0.5), 90), vector)
