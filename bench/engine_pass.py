"""One process, one thread, one way of examining photographs; prints the seconds for each as JSON.

`python -m bench.engine_pass ours CACHE FILE …` or `… documented CACHE FILE …`, where documented is
face_recognition as its README uses it.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

_ENROLLED = 30


FaceCount = tuple[int, bool]
"""How many faces were encoded, and whether the finer pass ran."""


def prepare_ours(cache: Path) -> Callable[[Path], FaceCount]:
    """Decode, detect, encode and compare with 30 enrolled, in this process."""
    from plugin.config import Config, MatchingSection, RecognizerSection
    from plugin.config.detection_size import detection_px
    from plugin.recognizer.engines.engine import normalise
    from plugin.recognizer.engines.registry import open_engine
    from plugin.recognizer.examination.examination import Pipeline
    from plugin.recognizer.examination.messages import ExaminationRequest
    from plugin.recognizer.matching.gallery import Enrolled, Gallery

    config = RecognizerSection()
    pipeline = Pipeline(open_engine(config, cache), config, MatchingSection())
    templates = normalise(np.random.default_rng(1).normal(size=(_ENROLLED, 128)).astype(np.float32))
    until = datetime(9000, 1, 1, tzinfo=UTC)
    entries = [Enrolled(str(i), template, until, may_auto=True) for i, template in enumerate(templates)]
    gallery = Gallery(entries, pipeline.engine.card.distances.look_alike)
    request = ExaminationRequest(datetime(2026, 1, 1, tzinfo=UTC), compare=True)

    def examine(file: Path) -> FaceCount:
        told = pipeline.examine(file, request, gallery)
        longest = max(told.width, told.height)
        return told.encoded, detection_px(longest, Config().clearance.recognisable_px) > config.detect_px

    return examine


def prepare_documented(cache: Path) -> Callable[[Path], FaceCount]:
    """load_image_file, face_locations, face_encodings, as in face_recognition's README."""
    import face_recognition

    def examine(file: Path) -> FaceCount:
        picture = face_recognition.load_image_file(str(file))
        places = face_recognition.face_locations(picture)
        return len(face_recognition.face_encodings(picture, places)), False

    return examine


def main(arguments: list[str]) -> None:
    """Examine one file to warm up, then measure all."""
    which, cache, *files = arguments
    examine = {"ours": prepare_ours, "documented": prepare_documented}[which](Path(cache))
    repeats = 3 if which == "ours" else 1  # the slow one takes seconds: its spread is small beside that
    examine(Path(files[0]))
    result = []
    for file in map(Path, files):
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            faces, finer = examine(file)
            seconds.append(time.perf_counter() - start)
        result.append([sorted(seconds)[len(seconds) // 2], faces, finer])
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
