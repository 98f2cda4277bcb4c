"""Memory of a worker while it examines photographs of 24 megapixels."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.figures import Figure, Workshop
from plugin.config import MatchingSection, RecognizerSection
from plugin.recognizer.engines.engine import normalise
from plugin.recognizer.examination.messages import ExaminationRequest
from plugin.recognizer.matching.gallery import Enrolled
from plugin.recognizer.process.examiner import Examiner


def run(workshop: Workshop) -> Iterator[Figure]:
    """worker_rss_mb_24mp: the peak of the child's resident memory, from its start."""
    config = RecognizerSection(cache=str(workshop.cache))
    template = normalise(np.ones((1, 128), np.float32))[0]
    entry = Enrolled("one", template, datetime(9000, 1, 1, tzinfo=UTC), may_auto=True)
    request = ExaminationRequest(datetime(2026, 1, 1, tzinfo=UTC), compare=True, generation=1)
    files = workshop.resized(megapixels=24)
    with Examiner(config, MatchingSection()) as examiner:
        examiner.load_gallery([entry], 1)
        faces = sum(examiner.examine(file, request).encoded for _ in range(2) for file in files)
        peak = _read_peak_mb(examiner.workers[0].pid)
    remarks = f"{len(files)} photographs twice, {faces} faces encoded, detect {config.detect_px} px"
    yield Figure("worker_rss_mb_24mp", peak, remarks=remarks)


def _read_peak_mb(pid: int | None) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024
