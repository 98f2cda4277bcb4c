"""Rates by group, worked out by hand on few people."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from plugin.config import MatchingSection
from plugin.recognizer.engines.engine import Engine
from plugin.recognizer.evaluation.accuracy_report import FullReport, report_accuracy
from plugin.recognizer.evaluation.binomial_bounds import bound_below, judge_rate
from plugin.recognizer.evaluation.group_labels import GroupLabels
from plugin.recognizer.evaluation.identification import LabelledPerson, Shot, compare_shots
from plugin.recognizer.evaluation.wilson_intervals import find_design_effect
from plugin.recognizer.matching.matching import Candidate, DetectedFace, MatchRules, decide_matches
from tests.group_vectors import Group, calibrated_engine, draw_groups

MATCHING = MatchingSection(fpir_auto=0.002, fpir_suggest=0.01)


def shot(axis: int, away: float = 0.0) -> Shot:
    """A face whose vector lies at the distance `away` from the unit vector of `axis`."""
    vector = np.zeros(128, np.float32)
    cosine = 1 - away**2 / 2
    vector[axis], vector[64 + axis] = cosine, np.sqrt(1 - cosine**2)
    return Shot(DetectedFace((0.1, 0.1, 0.5, 0.5), 90), vector)


def person(name: str, axis: int, *probes: Shot | None) -> LabelledPerson:
    """Three photographs that enrol, and these probes."""
    return LabelledPerson(name, (shot(axis), shot(axis), shot(axis), *probes))


def report(engine: Engine, strangers: Sequence[tuple[Shot | None, str | None]], **groups: int) -> FullReport:
    """Groups of so many people each, who are found, and these strangers."""
    names = [f"{group} {n}" for group, count in groups.items() for n in range(count)]
    people = [person(name, axis, shot(axis, 0.1)) for axis, name in enumerate(names)]
    labels = GroupLabels({name: name.split()[0] for name in names}, [group for _, group in strangers])
    return report_accuracy(people, [one for one, _ in strangers], engine, MATCHING, labels, curve=True)


def test_strangers_meet_people_of_their_group(engine: Engine) -> None:
    """Six of 60 near somebody of their own group, none of the others: rates, ratio, order, warning, for JSON."""
    strangers = [(shot(n % 6, 0.2), "a") for n in range(6)] + [(shot(30), "a")] * 54 + [(shot(31), "b")] * 60
    told = report(engine, [*strangers, (shot(32), None), (None, None)], a=6, b=8)
    assert json.loads(json.dumps(told)) == json.loads(json.dumps(told, default=float))
    groups = told["groups"]
    assert (groups["gallery"], groups["unlabelled"], groups["alarm"]) == (6, {"people": 0, "strangers": 2}, True)
    worst, other = groups["rates"]
    assert (worst["group"], worst["people"], worst["probes"], worst["strangers"]) == ("a", 6, 6, 60)
    assert worst["auto"]["ratio"] == 0.1 / 0.002
    assert worst["auto"]["fpir"] == worst["auto"]["fpir_mixed"]
    assert worst["auto"]["verdict"] == "fail"
    assert worst["auto"]["fmr"] is not None
    assert worst["auto"]["fmr"]["value"] == pytest.approx(6 / (6 * 60 + 6 * 5), abs=1e-7)
    assert (other["group"], other["auto"]["ratio"], other["alarm"]) == ("b", 0, False)
    assert other["auto"]["verdict"] == "unclear"
    assert other["suggest"]["fnir"] is not None
    assert other["suggest"]["fnir"]["value"] == 0


def test_the_stricter_rate_is_said_with_its_price(engine: Engine) -> None:
    """The largest value at which no more of the group's strangers are named than configured, and whom it misses."""
    strangers = [(shot(n % 6, 0.28), "a") for n in range(6)] + [(shot(30), "a")] * 54
    auto, suggest = report(engine, strangers, a=6)["groups"]["stricter"]
    assert (auto["level"], auto["setting"], suggest["setting"]) == (
        "auto",
        "matching.fpir_auto",
        "matching.fpir_suggest",
    )
    assert 0 < auto["value"] < 0.002
    assert auto["threshold"] <= 0.28 < 0.31
    assert auto["fpir"] == suggest["fpir"] == 0
    assert auto["fnir_all"] == {"before": 0, "after": 0}
    matching = MATCHING.model_copy(update={"fpir_auto": auto["value"], "fpir_suggest": suggest["value"]})
    limits = engine.find_thresholds(matching, 6)
    assert max(limits.auto, limits.suggest) <= 0.2801


def test_what_no_setting_reaches_is_said(engine: Engine) -> None:
    """Strangers nearer than the engine was measured for."""
    strangers = [(shot(n % 6, 0.1), "a") for n in range(6)] + [(shot(30), "a")] * 54
    auto = report(engine, strangers, a=6)["groups"]["stricter"][0]
    assert (auto["value"], auto["fpir"]) == (0, 0.1)


def test_small_groups_are_measured_among_everybody(engine: Engine) -> None:
    """One person, and none: no gallery of their own, and nobody else's is smaller for it."""
    strangers = [(shot(0, 0.2), "one"), (shot(0, 0.2), "none"), *([(shot(30), "a")] * 5)]
    groups = report(engine, strangers, one=1, a=6, unseen=5)["groups"]
    rates = {one["group"]: one for one in groups["rates"]}
    assert groups["gallery"] == 5
    assert [rates[name]["own_gallery"] for name in ("one", "none", "a", "unseen")] == [False, False, True, False]
    assert rates["one"]["auto"]["ratio"] == rates["none"]["auto"]["ratio"] == 500
    assert (rates["unseen"]["auto"]["ratio"], rates["unseen"]["auto"]["verdict"]) == (None, "unclear")
    assert not groups["alarm"]  # one of one is no proof of anything


