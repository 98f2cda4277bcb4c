"""Error rates by group, with labels of the site's own: is everybody recognised alike?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np

from plugin.config import MatchingSection
from plugin.recognizer.engines.engine import Engine
from plugin.recognizer.engines.thresholds import compute_single_fmr
from plugin.recognizer.evaluation.binomial_bounds import GAP, LEVELS, Verdict, bound_below, judge_rate
from plugin.recognizer.evaluation.group_galleries import (
    GroupGalleries,
    Named,
    choose_size,
    draw_galleries,
    take_strangers,
)
from plugin.recognizer.evaluation.group_labels import GroupLabels
from plugin.recognizer.evaluation.identification import Identification, LabelledPerson, Shot
from plugin.recognizer.evaluation.wilson_intervals import compute_rate, find_design_effect
from plugin.recognizer.matching.gallery import compute_distances
from plugin.recognizer.matching.matching import Level

RateJson = dict[str, float]
Among = Literal["group", "all"]
"""Whom strangers of a group are compared with: people of that group, or everybody enrolled."""


class GroupLevel(TypedDict):
    """Of one level. `fpir`: the group's strangers in galleries of the group; None without such a gallery.

    `fpir_mixed`: the same strangers where everybody is enrolled. `ratio`: the larger of these two, `among` which, in
    multiples of what is configured; `proven`: the ratio that is proven at least (`bound_below`). `fmr`: pairs of two
    people of the group below the threshold in force; `fmr_ratio`: against what that threshold is meant to let through.
    None: nothing to measure it on.
    """

    fpir: RateJson | None
    fpir_mixed: RateJson | None
    among: Among | None
    ratio: float | None
    proven: float
    verdict: Verdict
    fnir: RateJson | None
    fmr: RateJson | None
    fmr_ratio: float | None


class GroupRates(TypedDict):
    """One group: `people` enrolled, `probes` of them, `strangers`; `own_gallery`: whether `fpir` was measured.

    `lowered`: by how much the thresholds of its own galleries come down, on average, as its people lie near together.
    """

    group: str
    people: int
    probes: int
    strangers: int
    own_gallery: bool
    lowered: float
    alarm: bool
    auto: GroupLevel
    suggest: GroupLevel


@dataclass(frozen=True)
class GroupSample:
    """What a group has to be measured on; places are those in the identification.

    `own`, `mixed`: its strangers in galleries of the group, and where everybody is enrolled.
    """

    group: str
    people: list[int]
    probes: list[int]
    strangers: list[int]
    own: GroupGalleries | None
    mixed: GroupGalleries | None

    def list_galleries(self) -> dict[Among, GroupGalleries]:
        """Those that its strangers were compared with."""
        both: tuple[tuple[Among, GroupGalleries | None], ...] = (("group", self.own), ("all", self.mixed))
        return {among: galleries for among, galleries in both if galleries}


@dataclass(frozen=True)
class GroupMeasurement:
    """Everything that rates of groups are computed from. `size`: people in each group's galleries."""

    found: Identification
    samples: list[GroupSample]
    size: int
    probe_shots: list[Shot | None]
    stranger_shots: Sequence[Shot | None]
    engine: Engine
    matching: MatchingSection


def measure_groups(
    found: Identification,
    people: Sequence[LabelledPerson],
    strangers: Sequence[Shot | None],
    labels: GroupLabels,
    engine: Engine,
    matching: MatchingSection,
) -> GroupMeasurement:
    """Compare each group's strangers with galleries of that group, all of one size."""
    of_people = [labels.people.get(name) for name in found.names]
    of_probes = [labels.people.get(name) for name in found.probe_names]
    groups = sorted({one for one in (*labels.people.values(), *labels.strangers) if one is not None})
    size = choose_size([of_people.count(group) for group in groups])
    samples = []
    for group in groups:
        enrolled, probes, others = (
            [place for place, one in enumerate(given) if one == group]
            for given in (of_people, of_probes, labels.strangers)
        )
        drawn = None
        if others and size and len(enrolled) >= size:
            shots = [strangers[place] for place in others]
            drawn = draw_galleries(found.templates[enrolled], shots, size, engine, matching)
        mixed = take_strangers(found, others) if others and found.names else None
        samples.append(GroupSample(group, enrolled, probes, others, drawn, mixed))
    shots = [shot for person in people for shot in person.probes]
    return GroupMeasurement(found, samples, size, shots, strangers, engine, matching)


