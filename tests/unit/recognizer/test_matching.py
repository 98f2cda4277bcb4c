"""Decisions over all the faces of a photograph, and the thresholds they rest on."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.config import MatchingSection
from plugin.recognizer.engines.card import shipped_cards
from plugin.recognizer.engines.engine import normalise
from plugin.recognizer.engines.thresholds import Calibration, Thresholds, compute_thresholds, explain_threshold
from plugin.recognizer.matching.gallery import Enrolled, Gallery
from plugin.recognizer.matching.matching import (
    Candidate,
    DetectedFace,
    Level,
    MatchDecision,
    MatchRules,
    decide_matches,
)
from plugin.recognizer.pictures.boxes import Box, overlap

RULES = MatchRules(Thresholds(0.3, 0.36), 0.03, 40)
CALIBRATION = shipped_cards()["retinaface-dlib"].measured()
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
part = st.floats(0, 1, allow_nan=False)
boxes = st.tuples(part, part, st.floats(0.001, 1), st.floats(0.001, 1))
levels: st.SearchStrategy[Level] = st.sampled_from(get_args(Level))


def faces(*widths: int) -> list[DetectedFace]:
    """Faces side by side, of these widths in px."""
    return [DetectedFace((i / 10, 0.1, 0.08, 0.08), width) for i, width in enumerate(widths)]


def told(faces: list[DetectedFace], candidates: list[Candidate], rows: list[list[float]]) -> list[object]:
    """(key, level) of each decision."""
    decided = decide_matches(faces, candidates, np.array(rows, np.float32), RULES)
    return [(None if d.candidate is None else candidates[d.candidate].key, d.level) for d in decided]


@given(boxes, boxes)
def test_overlap_is_a_symmetric_share(one: Box, other: Box) -> None:
    """IoU is the same both ways, in 0..1, and 1 of a box with itself."""
    assert overlap(one, other) == pytest.approx(overlap(other, one))
    assert 0 <= overlap(one, other) <= 1
    assert overlap(one, one) == pytest.approx(1)


@given(boxes, st.floats(0.01, 1))
def test_overlap_with_a_part_is_the_share_of_the_area(box: Box, share: float) -> None:
    """A box inside another overlaps by the ratio of their areas; one beside it not at all."""
    left, top, width, height = box
    assert overlap(box, (left, top, width * share, height)) == pytest.approx(share, rel=1e-6)
    assert overlap(box, (left + width, top, width, height)) == pytest.approx(0, abs=1e-9)


def test_levels_follow_distance() -> None:
    """Below auto apply, below suggest suggest, beyond nothing; the threshold itself is beyond."""
    alone = [Candidate("bo", "auto")]
    for distance, level in ((0.1, "auto"), (0.299, "auto"), (0.31, "suggest"), (0.37, None), (1.2, None)):
        assert told(faces(60), alone, [[distance]]) == [("bo" if level else None, level)]
    exact = decide_matches(faces(60), alone, np.array([[0.36]]), RULES)
    assert exact == [MatchDecision()]


def test_small_faces_and_capped_people_are_only_suggested() -> None:
    """Below 40 px, or where a human decides, the nearest match stays a suggestion."""
    assert told(faces(39), [Candidate("bo", "auto")], [[0.1]]) == [("bo", "suggest")]
    assert told(faces(40), [Candidate("bo", "auto")], [[0.1]]) == [("bo", "auto")]
    assert told(faces(90), [Candidate("bo", "suggest")], [[0.1]]) == [("bo", "suggest")]


def test_without_a_margin_to_the_second_person_nobody_is_applied() -> None:
    """Two people nearly as near: the nearer is suggested, whatever may come of the other."""
    two = [Candidate("bo", "auto"), Candidate("eva", "suggest")]
    assert told(faces(90), two, [[0.2, 0.22]]) == [("bo", "suggest")]
    assert told(faces(90), two, [[0.2, 0.24]]) == [("bo", "auto")]


def test_a_rejected_person_is_not_proposed_for_that_face_again() -> None:
    """A box that overlaps by half is the same face: the next best is suggested, never applied."""
    face = faces(90)
    near = (0.001, 0.1, 0.08, 0.08)
    two = [Candidate("bo", "auto", (near,)), Candidate("eva", "auto")]
    assert told(face, two, [[0.1, 0.25]]) == [("eva", "suggest")]
    elsewhere = [Candidate("bo", "auto", ((0.5, 0.5, 0.08, 0.08),))]
    assert told(face, elsewhere, [[0.1]]) == [("bo", "auto")]


def test_one_person_once_the_other_face_gets_its_next_best() -> None:
    """The nearer face takes the person; the other is given who comes next, or nobody."""
    two = [Candidate("bo", "auto"), Candidate("eva", "auto")]
    assert told(faces(90, 90), two, [[0.20, 0.9], [0.15, 0.34]]) == [(None, None), ("bo", "auto")]
    assert told(faces(90, 90), two, [[0.15, 0.9], [0.20, 0.34]]) == [("bo", "auto"), ("eva", "suggest")]


@given(st.data())
def test_crowds_keep_the_rules(data: st.DataObject) -> None:
    """Whatever the crowd: nobody twice, no rejected pair, no level above what is allowed."""
    crowd = [
        DetectedFace(data.draw(boxes), data.draw(st.integers(28, 200))) for _ in range(data.draw(st.integers(1, 6)))
    ]
    rejected = st.lists(st.sampled_from([face.box for face in crowd]), max_size=2).map(tuple)
    people = [Candidate(str(i), data.draw(levels), data.draw(rejected)) for i in range(data.draw(st.integers(1, 5)))]
    count = len(crowd) * len(people)
    flat = data.draw(st.lists(st.floats(0, 0.625, width=32), min_size=count, max_size=count))
    rows = np.array(flat, np.float32).reshape(len(crowd), len(people))
    decided = decide_matches(crowd, people, rows, RULES)
    given_to = [d.candidate for d in decided if d.candidate is not None]
    assert len(given_to) == len(set(given_to))
    for face, decision, row in zip(crowd, decided, rows, strict=True):
        if decision.candidate is None:
            assert decision == MatchDecision()
            continue
        person, distance = people[decision.candidate], row[decision.candidate]
        assert distance < 0.36
        assert all(overlap(face.box, box) < 0.5 for box in person.rejected)
        if decision.level == "auto":
            assert person.most == "auto"
            assert face.width_px >= 40
            assert distance < 0.3
            assert (np.delete(row, decision.candidate) - distance >= 0.03 - 1e-6).all()


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.floats(0.0001, 0.2), st.floats(0.0001, 0.2))
def test_thresholds_fall_with_the_number_enrolled_and_rise_with_the_rate(
    one: int, other: int, rate: float, looser: float
) -> None:
    """More people, or fewer strangers named: never a looser threshold; auto is never above suggest."""
    few, many = sorted((one, other))
    strict, loose = sorted((rate, looser))
    at_few, at_many = (compute_thresholds(CALIBRATION, n, strict, loose) for n in (few, many))
    assert at_many.auto <= at_few.auto <= CALIBRATION.auto_ceiling
    assert at_many.suggest <= at_few.suggest <= CALIBRATION.suggest_ceiling
    assert at_few.auto <= at_few.suggest
    assert at_many.auto <= compute_thresholds(CALIBRATION, many, loose, loose).auto
    assert at_many.auto >= CALIBRATION.floor


def test_thresholds_share_the_rate_among_the_enrolled() -> None:
    """FPIR = 1 - (1 - FMR)^N: 50 people at 1 % get the distance of an FMR of 0.0002, 10 that of 0.001."""
    table = Calibration(((0.2, 1e-4), (0.3, 1e-3), (0.4, 1e-2)), 0.9, 0.9, 0.1, "invented")
    assert compute_thresholds(table, 10, 0.01, 0.1).auto == pytest.approx(0.3, abs=1e-3)
    assert compute_thresholds(table, 10, 0.01, 0.1).suggest == pytest.approx(0.4, abs=3e-3)
    assert compute_thresholds(table, 100, 0.01, 0.1).auto == pytest.approx(0.2, abs=1e-3)
    assert compute_thresholds(table, 1000, 0.01, 0.1).auto == pytest.approx(0.1, abs=1e-3)
    assert compute_thresholds(table, 10**9, 0.01, 0.1).auto == 0.1


def test_below_the_measured_rates_the_lowest_decade_goes_on_straight() -> None:
    """Not the lowest two points, which rest on a few comparisons; down to the floor, and no further."""
    table = Calibration(((0.20, 1e-5), (0.29, 2e-5), (0.3, 1e-4), (0.4, 1e-3)), 0.9, 0.9, 0.1, "invented")
    assert table.distance(1e-6) == pytest.approx(0.10)
    assert table.distance(10**-5.5) == pytest.approx(0.15)
    assert table.distance(1e-9) == 0.1
    assert table.fmr(0.15) == pytest.approx(10**-5.5)
    assert table.fmr(0.05) == pytest.approx(1e-6)
    assert table.fmr(0.9) == pytest.approx(1e-3)
    one = Calibration(((0.2, 1e-5), (0.3, 2e-5)), 0.9, 0.9, 0.1, "no decade was measured: its two ends")
    assert one.distance(0.5e-5) == pytest.approx(0.1)


@given(st.floats(1e-9, 0.5))
def test_a_distance_and_its_rate_belong_together(fmr: float) -> None:
    """Each way and back, for every shipped engine, between its floor and its last point."""
    for card in shipped_cards().values():
        table = card.measured()
        distance = table.distance(fmr)
        assert table.floor <= distance <= table.points[-1][0]
        assert table.distance(table.fmr(distance)) == pytest.approx(distance)
        if table.floor < distance < table.points[-1][0]:
            assert table.fmr(distance) == pytest.approx(fmr)


def test_a_threshold_says_what_it_does() -> None:
    """The rate that was asked for; a lower one where the ceiling decides, a higher one at the floor; extrapolated."""
    table = Calibration(((0.2, 1e-4), (0.3, 1e-3), (0.4, 1e-2)), 0.25, 0.9, 0.1, "invented")
    cases = {10: (0.25, 0.00316, False), 100: (0.2, 0.01, False), 400: (0.139, 0.01, True), 10_000: (0.1, 0.095, True)}
    for enrolled, (distance, expected, extrapolated) in cases.items():
        auto = compute_thresholds(table, enrolled, 0.01, 0.1).auto
        said = explain_threshold(table, enrolled, 0.01, auto)
        assert said.distance == auto == pytest.approx(distance, abs=1e-2)
        assert said.expected == pytest.approx(expected, rel=0.02)
        assert (said.configured, said.extrapolated) == (0.01, extrapolated)


def test_the_rates_in_force_are_the_configured_or_the_cards() -> None:
    """And a suggestion is never rarer than an automatic name."""
    card = shipped_cards()["retail-0095"]
    auto, suggest = card.explain_thresholds(MatchingSection(), 50)
    assert (auto.configured, suggest.configured) == (card.rates.auto, card.rates.suggest)
    auto, suggest = card.explain_thresholds(MatchingSection(fpir_auto=0.05), 50)
    assert (auto.configured, suggest.configured) == (0.05, 0.05)
    limits = card.find_thresholds(MatchingSection(fpir_auto=0.05), 50)
    assert (limits.auto, limits.suggest) == (auto.distance, suggest.distance)


def test_the_shipped_calibration_rises() -> None:
    """Distances and rates of the table rise together, and it says what it was measured on."""
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(CALIBRATION.points))
    assert CALIBRATION.floor < CALIBRATION.points[0][0]
    assert len(CALIBRATION.source) > 40
    for distance, fmr in CALIBRATION.points:
        assert CALIBRATION.distance(fmr) == pytest.approx(distance)


def entry(key: str, vector: list[float], days: int = 1, may_auto: bool = True) -> Enrolled:
    """An entry whose template points along the first axes."""
    template = np.zeros((1, 128), np.float32)
    template[0, : len(vector)] = vector
    return Enrolled(key, normalise(template)[0], NOW + timedelta(days=days), may_auto)


def test_an_ended_lease_is_not_compared() -> None:
    """An entry lives until its `until`, which is itself too late; keys restrict the rest."""
    gallery = Gallery([entry("åsa", [1, 0]), entry("dag", [0, 1], days=-1), entry("bo", [0, 0, 1])], 0.3)
    assert gallery.live(NOW) == [0, 2]
    assert gallery.live(NOW + timedelta(days=1)) == []
    assert gallery.live(NOW, {"bo", "dag", "eva"}) == [2]


def test_people_who_look_alike_are_only_suggested() -> None:
    """Templates nearer than the engine's distance lose `may_auto`, both of them, and nobody else."""
    gallery = Gallery([entry("a", [1, 0]), entry("b", [1, 0.2]), entry("c", [0, 1])], 0.3)
    assert gallery.may_auto == (False, False, True)
    assert Gallery([entry("a", [1, 0], may_auto=False)], 0.3).may_auto == (False,)


def test_a_gallery_refuses_what_it_cannot_compare() -> None:
    """A key twice, a time without a zone, a template of another shape or with a NaN: ValueError."""
    good = entry("a", [1])
    bad = [
        [good, good],
        [Enrolled("a", good.template, datetime(2026, 1, 1), True)],  # noqa: DTZ001 (that is the point)
        [good, Enrolled("b", np.zeros(4, np.float32), NOW, True)],
        [Enrolled("a", np.full(128, np.nan, np.float32), NOW, True)],
    ]
    for entries in bad:
        with pytest.raises(ValueError):
            Gallery(entries, 0.3)


def test_a_template_is_not_printed() -> None:
    """The representation of an entry, which may end up in a log, holds no vector."""
    assert "array" not in repr(entry("a", [1]))
