"""A rate with its 95 % interval: Wilson's score interval (Wilson 1927, JASA 22:209), sound near 0 and 1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z = 1.959964


@dataclass(frozen=True)
class Rate:
    """`value` of the sample, and the interval from `low` to `high`; all NaN-free, in 0..1."""

    value: float
    low: float
    high: float

    def to_json(self, places: int = 4) -> dict[str, float]:
        """Each rounded to so many places."""
        return {"value": round(self.value, places), "low": round(self.low, places), "high": round(self.high, places)}


def compute_rate(count: float, of: float) -> Rate:
    """The share `count` / `of`. Nothing measured is 0 with the interval 0..1."""
    if of == 0:
        return Rate(0.0, 0.0, 1.0)
    share = count / of
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return Rate(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def find_design_effect(counts: Sequence[float], sizes: Sequence[float]) -> float:
    """How many times as uncertain a rate is as the same of independent trials; at least 1.

    `counts` of `sizes` trials fell to each cluster: the photographs of one person are alike, and one person may draw
    most of the strangers. The rate says as much as one of `sum(sizes) / effect` trials (Korn & Graubard 1998, Survey
    Methodology 24:193).
    """
    hits, trials, clusters = sum(counts), sum(sizes), len(counts)
    if not 0 < hits < trials or clusters < 2:
        return 1.0
    share = hits / trials
    spread = sum((count - share * size) ** 2 for count, size in zip(counts, sizes, strict=True))
    return max(1.0, clusters / (clusters - 1) * spread / (trials * share * (1 - share)))
