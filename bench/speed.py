"""How many times as fast as face_recognition used as documented: same photographs, same run."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.figures import Figure, Workshop
from plugin.config import RecognizerSection

_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def run(workshop: Workshop) -> Iterator[Figure]:
    """speedup_1400 and speedup_12mp: seconds of the documented way / seconds of ours."""
    sizes = {"1400": workshop.resized(side=1400), "12mp": workshop.resized(megapixels=12)}
    for name, files in sizes.items():
        ours, our_faces, finer = _measure("ours", workshop.cache, files)
        theirs, their_faces, _ = _measure("documented", workshop.cache, files)
        remarks = (
            f"{theirs * 1000:.0f} ms against {ours * 1000:.0f} ms a photograph, {len(files)} photographs, "
            f"{their_faces} and {our_faces} faces encoded, finer pass {finer} of {len(files)}, "
            f"detect {RecognizerSection().detect_px} px, one thread each"
        )
        yield Figure(f"speedup_{name}", round(theirs / ours, 1), remarks=remarks)


def _measure(which: str, cache: Path, files: Sequence[Path]) -> tuple[float, int, int]:
    """Mean seconds a photograph, faces in all, and how often the finer pass ran, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.engine_pass", which, str(cache), *map(str, files)]
    done = subprocess.run(command, env={**os.environ, **_ONE_THREAD}, stdout=subprocess.PIPE, check=True)
    rows = json.loads(done.stdout)
    seconds, faces, finer = zip(*rows, strict=True)
    return sum(seconds) / len(rows), sum(faces), sum(finer)
