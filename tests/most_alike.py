"""Groups without labels: the people whom an engine finds most alike, and the strangers nearest to them."""

from collections.abc import Sequence

import numpy as np

from plugin.recognizer.engines.engine import Floats
from plugin.recognizer.matching.gallery import compute_distances

TEN = 10


def find_most_alike(templates: Floats, groups: int = 1, size: int = TEN) -> list[list[int]]:
    """The indexes of the `size` people with the least mean distance among them, then of the next such groups.

    Each is somebody with the nearest to them; of two groups that share more than half, the first counts.
    """
    distances = compute_distances(templates, templates)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :size]
    found: list[list[int]] = []
    for _, group in sorted(
        (float(distances[np.ix_(group, group)].sum()), sorted(map(int, group))) for group in nearest
    ):
        if all(len(set(group) & set(other)) <= size // 2 for other in found):
            found.append(group)
    return found[:groups]


def find_nearest_tenth(strangers: Floats, templates: Floats) -> list[int]:
    """The indexes of the tenth of these strangers who are nearest to any of the templates."""
    nearest = compute_distances(strangers, templates).min(axis=1)
    return [int(i) for i in np.argsort(nearest, kind="stable")[: max(1, len(strangers) // 10)]]


def stack(vectors: Sequence[Floats]) -> Floats:
    """(n, width) of n vectors."""
    return np.array(vectors, np.float32)
