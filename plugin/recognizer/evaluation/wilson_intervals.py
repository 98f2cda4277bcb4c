"""A rate with its 95 % interval: Wilson's score interval (Wilson 1927, JASA 22:209), sound near 0 and 1."""

import math
from dataclasses import dataclass

_Z = 1.959964


@dataclass(frozen=True)
class Rate:
    """`value` of the sample, and the interval from `low` to `high`; all NaN-free, in 0..1."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Four places each."""
        return {"value": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


def compute_rate(count: int, of: int) -> Rate:
    """The share `count` / `of`. Nothing measured is 0 with the interval 0..1."""
    if of == 0:
        return Rate(0.0, 0.0, 1.0)
    share = count / of
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return Rate(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))
