"""Searches large pictures more closely: in steps, in tiles, and twice for doubtful faces.

A step shows the picture at most STEP times as large as the one before, so the overlap of tiles is fixed: larger than
the largest face that only this step finds. Memory does not grow with the picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from plugin.recognizer.engines.engine import Detections, Detector, Floats, join_detections, no_detections
from plugin.recognizer.pictures.pixels import Pixels

TILE = 1024
"""px: the longest side of a tile. Beyond, a detection costs more for each pixel, not less."""
SMALL = 320
"""px: the first step. A face that fills the frame is larger than the largest anchor in any other."""
NEAR = 1344
"""px: up to there the first step finds whatever is too wide for the overlap of tiles, and none is needed between.

One tile of it costs less than two that overlap.
"""
STEP = 4
SURE_PX = 32
"""From this width on no face is in doubt: in any step, at the configured score."""
_DOUBTFUL = 0.02  # from this score on a small face is looked at once more, enlarged, and counts if it is found then
_DOUBTFUL_GREY = 0.005  # in pictures without colours, where scores are lower: of 301 faces of 64 px 298 found, not 258
_WIDE = 40  # px: a face so wide in the step before was found by that; what was not is a part of one
_HUGE = 400  # px: beyond, boxes tend to lie on parts of a face
_FILLS = 48  # px: from there on a face counts from the first step; narrower ones only confirm others
_GREY = 4.0  # standard deviation of the difference of two colours, of 255; sepia is grey too
_OVERLAP = 0.4  # IoU: two boxes are one face; as in the detectors
_INSIDE = 0.5  # of its area: a part of a face lies in the box of the whole
_EDGE = 0.1  # of its width: so near to the edge of a tile it may be cut off
_CLEAR = 0.9  # a small face of a lower score that only the last step finds is looked at again: seams, tools, shadows
_ENLARGED = 48  # px: how wide a doubtful face is shown
_LARGER = 80  # px: and how wide if it is not found then
_WINDOW = 128  # px: what is shown of a face of _ENLARGED


@dataclass(frozen=True)
class PassStep:
    """The faces of one step, in px of the whole picture.

    `part`: boxes that may show only part of a face. `scale`: px of the step to a px of the whole picture.
    """

    faces: Detections
    part: NDArray[np.bool_]
    scale: float

    def take(self, which: NDArray[np.intp]) -> "PassStep":
        return PassStep(self.faces.take(which), self.part[which], self.scale)


def find_faces(detector: Detector, picture: Pixels, coarse: int, finest: int, score: float) -> Detections:
    """Every face of `picture` once, found up to a longest side of `finest` px.

    `coarse`: the longest side of the coarse pass; `score`: the configured one.
    """
    steps: list[PassStep] = []
    closest = shrink(picture, finest)
    for side in list_sides(coarse, finest):
        least = doubtful_score(closest) if side == finest else 1.0
        level = shrink(closest, side)
        steps.append(_run_step(detector, level, level.shape[1] / picture.shape[1], steps[-1] if steps else None, least))
    first = steps[0]
    steps[0] = first.take(np.flatnonzero(first.faces.boxes[:, 2] * first.scale >= _FILLS))
    return confirm_faces(detector, picture, steps, score)


def doubtful_score(picture: Pixels) -> float:
    """The score from which small faces of this picture get a second look."""
    some = picture[::8, ::8].astype(np.int16)
    colours = max(float((some[:, :, k] - some[:, :, 1]).std()) for k in (0, 2))
    return _DOUBTFUL if colours > _GREY else _DOUBTFUL_GREY


def list_sides(coarse: int, finest: int) -> list[int]:
    """The longest sides of the steps: a small one, the coarse pass unless the finest is close to it, and finer ones."""
    if finest <= NEAR:
        return [SMALL, finest]
    found = [finest]
    while found[0] > STEP * coarse:
        found.insert(0, math.ceil(found[0] / STEP))
    return [SMALL, coarse, *found]


def split_spans(length: int, overlap: int, largest: int) -> list[tuple[int, int]]:
    """(start, end) of equal pieces, up to `largest` px, that cover `length`;

    neighbours overlap by `overlap` or more.
    """
    count = 1 if length <= largest else math.ceil((length - overlap) / (largest - overlap))
    size = math.ceil((length + (count - 1) * overlap) / count)
    starts = [i * (length - size) // max(1, count - 1) for i in range(count)]
    return [(start, start + size) for start in starts]


def _run_step(detector: Detector, level: Pixels, scale: float, before: PassStep | None, least: float) -> PassStep:
    """The faces in the tiles of `level`, the picture at this scale; `before`: the previous step."""
    height, width = level.shape[:2]
    ratio = scale / before.scale if before else 1.0
    whole = NEAR if max(height, width) <= NEAR else TILE
    largest = min(whole, detector.largest_px or whole)
    overlap = min(largest // 2, math.ceil(2 * max(SURE_PX, detector.found_px) * ratio))
    found, cut = [no_detections()], [np.zeros(0, np.bool_)]
    for top, bottom in split_spans(height, overlap, largest):
        for left, right in split_spans(width, overlap, largest):
            tile = np.ascontiguousarray(level[top:bottom, left:right])
            faces = shift(detector.detect(tile, least), left, top)
            found.append(faces)
            cut.append(_find_cut(faces.boxes, (left, top, right, bottom), (width, height)))
    faces = join_detections(found).scaled(1 / scale)
    part = np.concatenate(cut)
    return PassStep(faces, part | _find_parts(faces, scale, before) if before else part, scale)


def _find_parts(faces: Detections, scale: float, before: PassStep) -> NDArray[np.bool_]:
    """Boxes that probably cover part of a face: huge, or wide enough for the previous step, which missed them."""
    widths = faces.boxes[:, 2]
    missed = [not np.any(_overlaps(box, before.faces.boxes)[0] >= _OVERLAP) for box in faces.boxes]
    return (widths * scale > _HUGE) | ((widths * before.scale >= _WIDE) & np.array(missed, np.bool_))


def _find_cut(boxes: Floats, tile: tuple[int, int, int, int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Boxes at an edge of the tile that is no edge of the picture."""
    left, top, right, bottom = tile
    near = boxes[:, 2] * _EDGE
    inner = [left > 0, top > 0, right < size[0], bottom < size[1]]
    reaches = [boxes[:, 0] - left < near, boxes[:, 1] - top < near]
    reaches += [right - boxes[:, 0] - boxes[:, 2] < near, bottom - boxes[:, 1] - boxes[:, 3] < near]
    cut = [reached for edge, reached in zip(inner, reaches, strict=True) if edge]
    return np.logical_or.reduce(cut) if cut else np.zeros(len(boxes), np.bool_)