def test_a_small_group_hides_no_gap_of_a_large_one(engine: Engine) -> None:
    """In galleries of five most of twenty people are away: where everybody is enrolled is worse, and counts."""
    strangers = [(shot(n % 20, 0.2), "a") for n in range(20)] + [(shot(50), "a")] * 80 + [(shot(51), "b")] * 10
    groups = report(engine, strangers, a=20, b=5)["groups"]
    worst = groups["rates"][0]
    assert (groups["gallery"], worst["group"], worst["auto"]["among"], worst["alarm"]) == (5, "a", "all", True)
    assert worst["auto"]["ratio"] == 100
    assert worst["auto"]["fpir"] is not None
    assert worst["auto"]["fpir"]["value"] == pytest.approx(0.05, abs=0.001)
    assert groups["stricter"][0]["enrolled"] == 25


def test_dense_galleries_are_as_strict_as_in_use() -> None:
    """The thresholds of each gallery are those that production would have with these people."""
    engine = calibrated_engine()
    card = engine.card.model_copy(
        update={"distances": engine.card.distances.model_copy(update={"apart": 1.3, "apart_deviation": 0.1})}
    )
    strict = Engine(engine.id, engine.detector, engine.encoder, card)
    people, strangers, of_people, of_strangers = draw_groups(8, Group("alike", 12, 300, 0.6), Group("others", 12, 300))
    labels = GroupLabels(of_people, of_strangers)
    usual, lowered = (report_accuracy(people, strangers, one, MATCHING, labels) for one in (engine, strict))
    templates = np.array([one.template for one in people if one.template is not None], np.float32)
    limits = strict.find_gallery_thresholds(MATCHING, templates)
    assert lowered["conditions"]["thresholds"]["suggest"] == pytest.approx(limits.suggest, abs=1e-4)
    assert limits.lowered > 0.01
    ratios = [
        next(one["suggest"]["fpir"] for one in told["groups"]["rates"] if one["group"] == "alike")
        for told in (usual, lowered)
    ]
    assert ratios[0] is not None
    assert ratios[1] is not None
    assert ratios[1]["value"] < ratios[0]["value"] / 2


def test_one_group_alone(engine: Engine) -> None:
    """Compared with the configuration, if with nobody else."""
    groups = report(engine, [(shot(30), "a")] * 20, a=3)["groups"]
    assert (groups["gallery"], len(groups["rates"]), groups["alarm"]) == (3, 1, False)


def test_the_curve_holds_the_rates_in_force() -> None:
    """From the strictest threshold on strangers named rise, people missed fall, and what is in force lies between."""
    people, strangers, _, _ = draw_groups(1, Group("a", 20, 400, 0.4))
    told = report_accuracy(people, strangers, calibrated_engine(), MATCHING, curve=True)
    assert "groups" not in told
    for level in ("auto", "suggest"):
        named, missed = zip(*told["det"][level], strict=True)
        assert list(named) == sorted(named)
        assert list(missed) == sorted(missed, reverse=True)
        assert named[0] == 0


def test_outcomes_are_decisions_at_every_threshold() -> None:
    """What is compared at once without thresholds is what production decides with them, face by face."""
    engine = calibrated_engine()
    people, strangers, _, _ = draw_groups(3, Group("a", 12, 300, 0.7))
    templates = np.array([one.template for one in people if one.template is not None], np.float32)
    shots = [shot for shot in strangers if shot is not None]
    for rate in (0.0005, 0.01, 0.2):
        matching = MatchingSection(fpir_auto=rate, fpir_suggest=min(0.9, 3 * rate))
        limits = engine.find_thresholds(matching, len(templates))
        outcomes = compare_shots(shots, templates, engine, matching)
        rules, candidates = MatchRules(limits, matching.margin, matching.auto_px), [Candidate("", "auto")] * 12
        rows = [np.linalg.norm(one.vector - templates, axis=1)[None].astype(np.float32) for one in shots]
        levels = [
            decide_matches([one.face], candidates, row, rules)[0].level for one, row in zip(shots, rows, strict=True)
        ]
        assert outcomes.find_named("auto", limits).tolist() == [level == "auto" for level in levels]
        assert outcomes.find_named("suggest", limits).tolist() == [level is not None for level in levels]


def test_bounds_are_exact() -> None:
    """Against tables of the binomial distribution; Wilson's would call one of 85 a proof of .2 %."""
    assert bound_below(1, 85, 1) == pytest.approx(1 - 0.9973 ** (1 / 85), rel=1e-6)
    assert bound_below(10, 10, 1) == pytest.approx(0.0027 ** (1 / 10), rel=1e-6)
    assert bound_below(0, 10, 1) == bound_below(0.9, 10, 1) == bound_below(0, 0, 1) == 0
    assert bound_below(5, 100, 20) < bound_below(5, 100, 1) < 0.05
    assert bound_below(6000, 100_000, 1) == pytest.approx(0.0579, abs=2e-4)
    assert [judge_rate(0, n, 0.01, 1) for n in (50, 80)] == ["unclear", "pass"]
    assert [judge_rate(k, 100, 0.01, 1) for k in (1, 2, 6)] == ["unclear", "unclear", "fail"]


def test_one_person_who_draws_every_stranger_proves_little() -> None:
    """Five hits by five of twelve people are five; by one of them they are one."""
    spread, one = [1.0] * 5 + [0.0] * 7, [5.0] + [0.0] * 11
    sizes = [100 / 12] * 12
    assert find_design_effect(spread, sizes) == 1
    assert find_design_effect(one, sizes) == pytest.approx(5, rel=0.1)
    assert find_design_effect([0, 0], [1, 1]) == find_design_effect([3], [9]) == 1
