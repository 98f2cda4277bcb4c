"""B1: a gap between groups is found where one is, and none is invented."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from plugin.config import MatchingSection
from plugin.recognizer.engines.engine import Engine
from plugin.recognizer.evaluation.accuracy_report import FullReport, report_accuracy
from plugin.recognizer.evaluation.group_labels import GroupLabels
from plugin.recognizer.evaluation.identification import (
    ENROLLED_FROM,
    LabelledPerson,
    Shot,
    list_people,
    list_strangers,
    read_main_shot,
)
from plugin.recognizer.examination.examination import Pipeline
from tests.group_vectors import Group, calibrated_engine, draw_groups

Promise = Callable[[str, str], None]
WITHOUT_MARGIN = MatchingSection(margin=0.0)
"""The calibration says how many strangers lie near: a margin takes some of these away."""


def measure_drawn(seed: int, *groups: Group) -> FullReport:
    """The report on people and strangers of this distribution."""
    people, strangers, of_people, of_strangers = draw_groups(seed, *groups)
    labels = GroupLabels(of_people, of_strangers)
    return report_accuracy(people, strangers, calibrated_engine(), WITHOUT_MARGIN, labels)


def list_alarms(report: FullReport) -> list[str]:
    """The groups of which a warning is due."""
    return [one["group"] for one in report["groups"]["rates"] if one["alarm"]]


def find_mean_ratio(reports: Sequence[FullReport], group: str) -> float:
    """Of names with suggestions, in galleries of the group."""
    found = [one["suggest"]["fpir"] for r in reports for one in r["groups"]["rates"] if one["group"] == group]
    configured = calibrated_engine().card.rates.suggest
    return sum(rate["value"] if rate else 0.0 for rate in found) / len(found) / configured


@pytest.mark.promise
@pytest.mark.parametrize(("groups", "strangers"), [(2, 500), (10, 100)])
def test_no_gap_is_invented(promise: Promise, full: bool, groups: int, strangers: int) -> None:
    """B1: groups drawn from one distribution, several at once, and never a warning; the mean is what is configured."""
    runs = 400 if full else 100
    drawn = [Group(f"g{number}", 12, strangers) for number in range(groups)]
    reports = [measure_drawn(seed, *drawn) for seed in range(runs)]
    invented = sum(bool(list_alarms(report)) for report in reports)
    mean = sum(find_mean_ratio(reports, group.name) for group in drawn) / groups
    promise(
        "B1",
        f"vectors, {groups} groups of {strangers} strangers without a gap: invented {invented} of {runs} "
        f"(at most {3 / runs:.1%}); mean {mean:.2f} x",
    )
    assert invented == 0
    assert 0.7 < mean < 1.3  # else the card is not that of these vectors, and nothing was tried


@pytest.mark.promise
@pytest.mark.parametrize(
    ("people", "strangers", "groups", "least"), [(12, 100, 2, 0.6), (30, 500, 2, 0.97), (30, 500, 10, 0.97)]
)
def test_a_gap_is_found(promise: Promise, full: bool, people: int, strangers: int, groups: int, least: float) -> None:
    """B1: one group whose people share more than others do, which makes strangers of it pass 13 times as often."""
    runs = 100 if full else 40
    others = [Group(f"g{number}", people, strangers) for number in range(1, groups)]
    reports = [measure_drawn(1000 + seed, Group("alike", people, strangers, 0.6), *others) for seed in range(runs)]
    found = sum("alike" in list_alarms(report) for report in reports)
    invented = sum(bool(set(list_alarms(report)) - {"alike"}) for report in reports)
    mean = find_mean_ratio(reports, "alike")
    promise(
        "B1",
        f"vectors, {groups} groups of {people} people and {strangers} strangers, a gap of {mean:.0f} x: found "
        f"{found} of {runs}, beside it invented {invented}",
    )
    assert mean > 5
    assert found >= least * runs
    assert invented == 0


def in_group(name: str, seed: int, groups: int) -> str:
    """A group by a hash of the name: it says nothing of anybody."""
    return f"g{int.from_bytes(hashlib.sha256(f'{seed} {name}'.encode()).digest()[:4], 'big') % groups}"


def plant(
    people: list[LabelledPerson], strangers: list[Shot | None], labels: GroupLabels, share: float
) -> tuple[list[LabelledPerson], list[Shot | None]]:
    """Of one group this share of the strangers look as its people do: they are held-out photographs of these."""
    mine = [place for place, group in enumerate(labels.strangers) if group == "g0"]
    known = [person for person in people if labels.people[person.name] == "g0"][: round(share * len(mine))]
    held = {person.name: LabelledPerson(person.name, person.shots[:-1]) for person in known}
    instead = {place: person.shots[-1] for place, person in zip(mine, known, strict=False)}
    return (
        [held.get(person.name, person) for person in people],
        [instead.get(place, shot) for place, shot in enumerate(strangers)],
    )


@pytest.mark.promise
def test_gaps_on_photographs(promise: Promise, full: bool, faces: Path | None, pipeline: Pipeline) -> None:
    """B1: photographs in groups by a hash of the name; planted: strangers who look as people of their group do."""
    if faces is None:
        promise("B1", "photographs: not measured (none given)")
        assert not full, "--full needs photographs: give --faces DIR"
        return
    everybody = [
        LabelledPerson(name, tuple(read_main_shot(pipeline, file, n < ENROLLED_FROM) for n, file in enumerate(files)))
        for name, files in list_people(faces / "people")
    ]
    files = list_strangers(faces / "strangers")[::2]
    strangers = [read_main_shot(pipeline, file) for file in files]
    runs, invented, found = 100, {2: 0, 10: 0}, 0
    for seed in range(runs):
        for groups in invented:
            labels = label_by_hash(everybody, files, seed, groups)
            invented[groups] += bool(list_alarms(measure(everybody, strangers, labels, pipeline.engine)))
    for seed in range(20):
        labels = label_by_hash(everybody, files, seed, 2)
        report = measure(*plant(everybody, strangers, labels, 0.05), labels, pipeline.engine)
        found += list_alarms(report) == ["g0"]
    promise(
        "B1",
        f"photographs, {len(files)} strangers, groups by a hash of the name: invented of two groups {invented[2]}, of "
        f"ten {invented[10]}, of {runs} each (at most {3 / runs:.0%}); 5 % of one group's strangers look "
        f"as its people do: found {found} of 20",
    )
    assert invented == {2: 0, 10: 0}
    assert found == 20


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """The default engine, in this process."""
    from tests.promises.test_faces import CONFIG, open_pipeline

    return open_pipeline(CONFIG.recognizer.engine)


def label_by_hash(people: list[LabelledPerson], files: list[Path], seed: int, groups: int) -> GroupLabels:
    """Labels of everybody."""
    of_people = {person.name: in_group(person.name, seed, groups) for person in people}
    return GroupLabels(of_people, [in_group(file.name, seed, groups) for file in files])


def measure(
    people: list[LabelledPerson], strangers: list[Shot | None], labels: GroupLabels, engine: Engine
) -> FullReport:
    """The report with the default configuration."""
    return report_accuracy(people, strangers, engine, MatchingSection(), labels)
