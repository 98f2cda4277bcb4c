"""Distance thresholds from the number of enrolled people and the accepted rate of false names.

A stranger compared with N people is named wrongly if any of N distances is below the threshold: FPIR = 1 - (1 - FMR)^N
(ISO/IEC 19795-1, open-set identification, independent comparisons). Real comparisons are not independent, which lowers
the true rate: the error is on the safe side.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Distances (0..2 between L2-normalised vectors): below `auto` apply, below `suggest` suggest."""

    auto: float
    suggest: float


@dataclass(frozen=True)
class Calibration:
    """The measured share of stranger-to-template comparisons below a distance (FMR).

    `points`: (distance, FMR), both rising. `auto_ceiling`, `suggest_ceiling`: upper bounds, however few are enrolled,
    since the sample is not everybody (false matches are far more frequent in some groups). `floor`: nothing was
    measured below it. `source`: the sample.
    """

    points: tuple[tuple[float, float], ...]
    auto_ceiling: float
    suggest_ceiling: float
    floor: float
    source: str

    def distance(self, fmr: float) -> float:
        """The distance at which strangers match a template at the rate `fmr`; log-linear between points."""
        wanted = math.log(max(fmr, 1e-12))
        rates = [math.log(rate) for _, rate in self.points]
        distances = [distance for distance, _ in self.points]
        if wanted >= rates[-1]:
            return distances[-1]
        above = next(i for i, rate in enumerate(rates) if rate > wanted)
        low, high = max(above - 1, 0), max(above, 1)
        slope = (distances[high] - distances[low]) / (rates[high] - rates[low])
        return max(self.floor, distances[low] + (wanted - rates[low]) * slope)


def compute_thresholds(calibration: Calibration, enrolled: int, fpir_auto: float, fpir_suggest: float) -> Thresholds:
    """The thresholds for these rates of false names with `enrolled` people compared.

    Never rises with `enrolled`; `auto` is never above `suggest`.
    """
    auto = min(calibration.distance(_single_fmr(fpir_auto, enrolled)), calibration.auto_ceiling)
    suggest = min(calibration.distance(_single_fmr(fpir_suggest, enrolled)), calibration.suggest_ceiling)
    return Thresholds(min(auto, suggest), suggest)


def _single_fmr(fpir: float, enrolled: int) -> float:
    """The FMR of one comparison that gives `fpir` over `enrolled` of them."""
    return -math.expm1(math.log1p(-fpir) / max(enrolled, 1))
