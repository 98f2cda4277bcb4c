"""Strangers of a group against galleries of people of that group: where an engine that tells them apart badly shows."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plugin.config import MatchingSection
from plugin.recognizer.engines.engine import Engine, Floats
from plugin.recognizer.evaluation.identification import Identification, Outcomes, Shot, compare_shots
from plugin.recognizer.evaluation.wilson_intervals import find_design_effect
from plugin.recognizer.matching.matching import Level

DRAWS = 20
"""Galleries that are drawn of a group with more people than one holds."""
_ENOUGH = 5  # people: a smaller group does not make everybody's galleries small, unless all groups are


@dataclass(frozen=True)
class Named:
    """Strangers that were named: `count` (a mean over galleries) of `of`; `effect`: as in `find_design_effect`."""

    count: float
    of: int
    effect: float = 1.0


@dataclass(frozen=True)
class DrawnGallery:
    """Who is in it, by place among the people that it was drawn of; the outcomes of all strangers of the group; and
    by how much its thresholds come down because these people lie close together."""

    members: NDArray[np.intp]
    outcomes: Outcomes
    lowered: float


@dataclass(frozen=True)
class GroupGalleries:
    """Galleries of `size` that were drawn of so many `people` of a group, each with all of its `strangers`."""

    size: int
    people: int
    strangers: int
    drawn: list[DrawnGallery]

    @property
    def lowered(self) -> float:
        """As of a gallery, on average."""
        return sum(one.lowered for one in self.drawn) / len(self.drawn)

    def count_named(self, level: Level, engine: Engine, matching: MatchingSection) -> Named:
        """How many strangers are named, as a mean over the galleries, and how it is spread over the people."""
        hits = np.zeros(self.people)
        for one in self.drawn:
            limits = engine.find_thresholds(matching, self.size, one.lowered)
            named = one.outcomes.find_named(level, limits)
            np.add.at(hits, one.members[one.outcomes.nearest[named]], 1 / len(self.drawn))
        sizes = [self.strangers / self.people] * self.people
        return Named(float(hits.sum()), self.strangers, find_design_effect(hits.tolist(), sizes))


def choose_size(counts: Sequence[int]) -> int:
    """How many people each group's galleries hold: as many as the smallest group has that is large enough; 0: none."""
    return min([n for n in counts if n >= _ENOUGH] or [n for n in counts if n > 1], default=0)


def draw_galleries(
    templates: Floats, strangers: Sequence[Shot | None], size: int, engine: Engine, matching: MatchingSection
) -> GroupGalleries:
    """Compare all strangers with galleries of `size` of these people, in which everybody has a turn."""
    limit = engine.find_thresholds(matching, size).suggest
    drawn = [
        DrawnGallery(
            members,
            compare_shots(strangers, templates[members], engine, matching, below=limit),
            engine.find_lowered(templates[members]),
        )
        for members in _draw_members(len(templates), size)
    ]
    return GroupGalleries(size, len(templates), len(strangers), drawn)


def take_strangers(found: Identification, places: Sequence[int]) -> GroupGalleries:
    """The outcomes of these strangers where everybody is enrolled."""
    people, everybody, which = len(found.names), found.strangers, np.array(places, np.intp)
    outcomes = Outcomes(everybody.nearest[which], everybody.distance[which], everybody.may_auto[which])
    return GroupGalleries(
        people, people, len(places), [DrawnGallery(np.arange(people), outcomes, found.limits.lowered)]
    )


def _draw_members(people: int, size: int) -> Iterator[NDArray[np.intp]]:
    """The same ones at each call; of everybody, if a gallery holds them all."""
    if people == size:
        yield np.arange(people)
        return
    chance, waiting = random.Random(f"{people} {size}"), list[int]()  # noqa: S311 (it decides no secret)
    for _ in range(max(DRAWS, -(-people // size))):
        members, waiting = waiting[:size], waiting[size:]
        if len(members) < size:
            fresh = chance.sample(range(people), people)
            members += [one for one in fresh if one not in members][: size - len(members)]
            waiting = [one for one in fresh if one not in members]
        yield np.array(members, np.intp)
