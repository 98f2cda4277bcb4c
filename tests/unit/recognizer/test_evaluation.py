"""What an accuracy report says, worked out by hand on few people."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from plugin.config import Config, MatchingSection, RecognizerSection
from plugin.errors import ConfigError
from plugin.recognizer.engines.engine import Engine, Floats
from plugin.recognizer.evaluation.identification import LabelledPerson, Shot, report_identification
from plugin.recognizer.evaluation.wilson_intervals import compute_rate
from plugin.recognizer.examination.examination import Pipeline
from plugin.recognizer.matching.matching import DetectedFace
from plugin.recognizer.process import accuracy
from sidecar.commands.demo import samples
from tests.detection import assign_boxes, tally_detections


def shot(axis: int, away: float = 0.0, width: int = 90) -> Shot:
    """A face whose vector lies at the distance `away` from the unit vector of `axis`."""
    vector = np.zeros(128, np.float32)
    cosine = 1 - away**2 / 2
    vector[axis], vector[100 + axis] = cosine, np.sqrt(1 - cosine**2)
    return Shot(DetectedFace((0.1, 0.1, 0.5, 0.5), width), vector)


def person(name: str, axis: int, *probes: Shot | None) -> LabelledPerson:
    """Three photographs that enrol, and these probes."""
    return LabelledPerson(name, (shot(axis), shot(axis), shot(axis), *probes))


def test_every_outcome_is_counted_where_it_belongs(engine: Engine) -> None:
    """Found, only suggested, missed, undetected, too small, somebody else; strangers likewise."""
    people = [
        person("åsa", 0, shot(0, 0.1), shot(0, 0.33), shot(0, 0.5), None),
        person("bo", 1, shot(1, 0.1), shot(1, 0.1, width=20), shot(0, 0.1), shot(1, 0.1, width=30)),
    ]
    strangers = [shot(5), shot(0, 0.2), shot(1, 0.33), shot(6), None]
    told = report_identification(people, strangers, engine, MatchingSection())
    assert set(told) == {"gallery", "undetected", "rank1", "auto", "suggest"}
    assert (told["gallery"], told["undetected"]) == (2, 2)
    assert told["rank1"]["value"] == 6 / 8
    assert told["auto"]["fpir"]["value"] == 1 / 5
    assert told["auto"]["fnir"]["value"] == 6 / 8
    assert told["suggest"]["fpir"]["value"] == 2 / 5
    assert told["suggest"]["fnir"]["value"] == 4 / 8
    assert told["auto"]["fpir"] == compute_rate(1, 5).to_json()


def test_a_person_nobody_could_enrol_is_missed(engine: Engine) -> None:
    """Without a face on the first photographs the probes count as missed, and the gallery is smaller."""
    people = [LabelledPerson("eva", (None, None, None, shot(2))), person("bo", 1, shot(1))]
    told = report_identification(people, [shot(5)], engine, MatchingSection())
    assert told["gallery"] == 1
    assert told["suggest"]["fnir"]["value"] == 0.5


@pytest.mark.parametrize(
    ("count", "of", "low", "high"), [(0, 500, 0, 0.0076), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1)]
)
def test_intervals_are_wilsons(count: int, of: int, low: float, high: float) -> None:
    """Against values of the literature; nothing measured says nothing."""
    got = compute_rate(count, of)
    assert got.low == pytest.approx(low, abs=1e-4)
    assert got.high == pytest.approx(high, abs=1e-4)
    assert compute_rate(0, 0).to_json() == {"value": 0, "low": 0, "high": 1}


def test_a_report_from_folders(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders in, the report out: person A found again, person B left alone, ready for JSON; none decoded here."""
    monkeypatch.delattr(Pipeline, "see")
    known = tmp_path / "people" / "a"
    known.mkdir(parents=True)
    references = (samples.A_FRONT, samples.A_SPEECH, samples.A_STANDING, samples.A_FRONT_CUT_LEFT)
    for number, sha in enumerate(references):
        (known / f"{number}.jpg").write_bytes(samples.portrait(sha).read_bytes())
    (tmp_path / "strangers").mkdir()
    (tmp_path / "strangers" / "b.jpg").write_bytes(samples.portrait(samples.B_STANDING).read_bytes())
    config = Config(recognizer=RecognizerSection(cache=str(cache)))
    told = accuracy.measure_accuracy(tmp_path / "people", tmp_path / "strangers", config)
    assert json.loads(json.dumps(told)) == told
    assert (told["gallery"], told["undetected"], told["rank1"]["value"]) == (1, 0, 1)
    assert told["suggest"] == {"fpir": compute_rate(0, 1).to_json(), "fnir": compute_rate(0, 1).to_json()}


def test_wrong_folders_are_named(tmp_path: Path, cache: Path) -> None:
    """Missing, empty, photographs where folders belong, a broken photograph: ConfigError names the path."""
    config = Config(recognizer=RecognizerSection(cache=str(cache)))
    empty, flat, broken = tmp_path / "empty", tmp_path / "flat", tmp_path / "broken"
    for folder in (empty, flat, broken / "x"):
        folder.mkdir(parents=True)
    (flat / "1.jpg").write_bytes(samples.portrait(samples.A_FRONT).read_bytes())
    (broken / "x" / "1.jpg").write_bytes(b"text")
    for folder in (tmp_path / "none", empty, flat, broken):
        with pytest.raises(ConfigError, match=folder.name):
            accuracy.measure_accuracy(folder, flat, config)
    for number in (2, 3, 4):
        (broken / "x" / f"{number}.jpg").write_bytes(samples.portrait(samples.A_FRONT).read_bytes())
    with pytest.raises(ConfigError, match=r"x/1\.jpg: .*; take it out of the folder"):
        accuracy.measure_accuracy(broken, flat, config)


def test_each_box_answers_for_one_face() -> None:
    """Two points in one box: the nearer to its middle is found, the other is not."""
    boxes: Floats = np.array([[0, 0, 10, 10], [20, 0, 10, 10]], np.float32)
    points: Floats = np.array([[1, 1], [5, 5], [26, 5], [50, 50]], np.float32)
    assert assign_boxes(boxes, points) == [-1, 0, 1, -1]
    assert assign_boxes(boxes[:0], points) == [-1] * 4


def test_detection_is_tallied_by_width(tmp_path: Path, pipeline: Pipeline) -> None:
    """An annotated portrait is found at every size; a point where no face is counts as missed."""
    picture = cv2.imread(str(samples.portrait(samples.A_FRONT)))
    assert picture is not None
    cv2.imwrite(str(tmp_path / "one.jpg"), picture)
    seen = pipeline.see(samples.portrait(samples.A_FRONT))
    nose = (seen.faces.points[0, 2] / seen.decoded.scale).tolist()
    notes = [{"file": "one.jpg", "nose_points": [nose, [2, 2]]}]
    (tmp_path / "annotations.json").write_text(json.dumps(notes))
    result = tally_detections(tmp_path, pipeline, Config())
    assert result.pictures == 5
    assert result.false == 0
    assert result.recall(60) == (5, 5)
    assert result.found[20, 30] == [0, 5]
    with pytest.raises(ConfigError, match="annotations"):
        tally_detections(tmp_path / "none", pipeline, Config())
