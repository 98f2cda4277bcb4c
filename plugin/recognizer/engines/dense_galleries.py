"""Stricter thresholds for a gallery whose people lie nearer together than people do.

An engine that tells a group apart badly puts all of it close together, its strangers as well as its enrolled. The
distances among those enrolled show that without anybody being labelled, and without keeping a stranger's vector
(docs/adr/0048).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Apart:
    """How far two people's templates lie apart: root mean square distance, and its deviation from pair to pair."""

    distance: float
    deviation: float

    def find_excess(self, templates: NDArray[np.float32]) -> float:
        """By how much these (n, width) templates lie nearer together than `distance`; at least 0.

        Less one standard error, so that a few people who are alike by chance change little.
        """
        found, people = measure_apart(templates), len(templates)
        if found is None:
            return 0.0
        error = self.deviation / math.sqrt(people * (people - 1) / 2)
        return max(0.0, self.distance - found - error)


def measure_apart(templates: NDArray[np.float32]) -> float | None:
    """The root mean square distance between two of these L2-normalised rows; None of fewer than two.

    In one pass: the square is 2 - 2 cos, and the cosines of all pairs add up to half of |sum|² - n.
    """
    people = len(templates)
    if people < 2:
        return None
    together = templates.sum(axis=0, dtype=np.float64)
    cosine = (float(together @ together) - people) / (people * (people - 1))
    return math.sqrt(max(0.0, 2 - 2 * cosine))
