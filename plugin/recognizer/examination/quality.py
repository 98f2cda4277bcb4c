"""Enrolment: checks reference photographs and builds a template from them.

The limits were measured on LFW and degraded copies of it; a refusal says which photograph and why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from plugin.errors import EnrolmentRefused, PictureError
from plugin.recognizer.engines.card import CardReferences
from plugin.recognizer.engines.engine import Floats, normalise
from plugin.recognizer.examination.examination import Pipeline, SeenPicture
from plugin.recognizer.examination.messages import Enrolment
from plugin.recognizer.matching.gallery import compute_distances
from plugin.words.plurals import pluralize

SECOND_FACE = 0.5  # of the first one's width: from there it is not clear who is meant
MIN_WIDTH_PX = 40
GOOD_WIDTH_PX = 80
DARK = 25.0  # mean grey of the face, 0..255
FLAT = 8.0  # standard deviation of the face's grey
BLUR = 6.0  # variance of the Laplacian of the face at 112 px
ADVISED = 3  # photographs
_COUNTED = {1: "one", 2: "two", 3: "three"}


@dataclass(frozen=True)
class ReferencePhoto:
    """A usable reference photograph: its vector and a remark or ""."""

    vector: Floats
    note: str


def build_enrolment(pipeline: Pipeline, pictures: Sequence[Path | bytes], previous: Floats | None = None) -> Enrolment:
    """A template from photographs that each show the same one person.

    `previous`: a template to compare with. Raises EnrolmentRefused with a reason for every unusable photograph:
    nothing is enrolled from the others, so that it is clear which photographs count.
    """
    if not pictures:
        raise EnrolmentRefused(["no photograph was given: three or more are best"])
    read = [_read_reference(pipeline, picture) for picture in pictures]
    _refuse([one if isinstance(one, str) else "" for one in read])
    references = [one for one in read if isinstance(one, ReferencePhoto)]
    vectors = np.stack([one.vector for one in references])
    unlike = pipeline.engine.card.distances.unlike
    _refuse(_list_unlike(vectors, unlike))
    template = normalise(vectors.mean(axis=0, keepdims=True))
    if previous is not None and compute_distances(template, previous.reshape(1, -1))[0, 0] >= unlike:
        raise EnrolmentRefused(["the photographs do not look like the person who was enrolled before"])
    notes = [one.note for one in references]
    different = len({vector.tobytes() for vector in vectors})  # the same photograph twice is one
    if different < ADVISED:
        notes[0] = "; ".join(filter(None, [notes[0], _explain_price(pipeline.engine.card.references, different)]))
    return Enrolment(template[0], tuple(notes), pipeline.engine.id)


def _explain_price(references: CardReferences, count: int) -> str:
    """What fewer photographs than are advised cost, with this engine."""
    advised = f"{ADVISED} or more photographs"
    if references.missed is None:
        return f"{advised} give a steadier template"
    will_do = f"{pluralize(count, 'photograph')} will do with this engine, and {advised} are better"
    head = will_do if references.one_serves else f"{advised} are needed with this engine"
    few, enough = (f"with {_COUNTED[n]}, {references.missed[n - 1] * 100:.1f} %" for n in (count, ADVISED))
    return f"{head}: {few} of the photographs that show the person are missed; {enough}"


def find_main_face(seen: SeenPicture) -> int:
    """The index of the largest, most central, most certain face. `seen` has at least one.

    Certain: between two heads close together the detector may see a third, larger than both, with a lower score.
    """
    height, width = seen.decoded.pixels.shape[:2]
    boxes = seen.faces.boxes
    aside = boxes[:, :2] + boxes[:, 2:] / 2 - np.array([width / 2, height / 2], np.float32)
    central = 1 - np.hypot(aside[:, 0], aside[:, 1]) / np.hypot(width, height)
    return int(np.argmax(np.sqrt(boxes[:, 2:].prod(axis=1)) * central * seen.faces.scores))


def _read_reference(pipeline: Pipeline, picture: Path | bytes) -> ReferencePhoto | str:
    """The reference from a photograph, or why it is unusable."""
    try:
        seen = pipeline.see(picture, closely=False)
    except PictureError as error:
        return str(error)
    reason = find_unfit(seen)
    if reason:
        return reason
    chosen = find_main_face(seen)
    face = seen.faces.take(np.array([chosen]))
    vector = pipeline.engine.encoder.encode(seen.decoded.pixels, face, mirrored=True)[0]
    small = seen.faces.boxes[chosen, 2] < GOOD_WIDTH_PX
    return ReferencePhoto(vector, "the face is small: a closer photograph is better" if small else "")


def has_rival(seen: SeenPicture) -> bool:
    """Whether another face is so large beside the main one that it may be meant. There is at least one face."""
    chosen, widths = find_main_face(seen), seen.faces.boxes[:, 2]
    others = np.delete(widths, chosen)
    return bool(len(others) and others.max() >= SECOND_FACE * widths[chosen])


def find_unfit(seen: SeenPicture) -> str:
    """Why a photograph is no usable reference, "" if it is. Encodes nothing: needs no consent."""
    if not len(seen.faces):
        return "no face was found: take one from the front, in good light"
    if has_rival(seen):
        return "more than one face: cut it so that only the person to be enrolled is on it"
    chosen, widths = find_main_face(seen), seen.faces.boxes[:, 2]
    if widths[chosen] < MIN_WIDTH_PX:
        return f"the face is {int(widths[chosen])} px wide, it takes {MIN_WIDTH_PX}: use a closer photograph"
    return _find_unclear(seen, chosen)


def _find_unclear(seen: SeenPicture, chosen: int) -> str:
    left, top, width, height = seen.faces.boxes[chosen].round().astype(int)
    cut = seen.decoded.pixels[max(0, top) : top + height, max(0, left) : left + width]
    grey = cv2.cvtColor(cv2.resize(cut, (112, 112), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    if grey.mean() < DARK or grey.std() < FLAT:
        return "the face is too dark: take one in better light"
    if cv2.Laplacian(grey, cv2.CV_64F).var() < BLUR:
        return "the face is blurred: take one that is in focus"
    return ""


def _list_unlike(vectors: Floats, unlike: float) -> list[str]:
    """For every vector why it does not match the others, "" if it does."""
    if len(vectors) < 2:
        return [""] * len(vectors)
    rest = normalise((vectors.sum(axis=0, keepdims=True) - vectors) / (len(vectors) - 1))
    away = np.linalg.norm(vectors - rest, axis=1)
    return ["does not look like the person on the other photographs" if d >= unlike else "" for d in away]


def _refuse(reasons: list[str]) -> None:
    """Raises EnrolmentRefused if any photograph has a reason against it."""
    numbered = [f"photograph {i}: {reason}" for i, reason in enumerate(reasons, 1) if reason]
    if numbered:
        raise EnrolmentRefused(numbered)
