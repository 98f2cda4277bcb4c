"""Which configuration brings a group to what is configured, and whom that misses."""

import math
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from plugin.config import MatchingSection
from plugin.recognizer.engines.engine import Engine
from plugin.recognizer.evaluation.group_galleries import GroupGalleries
from plugin.recognizer.evaluation.group_rates import GroupMeasurement, GroupSample, count_named
from plugin.recognizer.matching.matching import Level

_LEAST = 1e-9  # a share of strangers below which nothing is configured
_FIGURES = 2


class StricterRate(TypedDict):
    """`matching`: the setting and its value, 0 if none brings the group to `target`; distances and rates with it.

    `threshold`: of the group's galleries, on average. `fpir`: of its strangers, with so many `enrolled`. `fnir`: by
    "before" and "after", of everybody's probes and the group's.
    """

    group: str
    level: Level
    target: float
    enrolled: int
    setting: str
    value: float
    threshold: float
    fpir: float
    fnir_all: dict[str, float]
    fnir_group: dict[str, float]


def find_stricter_rate(measured: GroupMeasurement, sample: GroupSample, level: Level) -> StricterRate | None:
    """The value that brings this group to the target on these photographs; None where it is there already.

    The nearest strangers decide, so that on few of them it is a guess.
    """
    counted, target = count_named(measured, sample, level), measured.engine.card.find_rates(measured.matching)[level]
    among = max(counted, key=lambda one: counted[one].count, default=None)
    if among is None or counted[among].count <= target * counted[among].of:
        return None
    galleries = sample.list_galleries()[among]
    value = _find_value(measured, galleries, level, target)
    matching = _set_rate(measured.matching, measured.engine, level, value or _LEAST)
    small = measured.engine.find_thresholds(matching, galleries.size, galleries.lowered)
    whole = measured.engine.find_thresholds(matching, len(measured.found.names), measured.found.limits.lowered)
    before, after = measured.found.find_missed(level), measured.found.find_missed(level, whole)
    of_group = {"before": before[sample.probes], "after": after[sample.probes]}
    return {
        "group": sample.group,
        "level": level,
        "target": target,
        "enrolled": galleries.size,
        "setting": f"matching.fpir_{level}",
        "value": value,
        "threshold": round(small.auto if level == "auto" else small.suggest, 4),
        "fpir": round(galleries.count_named(level, measured.engine, matching).count / galleries.strangers, 4),
        "fnir_all": {"before": _mean(before), "after": _mean(after)},
        "fnir_group": {when: _mean(missed) for when, missed in of_group.items()},
    }


def _find_value(measured: GroupMeasurement, galleries: GroupGalleries, level: Level, target: float) -> float:
    """The largest value, to two figures, at which no more than `target` of the group's strangers are named; 0: none."""

    def keeps(value: float) -> bool:
        matching = _set_rate(measured.matching, measured.engine, level, value)
        return galleries.count_named(level, measured.engine, matching).count <= target * galleries.strangers + 1e-9

    if not keeps(_LEAST):
        return 0.0
    low, high = math.log10(_LEAST), math.log10(target)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if keeps(10.0**middle) else (low, middle)
    scale: float = 10.0 ** (_FIGURES - 1 - math.floor(low))
    return max(_LEAST, float(math.floor(10.0**low * scale) / scale))


def _set_rate(matching: MatchingSection, engine: Engine, level: Level, value: float) -> MatchingSection:
    """The configuration with this rate; the automatic one is never above that with suggestions."""
    auto = engine.card.find_rates(matching)["auto"]
    changed = {"fpir_auto": value} if level == "auto" else {"fpir_auto": min(auto, value), "fpir_suggest": value}
    return matching.model_copy(update=changed)


def _mean(missed: NDArray[np.bool_]) -> float:
    return round(float(missed.mean()), 4) if len(missed) else 0.0
