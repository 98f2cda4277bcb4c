"""One photograph from bytes to decisions, in this process: decode, detect, encode, compare, decide."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import cv2
import numpy as np

from plugin.config import MatchingSection, RecognizerSection
from plugin.config.detection_size import detection_px
from plugin.errors import FaceLeaseError
from plugin.recognizer.engines.engine import Detections, Engine, join_detections
from plugin.recognizer.engines.thresholds import Thresholds
from plugin.recognizer.examination.faces_in_previews import FurtherPictures
from plugin.recognizer.examination.finer_pass import SMALL, SURE_PX, PassStep, confirm_faces, find_faces, shrink
from plugin.recognizer.examination.finer_pass import doubtful_score as least
from plugin.recognizer.examination.messages import Examination, ExaminationRequest, FoundFace
from plugin.recognizer.matching.gallery import Gallery
from plugin.recognizer.matching.matching import (
    Candidate,
    DetectedFace,
    Level,
    MatchDecision,
    MatchRules,
    WhySuggested,
    decide_matches,
)
from plugin.recognizer.pictures.boxes import Box
from plugin.recognizer.pictures.decode import ENOUGH, Decoded, Limits, decode, read_picture
from plugin.recognizer.pictures.partial_reasons import Partly
from plugin.recognizer.pictures.pixels import Pixels


@dataclass(frozen=True)
class SeenPicture:
    """A decoded picture with its faces, in px of `decoded.pixels`.

    `width`: of the largest picture that was searched. `enlarged`: px of the original to a px of the given picture, 1 if
    that is the original; None if unknown. `partly`: why the examination is partial.
    """

    decoded: Decoded
    faces: Detections
    width: int
    enlarged: float | None = 1.0
    partly: tuple[Partly, ...] = ()

    @property
    def ratio(self) -> float:
        """Px as detected to a px of `decoded.pixels`."""
        return self.width / int(self.decoded.pixels.shape[1])

    def box(self, index: int) -> Box:
        """The box of a face in 0..1, clipped to the picture."""
        height, width = self.decoded.pixels.shape[:2]
        left, top, across, down = (float(v) for v in self.faces.boxes[index])
        x, right = _clip(left / width), _clip((left + across) / width)
        y, bottom = _clip(top / height), _clip((top + down) / height)
        return x, y, right - x, bottom - y

    def width_px(self, index: int) -> int:
        """The width of a face in the picture as detected."""
        return int(self.faces.boxes[index, 2] * self.ratio)

    def file_px(self, index: int) -> int | None:
        """The width of a face in the original; None if its size is unknown."""
        if self.enlarged is None:
            return None
        return round(float(self.faces.boxes[index, 2]) / self.decoded.scale * self.enlarged)

    @property
    def original(self) -> tuple[int, int]:
        """Width and height of the original; of the given picture if unknown."""
        given = self.decoded.width, self.decoded.height
        return round(given[0] * (self.enlarged or 1)), round(given[1] * (self.enlarged or 1))


class Pipeline:
    """An engine and its settings. Keeps nothing of a photograph."""

    def __init__(
        self, engine: Engine, recognizer: RecognizerSection, matching: MatchingSection, recognisable_px: int = 64
    ) -> None:
        self.engine = engine
        self._recognisable_px = recognisable_px
        self._matching = matching
        self._detect_px, self._score = recognizer.detect_px, recognizer.score
        self._coarse_px = min(recognizer.detect_px, engine.detector.largest_px or recognizer.detect_px)
        self._limits = Limits(recognizer.max_megapixels, recognizer.max_megabytes)
        cv2.setNumThreads(1)

    def see(self, source: Path | bytes, original_px: int | None = None, closely: bool = True) -> SeenPicture:
        """The picture and its faces; `original_px` as in `ExaminationRequest`. Raises PictureError.

        `closely` False: without the finer pass, as for references.
        """
        if closely:
            try:
                return self._see_picture(source, original_px, closely)
            except Exception as error:
                if not _is_out_of_memory(error):
                    raise
        return self._see_picture(source, original_px, closely=False)

    def _see_picture(self, source: Path | bytes, original_px: int | None, closely: bool) -> SeenPicture:
        def finest(longest: int) -> int:
            return min(longest, self._look_px(max(longest, original_px or 0)) if closely else self._coarse_px)

        decoded = decode(source, lambda longest: self._decode_px(finest(longest)), self._limits)
        longest = max(decoded.width, decoded.height)
        original = max(longest, original_px or 0)
        needed, side = self._look_px(original), finest(longest)
        doubtful = closely and self._look_px(original, SURE_PX) > self._coarse_px
        faces, width = self._find_faces(decoded.pixels, side, doubtful)
        partly = [Partly.NOT_CLOSE] if side < min(longest, needed) else []
        partly += [Partly.SMALL_PREVIEW] if longest < min(original, needed) else []
        partly += [Partly.UNKNOWN_SIZE] if original_px == 0 else []
        enlarged = None if original_px == 0 else original / longest
        return SeenPicture(decoded, faces, width, enlarged, tuple(partly))

    def _look_px(self, longest: int, found_px: int = 0) -> int:
        """The longest side, in px, at which an original of `longest` px must be searched."""
        return detection_px(longest, self._recognisable_px, max(found_px, self.engine.detector.found_px))

    def _decode_px(self, side: int) -> int:
        """The size to decode so that `side` px of longest side are there in full."""
        return self._detect_px if side <= self._coarse_px else math.ceil(side / ENOUGH)

    def _find_faces(self, pixels: Pixels, side: int, doubtful: bool) -> tuple[Detections, int]:
        """The faces up to `side` px of longest side, in px of `pixels`, and the width of the largest picture searched.

        The faces up to a longest side of `side` px, in px of `pixels`, and the width of the largest picture searched.
        `doubtful`: faces that count may be so small in it that they need a second look.
        """
        longest, width = max(pixels.shape[:2]), pixels.shape[1]
        if side > self._coarse_px:
            found = find_faces(self.engine.detector, pixels, self._coarse_px, side, self._score)
            return found, min(width, round(width * side / longest))
        found = self._find_coarse_faces(pixels, least(pixels) if doubtful else 1.0)
        if doubtful:
            step = PassStep(found, np.zeros(len(found), np.bool_), min(1.0, self._coarse_px / longest))
            found = confirm_faces(self.engine.detector, pixels, [step], self._score)
        return found, min(width, round(width * self._detect_px / longest))

    def _find_coarse_faces(self, pixels: Pixels, least: float) -> Detections:
        """The faces of one detection, in px of `pixels`."""
        looked_at, detector = shrink(pixels, self._detect_px), self.engine.detector
        faces = detector.detect(looked_at, least)
        if not np.any(faces.scores >= self._score) and max(looked_at.shape[:2]) > SMALL:
            # A face that fills the frame may be larger than the detector's largest anchor
            smaller = shrink(looked_at, SMALL)
            large = detector.detect(smaller).scaled(looked_at.shape[1] / smaller.shape[1])
            faces = join_detections([large, faces])
        return faces.scaled(pixels.shape[1] / looked_at.shape[1])

    def examine(self, source: Path | bytes, request: ExaminationRequest, gallery: Gallery) -> Examination:
        """Boxes, and decisions if requested. Raises PictureError.

        Encodes nothing unless the request says compare and a live entry may be matched.
        """
        data = read_picture(source, self._limits)
        seen = self.see(data, request.original_px)
        partly = self._explain_partly(seen, data)
        wanted = None if isinstance(request.levels, str) else request.levels
        live = gallery.live(request.at, wanted) if request.compare else []
        large = [i for i in range(len(seen.faces)) if seen.width_px(i) >= self._matching.encode_px]
        found = [_build_face(seen, i) for i in range(len(seen.faces))]
        if live and large:
            for index, face in zip(large, self._decide(seen, large, request, gallery, live), strict=True):
                found[index] = face
        about = *seen.original, seen.width, not partly, " ".join(partly)
        return Examination(*about, tuple(found), len(large) if live else 0, bool(live), self.engine.id)

    def _explain_partly(self, seen: SeenPicture, data: bytes) -> list[Partly]:
        """Why the examination is partial, including further pictures, which are searched as closely."""

        def faces(pixels: Pixels) -> Detections:
            return self._find_faces(pixels, max(pixels.shape[:2]), doubtful=False)[0]

        def closely(longest: int) -> int:
            return self._decode_px(min(longest, self._look_px(longest)))

        search = FurtherPictures(seen.decoded, seen.faces, faces, closely, self._limits)
        return sorted(search.codes(data) | set(seen.partly))

    def _decide(
        self, seen: SeenPicture, large: list[int], request: ExaminationRequest, gallery: Gallery, live: list[int]
    ) -> list[FoundFace]:
        """The faces `large`, compared with the entries `live`; the vectors are dropped afterwards."""
        faces = seen.faces.take(np.array(large))
        distances = gallery.distances(self.engine.encoder.encode(seen.decoded.pixels, faces), live)
        limits = self.engine.find_gallery_thresholds(self._matching, gallery.templates(live))
        rules = MatchRules(limits, self._matching.margin, self._matching.auto_px)
        candidates = [_build_candidate(gallery, i, request) for i in live]
        given = [DetectedFace(seen.box(i), seen.width_px(i)) for i in large]
        decisions = decide_matches(given, candidates, distances, rules)
        return [
            _add_decision(_build_face(seen, i), decision, candidates, limits, rules.margin)
            for i, decision in zip(large, decisions, strict=True)
        ]


def _build_face(seen: SeenPicture, index: int) -> FoundFace:
    score = round(float(seen.faces.scores[index]), 3)
    return FoundFace(seen.box(index), seen.width_px(index), seen.file_px(index), score)


def _is_out_of_memory(error: Exception) -> bool:
    """OpenCV and onnxruntime have no error type for it, only the message."""
    return isinstance(error, MemoryError) or (not isinstance(error, FaceLeaseError) and "alloc" in str(error).lower())


def _clip(value: float) -> float:
    return min(1.0, max(0.0, value))


def _build_candidate(gallery: Gallery, index: int, request: ExaminationRequest) -> Candidate:
    key = gallery.keys[index]
    asked = request.levels if isinstance(request.levels, str) else request.levels[key]
    if asked not in get_args(Level):
        raise ValueError(f"{asked!r} is no level: auto or suggest")
    held = (
        (asked == "auto", WhySuggested.ASKED),
        (gallery.may_auto[index], WhySuggested.LOOK_ALIKE),
        (key not in request.capped, WhySuggested.TAKEN_OFF),
    )
    why = tuple(one for good, one in held if not good)
    rejected = tuple(box for box, rejected in request.rejected if rejected == key)
    return Candidate(key, "suggest" if why else "auto", rejected, why)


def _add_decision(
    face: FoundFace, decision: MatchDecision, candidates: list[Candidate], limits: Thresholds, margin: float
) -> FoundFace:
    """What leaves the process: a distance for suggestions only, rounded."""
    if decision.candidate is None or decision.distance is None:
        return face
    key = candidates[decision.candidate].key
    if decision.level == "auto":
        return replace(face, key=key, level="auto")
    told = {"auto": round(limits.auto, 3), "suggest": round(limits.suggest, 3), "margin": margin}
    told |= {"enrolled": len(candidates), "lowered": round(limits.lowered, 3)}
    distance = round(decision.distance, 2)
    return replace(face, key=key, level=decision.level, distance=distance, thresholds=told, why=decision.why)
