"""How many times as fast as face_recognition used as documented: same photographs, same run, for each engine."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.figures import Figure, Workshop
from plugin.config import RecognizerSection
from plugin.recognizer.engines import registry

_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_ENGINES = {"retinaface-dlib": "", "retail-0095": "_retail-0095"}
"""The engines, and what their figures' names end with."""

Rows = list[dict[str, Any]]
"""A row a photograph, as `engine_pass.measure` gives it."""


def run(workshop: Workshop) -> Iterator[Figure]:
    """speedup_1400 and speedup_12mp: processor time of the documented way / of ours."""
    sizes = {"1400": workshop.resized(side=1400), "12mp": workshop.resized(megapixels=12)}
    for size, files in sizes.items():
        theirs = _measure("documented", workshop.cache, files)
        for engine, ending in _ENGINES.items():
            missing = _find_missing(engine)
            if missing:
                yield Figure(f"speedup_{size}{ending}", None, remarks=missing)
                continue
            ours = _measure(engine, workshop.cache, files)
            ratio = _mean(theirs, "processor") / _mean(ours, "processor")
            yield Figure(f"speedup_{size}{ending}", round(ratio, 1), remarks=_describe(theirs, ours))


def _find_missing(engine: str) -> str:
    """Why an engine cannot be measured here; "" if it can."""
    config = RecognizerSection(engine=engine, files=os.environ.get("FACELEASE_ENGINE_FILES", ".cache/engines"))
    here = registry.is_installed(registry.find_card(config), registry.find_folder(config))
    return "" if here else f"no files of {engine}: FACELEASE_ENGINE_FILES names their folder"


def _describe(theirs: Rows, ours: Rows) -> str:
    faces = sum(row["faces"] for row in ours)
    stages = {name: sum(row["stages"][name] for row in ours) * 1000 for name in ("decode", "detect", "encode")}
    rest = _mean(ours, "processor") * 1000 - sum(stages.values()) / len(ours)
    return (
        f"{_mean(theirs, 'processor') * 1000:.0f} ms against {_mean(ours, 'processor') * 1000:.1f} ms a photograph: "
        f"decode {stages['decode'] / len(ours):.1f}, detect {stages['detect'] / len(ours):.1f}, "
        f"encode {stages['encode'] / len(ours):.1f} ({stages['encode'] / max(1, faces):.1f} a face), rest {rest:.1f}; "
        f"{len(ours)} photographs, {sum(row['faces'] for row in theirs)} and {faces} faces encoded, "
        f"finer pass {sum(row['finer'] for row in ours)} of {len(ours)}, detect {RecognizerSection().detect_px} px, "
        "one thread each, processor time"
    )


def _mean(rows: Rows, name: str) -> float:
    return float(sum(row[name] for row in rows)) / len(rows)


def _measure(way: str, cache: Path, files: Sequence[Path]) -> Rows:
    """In a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.engine_pass", way, str(cache), *map(str, files)]
    done = subprocess.run(command, env={**os.environ, **_ONE_THREAD}, stdout=subprocess.PIPE, check=True)
    rows: Rows = json.loads(done.stdout)
    return rows
