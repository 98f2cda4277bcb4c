"""Boxes in 0..1 of the upright original: left, top, width, height."""

Box = tuple[float, float, float, float]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, 0..1. From SAME_FACE on boxes are the same face, for every engine."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right = min(one[0] + one[2], other[0] + other[2])
    bottom = min(one[1] + one[3], other[1] + other[3])
    shared = max(0.0, right - left) * max(0.0, bottom - top)
    union = one[2] * one[3] + other[2] * other[3] - shared
    return min(1.0, shared / union) if union > 0 else 0.0


SAME_FACE = 0.5
