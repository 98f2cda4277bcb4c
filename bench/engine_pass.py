"""One process, one thread, one way of examining photographs; prints the seconds for each as JSON.

`python -m bench.engine_pass WAY CACHE FILE …`. WAY: the name of an engine, or `documented`, which is face_recognition
as its README uses it.
"""

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

_ENROLLED = 30
_REPEATS = 5  # of ours; the documented way takes seconds, its spread is small beside that


FaceCount = tuple[int, bool]
"""How many faces were encoded, and whether the finer pass ran."""


@dataclass
class Stopwatch:
    """Seconds of processor time in named functions."""

    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def watch(self, owner: object, name: str) -> None:
        """Have every call of this function of `owner` counted."""
        function = getattr(owner, name)

        def timed(*given: Any, **named: Any) -> Any:
            start = time.process_time()
            try:
                return function(*given, **named)
            finally:
                self.spent[name] += time.process_time() - start

        setattr(owner, name, timed)


def prepare_ours(name: str, cache: Path, stopwatch: Stopwatch) -> Callable[[Path], FaceCount]:
    """Decode, detect, encode and compare with 30 enrolled, in this process."""
    from plugin.config import Config, MatchingSection, RecognizerSection
    from plugin.config.detection_size import detection_px
    from plugin.recognizer.engines.engine import normalise
    from plugin.recognizer.engines.registry import open_engine
    from plugin.recognizer.examination import examination
    from plugin.recognizer.examination.messages import ExaminationRequest
    from plugin.recognizer.matching.gallery import Enrolled, Gallery

    config = RecognizerSection(engine=name, files=os.environ.get("FACELEASE_ENGINE_FILES", ".cache/engines"))
    engine = open_engine(config, cache)
    for owner, function in ((examination, "decode"), (engine.detector, "detect"), (engine.encoder, "encode")):
        stopwatch.watch(owner, function)
    pipeline = examination.Pipeline(engine, config, MatchingSection())
    vectors = np.random.default_rng(1).normal(size=(_ENROLLED, engine.card.vector))
    until = datetime(9000, 1, 1, tzinfo=UTC)
    templates = normalise(vectors.astype(np.float32))
    entries = [Enrolled(str(i), template, until, may_auto=True) for i, template in enumerate(templates)]
    gallery = Gallery(entries, engine.card.distances.look_alike)
    request = ExaminationRequest(datetime(2026, 1, 1, tzinfo=UTC), compare=True)

    def examine(file: Path) -> FaceCount:
        told = pipeline.examine(file, request, gallery)
        longest = max(told.width, told.height)
        return told.encoded, detection_px(longest, Config().clearance.recognisable_px) > config.detect_px

    return examine


def prepare_documented() -> Callable[[Path], FaceCount]:
    """load_image_file, face_locations, face_encodings, as in face_recognition's README."""
    import face_recognition

    def examine(file: Path) -> FaceCount:
        picture = face_recognition.load_image_file(str(file))
        places = face_recognition.face_locations(picture)
        return len(face_recognition.face_encodings(picture, places)), False

    return examine


def measure(examine: Callable[[Path], FaceCount], file: Path, stopwatch: Stopwatch) -> dict[str, Any]:
    """Seconds by the clock and of processor time, those of each stage, faces, and whether the finer pass ran."""
    stopwatch.spent.clear()
    clock, processor = time.perf_counter(), time.process_time()
    faces, finer = examine(file)
    seconds = {"clock": time.perf_counter() - clock, "processor": time.process_time() - processor}
    return {**seconds, "stages": dict(stopwatch.spent), "faces": faces, "finer": finer}


def main(arguments: list[str]) -> None:
    """Examine one file to warm up, then measure all; of several times the one in the middle."""
    way, cache, *files = arguments
    stopwatch = Stopwatch()
    documented = way == "documented"
    examine = prepare_documented() if documented else prepare_ours(way, Path(cache), stopwatch)
    examine(Path(files[0]))
    result = []
    for file in map(Path, files):
        rows = [measure(examine, file, stopwatch) for _ in range(1 if documented else _REPEATS)]
        result.append(sorted(rows, key=lambda row: float(row["processor"]))[len(rows) // 2])
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
