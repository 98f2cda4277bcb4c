"""What a count proves about a rate: the exact binomial bound from below (Clopper & Pearson 1934, Biometrika 26:404).

Wilson's interval, which reports print, is too short on its lower side near 0: one stranger of 85 would "prove" 0.2 %.
What warns somebody is therefore computed exactly, and corrected for the number of questions that were asked at once
(Bonferroni).
"""

import math
from typing import Literal

from plugin.recognizer.evaluation.wilson_intervals import compute_rate

Verdict = Literal["pass", "fail", "unclear"]
LEVELS = 2
"""Two questions of each group: automatic names, and names with suggestions."""
GAP = 5.0
"""A group that is named this many times as often as configured is warned of."""
_RISK = 0.0027  # of a bound that is too high, over all questions: three standard deviations


def bound_below(count: float, of: float, questions: int) -> float:
    """The rate that is proven at least, with 99.73 % confidence over all `questions`; 0 for nothing.

    `count` and `of` may be effective numbers, which are rounded to the safe side.
    """
    hits, trials = math.floor(count + 1e-9), math.ceil(of - 1e-9)
    if hits <= 0 or trials <= 0:
        return 0.0
    low, high = 0.0, hits / trials
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _reach(hits, trials, middle) <= _RISK / questions else (low, middle)
    return low


def _reach(hits: int, trials: int, rate: float) -> float:
    """The probability of `hits` or more of `trials` at this rate."""
    if rate <= 0 or rate >= 1:
        return float(rate >= 1)
    whole, odds, miss = math.lgamma(trials + 1), math.log(rate), math.log1p(-rate)
    below = (
        whole - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * odds + (trials - k) * miss for k in range(hits)
    )
    return max(0.0, 1 - math.fsum(math.exp(part) for part in below))


def judge_rate(count: float, of: float, configured: float, questions: int) -> Verdict:
    """Whether the rate keeps what is configured.

    "fail": more is proven. "pass": not more was measured, and `GAP` times as much is excluded. Else "unclear": there
    were too few to say.
    """
    if bound_below(count, of, questions) > configured:
        return "fail"
    rate = compute_rate(count, of)
    return "pass" if rate.value <= configured and rate.high < GAP * configured else "unclear"