def confirm_faces(detector: Detector, picture: Pixels, steps: Sequence[PassStep], score: float) -> Detections:
    """Each face of `steps` once; the last step's doubtful ones only if found again enlarged."""
    last = steps[-1]
    sure = last.take(np.flatnonzero(last.faces.scores >= score))
    if len(steps) > 1:
        sure = _drop_unconfirmed(detector, picture, sure, steps[:-1])
    steps = [*steps[:-1], sure]
    widths = last.faces.boxes[:, 2] * last.scale
    small = (widths >= detector.found_px * 0.7) & (widths < SURE_PX)
    doubtful = last.faces.take(np.flatnonzero((last.faces.scores < score) & small))
    known = merge_steps(steps)
    confirmed = [no_detections()]
    for box in doubtful.boxes[np.argsort(-doubtful.scores, kind="stable")]:
        if not np.any(_overlaps(box, known.boxes)[0] >= _OVERLAP):
            face = _find_enlarged(detector, picture, box, _ENLARGED)
            if not np.any(face.scores < _CLEAR) or len(_find_enlarged(detector, picture, face.boxes[0], _LARGER)):
                confirmed.append(face)
                known = join_detections([known, face])
    found = join_detections(confirmed)
    return merge_steps([*steps, PassStep(found, np.zeros(len(found), np.bool_), last.scale)])


