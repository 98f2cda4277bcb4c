"""The faces of a reference photograph, each cut out so that nobody else's is on it.

Whoever enrols from a photograph with bystanders says which face is meant. That cut-out alone is kept and encoded:
bystanders are neither. A face is offered only if an examination of its cut-out finds it, alone and fit.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from plugin.errors import PictureError
from plugin.recognizer.examination.examination import Pipeline, SeenPicture
from plugin.recognizer.examination.likeness import cut_out
from plugin.recognizer.examination.messages import ReferenceFace, ReferencePicture
from plugin.recognizer.examination.quality import MIN_WIDTH_PX, find_main_face, find_unfit, has_rival
from plugin.recognizer.examination.view import PictureView
from plugin.recognizer.pictures.boxes import SAME_FACE, Box, overlap
from plugin.recognizer.pictures.decode import Limits, decode
from plugin.recognizer.pictures.pixels import Pixels

MOST_FACES = 40
"""So many of the largest faces of a photograph may be chosen."""

CUT_PX = 640
"""The longer side of a cut-out: a face is some 200 px wide there, more than any engine reads."""

_FACE_PX = CUT_PX // 3
_LARGEST_DECODED = 4096  # px
_TOO_NEAR = "more than one face, and they are too near to each other: use a photograph of the person alone"


@dataclass(frozen=True)
class _Source:
    """What cut-outs are made of: the decoded photograph, and every face found on it."""

    pixels: Pixels
    boxes: tuple[Box, ...]


def list_reference_faces(pipeline: Pipeline, picture: Path | bytes, limits: Limits) -> ReferencePicture:
    """The faces of a photograph that may be enrolled, from left to right. Encodes nothing: needs no consent."""
    try:
        seen = pipeline.see(picture, closely=False)
        alone = len(seen.faces) < 2
        if alone and (reason := find_unfit(seen)):
            return ReferencePicture(reason)
        main, candidates = find_main_face(seen), _list_candidates(seen)
        source = _Source(_enlarge(picture, seen, candidates, limits), tuple(map(seen.box, range(len(seen.faces)))))
        cuts = {i: _cut_face(pipeline, source, i) for i in candidates}
    except PictureError as error:
        return ReferencePicture(str(error))
    serve = {i: cut for i, (cut, reason) in cuts.items() if alone or not reason}
    clear = list(serve) == [main] and not has_rival(seen)
    found = tuple(_describe(seen, i, cut) for i, cut in serve.items())
    return ReferencePicture("" if found else cuts[main][1], found, alone, clear)


def _list_candidates(seen: SeenPicture) -> list[int]:
    """The main face and the largest others, from left to right."""
    boxes = seen.faces.boxes
    largest = [int(i) for i in np.argsort(-boxes[:, 2])[:MOST_FACES]]
    wide = {i for i in largest if (seen.file_px(i) or 0) >= MIN_WIDTH_PX}
    return sorted(wide | {find_main_face(seen)}, key=lambda i: float(boxes[i, 0] + boxes[i, 2] / 2))


def _enlarge(picture: Path | bytes, seen: SeenPicture, faces: list[int], limits: Limits) -> Pixels:
    """The photograph as large as the smallest of these faces needs, if it is that large."""
    have = max(seen.decoded.pixels.shape[:2])
    wanted = math.ceil(have * _FACE_PX / max(1.0, min(float(seen.faces.boxes[i, 2]) for i in faces)))
    if seen.decoded.scale >= 1 or wanted <= have:
        return seen.decoded.pixels
    return decode(picture, min(wanted, _LARGEST_DECODED), limits).pixels


def _cut_face(pipeline: Pipeline, source: _Source, index: int) -> tuple[bytes, str]:
    """The cut-out of a face, and why it does not serve, "" if it does."""
    own = source.boxes[index]
    crop = _find_crop(own, source.pixels)
    view = PictureView(crop, own, tuple(box for i, box in enumerate(source.boxes) if i != index), CUT_PX)
    for _ in range(2):  # what was too small to be found before is found in the cut-out, and covered
        cut = cut_out(source.pixels, view)
        seen = pipeline.see(cut, closely=False)
        found = [_place(seen.box(i), crop) for i in range(len(seen.faces))]
        others = tuple(box for box in found if overlap(box, own) < SAME_FACE)
        if not others:
            break
        view = replace(view, covers=view.covers + others)
    return cut, _TOO_NEAR if len(found) > 1 or others else find_unfit(seen)


def _find_crop(own: Box, pixels: Pixels) -> Box:
    """The face with its width around it, as far as the picture goes."""
    left, top, width, height = own
    down = width * pixels.shape[1] / pixels.shape[0]
    x, y = max(0.0, left - width), max(0.0, top - down)
    return x, y, min(1.0, left + 2 * width) - x, min(1.0, top + height + down) - y


def _place(box: Box, crop: Box) -> Box:
    """A box of the cut-out in the photograph."""
    left, top, width, height = box
    return crop[0] + left * crop[2], crop[1] + top * crop[3], width * crop[2], height * crop[3]


def _describe(seen: SeenPicture, index: int, cut: bytes) -> ReferenceFace:
    return ReferenceFace(seen.box(index), seen.file_px(index) or 0, cut)