def report_rates(measured: GroupMeasurement) -> list[GroupRates]:
    """The rates of every group: those of which a warning is due first, then by the ratio."""
    questions = LEVELS * sum(len(sample.list_galleries()) for sample in measured.samples)
    rates = [_report_group(measured, sample, questions) for sample in measured.samples]
    return sorted(rates, key=lambda one: (not one["alarm"], -find_ratio(one), one["group"]))


def find_ratio(rates: GroupRates) -> float:
    """The worse of the two levels'; -1 where nothing was measured."""
    return max(-1.0 if level["ratio"] is None else level["ratio"] for level in (rates["auto"], rates["suggest"]))


def _report_group(measured: GroupMeasurement, sample: GroupSample, questions: int) -> GroupRates:
    auto, suggest = (_report_level(measured, sample, level, questions) for level in ("auto", "suggest"))
    return {
        "group": sample.group,
        "people": len(sample.people),
        "probes": len(sample.probes),
        "strangers": len(sample.strangers),
        "own_gallery": sample.own is not None,
        "lowered": round(sample.own.lowered, 4) if sample.own else 0.0,
        "alarm": any((level["ratio"] or 0) >= GAP and level["proven"] > 1 for level in (auto, suggest)),
        "auto": auto,
        "suggest": suggest,
    }


def _report_level(measured: GroupMeasurement, sample: GroupSample, level: Level, questions: int) -> GroupLevel:
    configured = measured.engine.card.find_rates(measured.matching)[level]
    counted = count_named(measured, sample, level)
    among = max(counted, key=lambda one: counted[one].count, default=None)
    basis, fmr = counted[among] if among else None, _count_same_group(measured, sample, level)
    effective = (basis.count / basis.effect, basis.of / basis.effect) if basis else (0.0, 0.0)
    meant = compute_single_fmr(configured, len(measured.found.names))
    return {
        "fpir": _to_json(counted.get("group")),
        "fpir_mixed": _to_json(counted.get("all")),
        "among": among,
        "ratio": round(basis.count / basis.of / configured, 2) if basis else None,
        "proven": round(bound_below(*effective, questions) / configured, 2),
        "verdict": judge_rate(*effective, configured, questions) if basis else "unclear",
        "fnir": _to_json(_count_missed(measured, sample, level)),
        "fmr": _to_json(fmr, 7),
        "fmr_ratio": round(fmr.count / fmr.of / meant, 2) if fmr else None,
    }


def _to_json(named: Named | None, places: int = 4) -> RateJson | None:
    if named is None or not named.of:
        return None
    rate = compute_rate(named.count / named.effect, named.of / named.effect)
    return {**rate.to_json(places), "of": named.of}


def count_named(measured: GroupMeasurement, sample: GroupSample, level: Level) -> dict[Among, Named]:
    """How many of its strangers are named at the thresholds in force, in either kind of gallery that it has."""
    by, matching = measured.engine, measured.matching
    return {among: one.count_named(level, by, matching) for among, one in sample.list_galleries().items()}


def _count_missed(measured: GroupMeasurement, sample: GroupSample, level: Level) -> Named | None:
    if not sample.probes:
        return None
    missed = measured.found.find_missed(level)
    names = [measured.found.probe_names[place] for place in sample.probes]
    counts, sizes = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for place, name in zip(sample.probes, names, strict=True):
        counts[name] += float(missed[place])
        sizes[name] += 1
    return Named(sum(counts.values()), len(names), find_design_effect([*counts.values()], [*sizes.values()]))


def _count_same_group(measured: GroupMeasurement, sample: GroupSample, level: Level) -> Named | None:
    """Comparisons of each enrolled person of the group with photographs of everybody else of it, by person."""
    limit = measured.found.limits.auto if level == "auto" else measured.found.limits.suggest
    shown = [(measured.found.owners[place], measured.probe_shots[place]) for place in sample.probes]
    shown += [(np.intp(-1), measured.stranger_shots[place]) for place in sample.strangers]
    seen = [(owner, shot.vector) for owner, shot in shown if shot is not None]
    if not seen or not sample.people:
        return None
    templates, owners = measured.found.templates[sample.people], np.array([owner for owner, _ in seen])
    counts, sizes = np.zeros(len(templates)), np.zeros(len(templates))
    for start in range(0, len(seen), 4096):
        others = owners[start : start + 4096, None] != np.array(sample.people)[None, :]
        vectors = np.array([vector for _, vector in seen[start : start + 4096]], np.float32)
        counts += ((compute_distances(vectors, templates) < limit) & others).sum(axis=0)
        sizes += others.sum(axis=0)
    if not sizes.sum():
        return None
    return Named(float(counts.sum()), int(sizes.sum()), find_design_effect(counts.tolist(), sizes.tolist()))
