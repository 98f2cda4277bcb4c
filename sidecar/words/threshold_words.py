"""What thresholds do, said where they are told: what a ceiling decides, and what nobody measured."""

from plugin.recognizer.engines.card import EngineCard
from plugin.recognizer.engines.thresholds import OperatingPoint

LEAST_LOWERED = 0.0005
"""Less is not said: it would read as 0.000."""
_SAME = 1.05  # a rate within this factor of the configured one is that rate


def list_thresholds(points: tuple[OperatingPoint, OperatingPoint], lowered: float = 0.0) -> list[str]:
    """A sentence each of the thresholds for automatic names and for suggestions, and one if a gallery lowered them."""
    words = ("automatic names", "automatic names and suggestions")
    said = [_say_point(what, point) for what, point in zip(words, points, strict=True)]
    return [*said, describe_lowered(lowered)] if lowered >= LEAST_LOWERED else said


def describe_lowered(lowered: float) -> str:
    """Why thresholds are lower than the configured rates ask for."""
    return f"these people lie near together: what the rates ask for is lowered by {lowered:.3f}"


def describe_low_end(card: EngineCard) -> str:
    """How far down an engine was measured; below it rates are extrapolated."""
    measured = card.calibration
    distance, rate = measured.points[0]
    pairs = f"{measured.comparisons:,} comparisons (people: {measured.people:,})" if measured.comparisons else ""
    between = f", 95 % {' to '.join(f'{end:.1g}' for end in measured.low_end)}" if measured.low_end else ""
    said = f"{pairs or 'a number of comparisons that its card does not say'}, down to {distance:g}"
    return f"calibrated on {said} (rate {rate:.1g}{between}); extrapolated below"


def _say_point(what: str, point: OperatingPoint) -> str:
    if not point.distance:
        return f"no {what}: the engine's card does not say on how many comparisons it was measured"
    said = f"{what} below {point.distance:.3f}: about {_percent(point.expected)} of strangers"
    if point.expected * _SAME < point.configured:
        said += f" instead of {_percent(point.configured)}: the engine's ceiling for small galleries decides"
    elif point.expected > point.configured * _SAME:
        said += f" instead of {_percent(point.configured)}: the engine was not measured further down"
    return said + (", extrapolated" if point.extrapolated else "")


def _percent(rate: float) -> str:
    return f"{rate * 100:.2g} %"
