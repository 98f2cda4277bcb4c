"""The detection error trade-off: at each threshold, whom an engine misses against whom it names wrongly."""

import numpy as np
from numpy.typing import NDArray

from plugin.recognizer.engines.engine import Floats
from plugin.recognizer.evaluation.identification import Identification
from plugin.recognizer.matching.matching import Level

_POINTS = 60


def trace_curve(found: Identification, level: Level) -> list[tuple[float, float]]:
    """(FPIR, FNIR) from the strictest threshold on, at most `_POINTS`, evenly on a logarithmic scale of FPIR."""
    strangers = np.sort(_find_distances(found.strangers.distance, found.strangers.may_auto, level))
    own = _find_distances(found.probes.distance, found.probes.may_auto, level)
    own = np.sort(np.where(found.right, own, np.inf))
    n, probes = len(strangers), len(own)
    if not n or not probes:
        return []
    ranks = np.unique(np.concatenate([[0], np.geomspace(1, n, _POINTS).astype(int) - 1, [n - 1]]))
    curve = []
    for limit in strangers[ranks][np.isfinite(strangers[ranks])]:  # those below the limit are named
        named, kept = np.searchsorted(strangers, limit), np.searchsorted(own, limit)
        curve.append((round(float(named / n), 6), round(1 - float(kept / probes), 6)))
    return list(dict.fromkeys(curve))


def _find_distances(distances: Floats, may_auto: NDArray[np.bool_], level: Level) -> Floats:
    return distances if level == "suggest" else np.where(may_auto, distances, np.float32(np.inf))
