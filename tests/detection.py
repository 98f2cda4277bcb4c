"""Measures the configured detector on annotated photographs, scaled to several sizes.

`annotations.json`: a list of {"file", "nose_points": [[x, y]] or "boxes": [[left, top, width, height]]} in px of the
file. A face is found if a detection covers its point (or the middle of its box).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from plugin.config import Config
from plugin.errors import ConfigError
from plugin.recognizer.engines.engine import Floats
from plugin.recognizer.examination.examination import Pipeline
from plugin.recognizer.examination.finer_pass import shrink

SIZES = (1024, 800, 640, 480, 320)
"""Longest sides to shrink to; a file is used at those not above its own size."""
BINS = ((12, 20), (20, 30), (30, 40), (40, 60), (60, 10_000))
"""Face widths in px of the picture as detected, from and below."""


@dataclass
class DetectionTally:
    """Per width (found, of), false detections, pictures."""

    found: dict[tuple[int, int], list[int]] = field(default_factory=lambda: {b: [0, 0] for b in BINS})
    false: int = 0
    pictures: int = 0

    def recall(self, least: int) -> tuple[int, int]:
        """(found, of) for faces from `least` px on."""
        rows = [counts for (low, _), counts in self.found.items() if low >= least]
        return sum(row[0] for row in rows), sum(row[1] for row in rows)


def tally_detections(folder: Path, pipeline: Pipeline, config: Config) -> DetectionTally:
    """Detection on the annotated photographs of `folder`. Raises ConfigError without annotations.

    A face's width is that of its detection at the largest size, scaled: it counts in the same bin at every size. A face
    that is never found counts in 20-30.
    """
    result = DetectionTally()
    for entry in _read_annotations(folder):
        original = cv2.imread(str(folder / entry["file"]))
        if original is None:
            raise ConfigError(f"{folder / entry['file']}: is missing or no picture")
        points = _list_points(entry) / max(original.shape[:2])
        widths: list[float] = []
        sizes = [size for size in SIZES if size <= config.recognizer.detect_px]
        for size in [size for size in sizes if size <= max(original.shape[:2])] or [sizes[-1]]:
            picture = shrink(original, size)  # type: ignore[arg-type]
            boxes = pipeline.engine.detector.detect(picture).boxes
            longest = max(picture.shape[:2])
            hits = assign_boxes(boxes, points * longest)
            widths = widths or [float(boxes[hit, 2]) / longest if hit >= 0 else 0.0 for hit in hits]
            _count(result, hits, [width * longest or 20.0 for width in widths], len(boxes))
    return result


def assign_boxes(boxes: Floats, points: Floats) -> list[int]:
    """For each (x, y) the index of the box that covers it, each box once, nearest first; -1 if none."""
    hits = [-1] * len(points)
    if not len(boxes) or not len(points):
        return hits
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    inside = np.all(np.abs(points[:, None] - centres[None]) <= boxes[None, :, 2:] / 2 + 1, axis=2)
    away = np.where(inside, np.linalg.norm(points[:, None] - centres[None], axis=2), np.inf)
    while np.isfinite(away.min()):
        point, box = np.unravel_index(int(away.argmin()), away.shape)
        hits[int(point)] = int(box)
        away[point, :] = away[:, box] = np.inf
    return hits


def _count(result: DetectionTally, hits: Sequence[int], widths: Sequence[float], boxes: int) -> None:
    result.pictures += 1
    result.false += boxes - sum(hit >= 0 for hit in hits)
    for hit, width in zip(hits, widths, strict=True):
        for low, high in BINS:
            if low <= width < high:
                result.found[low, high][0] += hit >= 0
                result.found[low, high][1] += 1


def _read_annotations(folder: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads((folder / "annotations.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder}: needs an annotations.json that can be read") from error
    return list(found)


def _list_points(entry: dict[str, Any]) -> Floats:
    noses = [(x, y) for x, y in entry.get("nose_points", [])]
    middles = [(x + w / 2, y + h / 2) for x, y, w, h in entry.get("boxes", [])]
    return np.array(noses + middles, np.float32).reshape(-1, 2)
