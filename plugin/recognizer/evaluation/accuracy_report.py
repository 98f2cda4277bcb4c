"""The whole report of a measurement: of everybody, by group, and the curve."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict, cast

from plugin.config import MatchingSection
from plugin.recognizer.engines.engine import Engine
from plugin.recognizer.engines.thresholds import Thresholds
from plugin.recognizer.evaluation.binomial_bounds import LEVELS, Verdict, judge_rate
from plugin.recognizer.evaluation.det_curve import trace_curve
from plugin.recognizer.evaluation.group_labels import GroupLabels
from plugin.recognizer.evaluation.group_rates import GroupMeasurement, GroupRates, measure_groups, report_rates
from plugin.recognizer.evaluation.identification import (
    AccuracyReport,
    Identification,
    LabelledPerson,
    Shot,
    count_identified,
    identify,
)
from plugin.recognizer.evaluation.stricter_rates import StricterRate, find_stricter_rate
from plugin.recognizer.matching.matching import Level


class GroupsReport(TypedDict):
    """Error rates by group, the worst first.

    `gallery`: people in each gallery of one group alone (0: no group has two), and `thresholds` with so many.
    `unlabelled`: "people" and "strangers" of no group; `unknown`: labels of nobody here, `example`: the place of the
    first. `alarm`: a warning is due; `stricter`: what brings the worst group to what is configured.
    """

    gallery: int
    thresholds: dict[str, float]
    unlabelled: dict[str, int]
    unknown: int
    example: str
    rates: list[GroupRates]
    alarm: bool
    stricter: list[StricterRate]


class Conditions(TypedDict):
    """What was measured: the engine's id; how many were enrolled, and what they were compared with; what is in force.

    `thresholds`: distances, with these people, and by how much they are "lowered"; `calibration`: on whom they were
    measured. By level: `configured`, the share of strangers that may be named; `verdict`, what `judge_rate` says of the
    share that was.
    """

    engine: str
    enrolled: int
    probes: int
    strangers: int
    thresholds: dict[str, float]
    margin: float
    calibration: str
    configured: dict[Level, float]
    verdict: dict[Level, Verdict]


class FullReport(AccuracyReport):
    """With `conditions`; `groups`, where labels were given; `det`, where a curve was: points (FPIR, FNIR) by level."""

    conditions: Conditions
    groups: NotRequired[GroupsReport]
    det: NotRequired[dict[str, list[tuple[float, float]]]]


def report_accuracy(
    people: Sequence[LabelledPerson],
    strangers: Sequence[Shot | None],
    engine: Engine,
    matching: MatchingSection,
    labels: GroupLabels | None = None,
    curve: bool = False,
) -> FullReport:
    """Everything that was asked for, of one comparison of all."""
    found = identify(people, strangers, engine, matching)
    conditions = _describe_conditions(found, engine, matching)
    report = cast(FullReport, {**count_identified(found), "conditions": conditions})
    if curve:
        report["det"] = {"auto": trace_curve(found, "auto"), "suggest": trace_curve(found, "suggest")}
    if labels is not None:
        report["groups"] = _report_groups(measure_groups(found, people, strangers, labels, engine, matching), labels)
    return report


def _describe_conditions(found: Identification, engine: Engine, matching: MatchingSection) -> Conditions:
    configured, strangers = engine.card.find_rates(matching), len(found.strangers.nearest)
    named = {level: int(found.strangers.find_named(level, found.limits).sum()) for level in configured}
    return {
        "engine": engine.id,
        "enrolled": len(found.names),
        "probes": len(found.owners),
        "strangers": strangers,
        "thresholds": _round_limits(found.limits),
        "margin": matching.margin,
        "calibration": engine.card.calibration.source,
        "configured": configured,
        "verdict": {level: judge_rate(named[level], strangers, configured[level], LEVELS) for level in configured},
    }


def _round_limits(limits: Thresholds) -> dict[str, float]:
    return {"auto": round(limits.auto, 4), "suggest": round(limits.suggest, 4), "lowered": round(limits.lowered, 4)}


def _report_groups(measured: GroupMeasurement, labels: GroupLabels) -> GroupsReport:
    rates = report_rates(measured)
    limits = measured.engine.find_thresholds(measured.matching, measured.size)
    without = sum(labels.people.get(name) is None for name in measured.found.names)
    return {
        "gallery": measured.size,
        "thresholds": _round_limits(limits),
        "unlabelled": {"people": without, "strangers": labels.strangers.count(None)},
        "unknown": labels.unknown,
        "example": labels.example,
        "rates": rates,
        "alarm": any(one["alarm"] for one in rates),
        "stricter": [*_find_stricter(measured, rates, "auto"), *_find_stricter(measured, rates, "suggest")],
    }


def _find_stricter(measured: GroupMeasurement, rates: list[GroupRates], level: Level) -> list[StricterRate]:
    """Of the group that is worst at this level."""
    samples = {sample.group: sample for sample in measured.samples}
    worst = max(rates, key=lambda one: (one[level]["verdict"] == "fail", one[level]["ratio"] or 0))
    found = find_stricter_rate(measured, samples[worst["group"]], level)
    return [] if found is None else [found]
