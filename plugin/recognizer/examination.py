"""One photograph from bytes to decisions, in this process: decode, detect, encode, compare, decide."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import cv2
import numpy as np

from plugin.config import Matching, Recognizer
from plugin.config.looking import look_px
from plugin.errors import PictureTooLarge
from plugin.recognizer.boxes import Box
from plugin.recognizer.decode import Decoded, Limits, Pixels, decode, read
from plugin.recognizer.engine import Detections, Engine
from plugin.recognizer.further_pictures import Search
from plugin.recognizer.gallery import Gallery
from plugin.recognizer.matching import Candidate, Decision, Face, Level, Rules, decide
from plugin.recognizer.messages import Examination, FoundFace, Request
from plugin.recognizer.thresholds import Thresholds, thresholds

_SMALL = 320  # px: the second look, where the first found nobody


@dataclass(frozen=True)
class Seen:
    """A decoded picture with its faces, in px of `decoded.pixels`; `width`: of the picture as detected."""

    decoded: Decoded
    faces: Detections
    width: int

    @property
    def ratio(self) -> float:
        """Px as detected to a px of `decoded.pixels`."""
        return self.width / int(self.decoded.pixels.shape[1])

    def box(self, index: int) -> Box:
        """The box of a face in 0..1, cut off at the edges of the picture."""
        height, width = self.decoded.pixels.shape[:2]
        left, top, across, down = (float(v) for v in self.faces.boxes[index])
        x, right = _inside(left / width), _inside((left + across) / width)
        y, bottom = _inside(top / height), _inside((top + down) / height)
        return x, y, right - x, bottom - y

    def width_px(self, index: int) -> int:
        """The width of a face in the picture as detected."""
        return int(self.faces.boxes[index, 2] * self.ratio)

    def file_px(self, index: int) -> int:
        """The width of a face in the file."""
        return round(float(self.faces.boxes[index, 2]) / self.decoded.scale)


class Pipeline:
    """An engine and its settings. Keeps nothing of a photograph."""

    def __init__(
        self, engine: Engine, recognizer: Recognizer, matching: Matching, recognisable_px: int = 64
    ) -> None:
        self.engine = engine
        self._recognisable_px = recognisable_px
        self._matching = matching
        self._detect_px = recognizer.detect_px
        self._limits = Limits(recognizer.max_megapixels, recognizer.max_megabytes)
        cv2.setNumThreads(1)

    def see(self, source: Path | bytes) -> Seen:
        """The picture and every face on it. Raises PictureError."""
        decoded = decode(source, self._detect_px, self._limits)
        looked_at = shrunk(decoded.pixels, self._detect_px)
        return Seen(decoded, self._look(decoded.pixels), looked_at.shape[1])

    def _look(self, picture: Pixels) -> Detections:
        """The faces that one detection finds, in px of `picture`."""
        looked_at = shrunk(picture, self._detect_px)
        faces = self.engine.detector.detect(looked_at)
        if not len(faces) and max(looked_at.shape[:2]) > _SMALL:
            # A face that fills the frame may be larger than the detector's largest anchor
            smaller = shrunk(looked_at, _SMALL)
            faces = self.engine.detector.detect(smaller).scaled(looked_at.shape[1] / smaller.shape[1])
        return faces.scaled(picture.shape[1] / looked_at.shape[1])

    def examine(self, source: Path | bytes, request: Request, gallery: Gallery) -> Examination:
        """Boxes, and where the request allows decisions. Raises PictureError.

        No encoding is computed unless the request says compare and a live entry may be matched.
        """
        data = read(source, self._limits)
        seen = self.see(data)
        partly = sorted(self._further(seen).codes(data))
        wanted = None if isinstance(request.levels, str) else request.levels
        live = gallery.live(request.at, wanted) if request.compare else []
        large = [i for i in range(len(seen.faces)) if seen.width_px(i) >= self._matching.encode_px]
        found = [_found(seen, i) for i in range(len(seen.faces))]
        if live and large:
            for index, face in zip(large, self._named(seen, large, request, gallery, live), strict=True):
                found[index] = face
        return Examination(
            seen.decoded.width, seen.decoded.height, seen.width, not partly, " ".join(partly),
            tuple(found), len(large) if live else 0, bool(live), self.engine.id,
        )  # fmt: skip

    def _further(self, seen: Seen) -> Search:
        """What looks for further pictures, each as closely as a photograph of its size."""

        def closely(longest: int) -> int:
            if look_px(longest, self._recognisable_px) > self._detect_px:
                raise PictureTooLarge("too large to be looked at closely enough")
            return self._detect_px

        return Search(seen.decoded, seen.faces, self._look, closely, self._limits)

    def _named(
        self, seen: Seen, large: list[int], request: Request, gallery: Gallery, live: list[int]
    ) -> list[FoundFace]:
        """The faces `large`, compared with the entries `live`; the vectors end with this call."""
        faces = seen.faces.take(np.array(large))
        distances = gallery.distances(self.engine.encoder.encode(seen.decoded.pixels, faces), live)
        limits = thresholds(
            self.engine.calibration, len(live), self._matching.fpir_auto, self._matching.fpir_suggest
        )
        rules = Rules(limits, self._matching.margin, self._matching.auto_px)
        candidates = [_candidate(gallery, i, request) for i in live]
        given = [Face(seen.box(i), seen.width_px(i)) for i in large]
        decisions = decide(given, candidates, distances, rules)
        return [
            _told(_found(seen, i), decision, candidates, limits, rules.margin)
            for i, decision in zip(large, decisions, strict=True)
        ]


def shrunk(picture: Pixels, longest: int) -> Pixels:
    """The picture with its longest side at most `longest` px; never enlarged."""
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Down to half a bilinear look is as good, and several times as quick; beyond it would skip pixels.
    how = cv2.INTER_LINEAR if scale >= 0.5 else cv2.INTER_AREA
    return cv2.resize(picture, size, interpolation=how)  # type: ignore[return-value]


def _found(seen: Seen, index: int) -> FoundFace:
    return FoundFace(seen.box(index), seen.width_px(index), seen.file_px(index), _score(seen, index))


def _inside(value: float) -> float:
    return min(1.0, max(0.0, value))


def _score(seen: Seen, index: int) -> float:
    return round(float(seen.faces.scores[index]), 3)


def _candidate(gallery: Gallery, index: int, request: Request) -> Candidate:
    key = gallery.keys[index]
    asked = request.levels if isinstance(request.levels, str) else request.levels[key]
    if asked not in get_args(Level):
        raise ValueError(f"{asked!r} is no level: auto or suggest")
    automatic = asked == "auto" and gallery.may_auto[index] and key not in request.capped
    rejected = tuple(box for box, rejected in request.rejected if rejected == key)
    return Candidate(key, "auto" if automatic else "suggest", rejected)


def _told(
    face: FoundFace, decision: Decision, candidates: list[Candidate], limits: Thresholds, margin: float
) -> FoundFace:
    """What leaves the process: a distance only for suggestions, and then rounded."""
    if decision.candidate is None or decision.distance is None:
        return face
    key = candidates[decision.candidate].key
    if decision.level == "auto":
        return replace(face, key=key, level="auto")
    told = {"auto": round(limits.auto, 3), "suggest": round(limits.suggest, 3), "margin": margin}
    told |= {"enrolled": len(candidates)}
    return replace(face, key=key, level=decision.level, distance=round(decision.distance, 2), thresholds=told)
