"""Distance thresholds from the number of enrolled people and the accepted rate of false names.

A stranger compared with N people is named wrongly if any of N distances is below the threshold: FPIR = 1 - (1 - FMR)^N
(ISO/IEC 19795-1, open-set identification, independent comparisons). Real comparisons are not independent, which lowers
the true rate: the error is on the safe side.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Thresholds:
    """Distances (0..2 between L2-normalised vectors): below `auto` apply, below `suggest` suggest.

    `lowered`: a distance taken off what the rates ask for, because the gallery is dense; a ceiling may be lower still.
    """

    auto: float
    suggest: float
    lowered: float = 0.0


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold in force, and what it does by the calibration.

    `configured`: the FPIR that was asked for; `expected`: that of `distance` with this many enrolled, lower where a
    ceiling decides. `extrapolated`: the distance lies below all that was measured.
    """

    distance: float
    configured: float
    expected: float
    extrapolated: bool


@dataclass(frozen=True)
class Calibration:
    """The measured share of stranger-to-template comparisons below a distance (FMR).

    `points`: (distance, FMR), both rising; log-linear between them. Below the first, down to `floor`, the rate is
    extrapolated: a straight line in log FMR through the first point and the first that has ten times its rate.
    `auto_ceiling`, `suggest_ceiling`: upper bounds, however few are enrolled, since the sample is not everybody (false
    matches are far more frequent in some groups); 0: never. `source`: the sample.
    """

    points: tuple[tuple[float, float], ...]
    auto_ceiling: float
    suggest_ceiling: float
    floor: float
    source: str

    @cached_property
    def _curve(self) -> tuple[list[float], list[float]]:
        """Distances, and logarithms of FMR, from the floor on."""
        distances = [distance for distance, _ in self.points]
        rates = [math.log(rate) for _, rate in self.points]
        decade = next((i for i, rate in enumerate(rates) if rate >= rates[0] + math.log(9.99)), len(rates) - 1)
        slope = (rates[decade] - rates[0]) / (distances[decade] - distances[0])
        if self.floor < distances[0]:
            rates.insert(0, rates[0] - (distances[0] - self.floor) * slope)
            distances.insert(0, self.floor)
        return distances, rates

    def distance(self, fmr: float) -> float:
        """The distance at which strangers match a template at the rate `fmr`, between the floor and the last point."""
        distances, rates = self._curve
        return _interpolate(math.log(max(fmr, 1e-300)), rates, distances)

    def fmr(self, distance: float) -> float:
        """The rate at which strangers match a template at this distance; at most that of the last point."""
        distances, rates = self._curve
        return math.exp(_interpolate(distance, distances, rates))


def compute_thresholds(
    calibration: Calibration, enrolled: int, fpir_auto: float, fpir_suggest: float, lowered: float = 0.0
) -> Thresholds:
    """The thresholds for these rates of false names with `enrolled` people compared.

    Never rises with `enrolled`; `auto` is never above `suggest`. `lowered` is taken off what the rates ask for, not off
    the ceilings, which are there for the same reason.
    """
    auto = min(calibration.distance(compute_single_fmr(fpir_auto, enrolled)) - lowered, calibration.auto_ceiling)
    suggest = min(
        calibration.distance(compute_single_fmr(fpir_suggest, enrolled)) - lowered, calibration.suggest_ceiling
    )
    return Thresholds(max(0.0, min(auto, suggest)), max(0.0, suggest), lowered)


def explain_threshold(
    calibration: Calibration, enrolled: int, configured: float, distance: float, lowered: float = 0.0
) -> OperatingPoint:
    """What a threshold does that was computed for the FPIR `configured` with `enrolled` people compared.

    `lowered`: as in `compute_thresholds`; strangers are taken to lie nearer by as much as those compared do.
    """
    if not distance:  # nothing is nearer
        return OperatingPoint(distance, configured, 0.0, False)
    measured = distance + lowered
    expected = -math.expm1(max(enrolled, 1) * math.log1p(-calibration.fmr(measured)))
    return OperatingPoint(distance, configured, expected, measured < calibration.points[0][0])


def compute_single_fmr(fpir: float, enrolled: int) -> float:
    """The FMR of one comparison that gives `fpir` over `enrolled` of them."""
    return -math.expm1(math.log1p(-fpir) / max(enrolled, 1))


def _interpolate(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """Linear between the points, whose `xs` rise; the first or the last of `ys` beyond them."""
    at = bisect_right(xs, x)
    if at in (0, len(xs)):
        return ys[min(at, len(xs) - 1)]
    return ys[at - 1] + (ys[at] - ys[at - 1]) * (x - xs[at - 1]) / (xs[at] - xs[at - 1])