def _drop_unconfirmed(detector: Detector, picture: Pixels, step: PassStep, before: Sequence[PassStep]) -> PassStep:
    """Drops small faces with a low score that no earlier step and no enlargement shows."""
    faces, earlier = step.faces, join_detections([one.faces for one in before])
    asked = (faces.scores < _CLEAR) & (faces.boxes[:, 2] * step.scale < 2 * SURE_PX)
    wrong = [
        index
        for index in np.flatnonzero(asked)
        if not np.any(_overlaps(faces.boxes[index], earlier.boxes)[0] >= _OVERLAP)
        and not any(len(_find_enlarged(detector, picture, faces.boxes[index], wide)) for wide in (_ENLARGED, _LARGER))
    ]
    return step.take(np.delete(np.arange(len(faces)), wrong))


def _find_enlarged(detector: Detector, picture: Pixels, box: Floats, wide: int) -> Detections:
    """The face in this box when shown `wide` px wide; none if it is not found."""
    factor, window = wide / float(box[2]), _WINDOW * wide // _ENLARGED
    middle = box[:2] + box[2:] / 2
    left, top = (middle - window / 2 / factor).tolist()
    turn = np.array([[factor, 0, -left * factor], [0, factor, -top * factor]], np.float32)
    shown = cv2.warpAffine(picture, turn, (window, window), flags=cv2.INTER_CUBIC, borderValue=(127, 127, 127))
    faces = detector.detect(shown)  # type: ignore[arg-type]
    aside = np.abs(faces.boxes[:, :2] + faces.boxes[:, 2:] / 2 - window / 2)
    size = faces.boxes[:, 2] / wide
    same = np.all(aside < faces.boxes[:, 2:] * 0.4, axis=1) & (size > 0.5) & (size < 2)
    return shift(faces.take(np.flatnonzero(same)[:1]).scaled(1 / factor), left, top)


def merge_steps(steps: Sequence[PassStep]) -> Detections:
    """Each face of all steps once, best first: as the finest step with a whole box saw it.

    A possible part of a face counts only where no whole box contains it.
    """
    faces, part = (join_detections([step.faces for step in steps]), np.concatenate([step.part for step in steps]))
    coarseness = np.concatenate([np.full(len(step.faces), -number) for number, step in enumerate(steps)])
    kept: list[int] = []
    for index in np.lexsort((-faces.scores, coarseness, part)):
        union, inside = _overlaps(faces.boxes[index], faces.boxes[kept])
        if not np.any(union >= _OVERLAP) and not (part[index] and np.any(inside[~part[kept]] >= _INSIDE)):
            kept.append(int(index))
    kept.sort(key=lambda index: -float(faces.scores[index]))
    return faces.take(np.array(kept, np.intp))


def _overlaps(box: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Intersection of `box` with each of `others`: over their union, and over the smaller of the two."""
    corner = np.maximum(box[:2], others[:, :2])
    side = np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:]) - corner
    shared = np.prod(np.maximum(side, 0), axis=1)
    own, theirs = float(np.prod(box[2:])), np.prod(others[:, 2:], axis=1)
    return shared / np.maximum(own + theirs - shared, 1e-6), shared / np.maximum(np.minimum(own, theirs), 1e-6)


def shrink(picture: Pixels, longest: int) -> Pixels:
    """The picture with a longest side of at most `longest` px; never enlarged."""
    scale = longest / max(picture.shape[:2])
    if scale >= 1:
        return picture
    height, width = picture.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    while scale < 0.5 and min(height, width) > 1:  # a mean of four, for which other areas take ten times as long
        even = picture[: height // 2 * 2, : width // 2 * 2]
        height, width, scale = height // 2, width // 2, scale * 2
        picture = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    how = cv2.INTER_LINEAR if scale >= 0.5 else cv2.INTER_AREA  # of less than half bilinear would skip pixels
    return cv2.resize(picture, size, interpolation=how)  # type: ignore[return-value]


def shift(faces: Detections, right: float, down: float) -> Detections:
    """The faces, moved right and down by these px."""
    by = np.array([right, down], np.float32)
    return Detections(faces.boxes + np.concatenate([by, np.zeros(2, "f4")]), faces.points + by, faces.scores)
