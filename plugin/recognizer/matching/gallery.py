"""The templates that may be compared now: in memory only, each with the end of its lease."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from plugin.recognizer.engines.engine import Floats


@dataclass(frozen=True)
class Enrolled:
    """A template that may be compared before `until` (aware; exclusive).

    `key` is opaque. `template`: (width,) float32, L2-normalised. `may_auto`: False if a human decides.
    """

    key: str
    template: Floats = field(repr=False)
    until: datetime
    may_auto: bool


class Gallery:
    """Entries of one generation. Keys are unique; look-alikes are only suggested.

    `look_alikes`: how many entries have one among the others, whatever may be done with either.
    """

    def __init__(self, entries: Sequence[Enrolled], look_alike: float) -> None:
        """Raises ValueError for a duplicate key, a naive `until` or a template of another width than the first."""
        width = entries[0].template.size if entries else 0
        for entry in entries:
            if entry.template.shape != (width,) or not np.isfinite(entry.template).all():
                raise ValueError(f"a template has shape {entry.template.shape}, not ({width},) finite numbers")
            if entry.until.tzinfo is None:
                raise ValueError("until needs a time zone")
        if len({entry.key for entry in entries}) != len(entries):
            raise ValueError("a key is in the gallery twice")
        self.keys = tuple(entry.key for entry in entries)
        self._until = tuple(entry.until for entry in entries)
        self._templates = np.array([entry.template for entry in entries], np.float32).reshape(len(entries), width)
        alone = count_look_alikes(self._templates, look_alike) == 0
        self.look_alikes = len(alone) - int(alone.sum())
        self.may_auto = tuple(bool(entry.may_auto and ok) for entry, ok in zip(entries, alone, strict=True))

    def __len__(self) -> int:
        return len(self.keys)

    def live(self, at: datetime, keys: Collection[str] | None = None) -> list[int]:
        """Indexes of the entries that may be compared at `at`, with these keys (None: any)."""
        return [i for i, until in enumerate(self._until) if at < until and (keys is None or self.keys[i] in keys)]

    def templates(self, which: Sequence[int]) -> Floats:
        """(entries, width) templates of the entries `which`."""
        return self._templates[list(which)]

    def distances(self, vectors: Floats, which: Sequence[int]) -> Floats:
        """(faces, entries) Euclidean distances, 0..2, of (n, width) vectors to the entries `which`."""
        if not which:
            return np.zeros((len(vectors), 0), np.float32)
        return compute_distances(vectors, self.templates(which))


def compute_distances(vectors: Floats, templates: Floats) -> Floats:
    """(n, m) Euclidean distances, 0..2, between L2-normalised rows: sqrt(2 - 2 cos)."""
    squared: Floats = 2 - 2 * (vectors @ templates.T)
    return np.sqrt(np.maximum(squared, 0), dtype=np.float32)


def find_nearer(template: Floats, others: Sequence[Floats], than: float) -> list[int]:
    """Indexes of `others` nearer to the template than this, nearest first."""
    if not others:
        return []
    row = compute_distances(template.reshape(1, -1), np.array(others, np.float32))[0]
    return [int(i) for i in np.argsort(row, kind="stable") if row[i] < than]


def count_look_alikes(templates: Floats, near: float) -> NDArray[np.intp]:
    """(n,) how many others each template is nearer to than `near`."""
    counts = np.zeros(len(templates), np.intp)
    for start in range(0, len(templates), 512):
        block = compute_distances(templates[start : start + 512], templates)
        block[np.arange(len(block)), np.arange(start, start + len(block))] = np.inf
        counts[start : start + len(block)] = (block < near).sum(axis=1)
    return counts
