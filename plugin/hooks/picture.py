"""A picture from a DAM, and who may see it there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Picture:
    """A picture: a local path, or bytes.

    `original_px`: the longest side of the original of a preview, 0 if unknown; None if this is the original. `turned`:
    by how many degrees, counter-clockwise, the DAM shows it rotated.
    """

    file_version: str
    path: Path | None = None
    data: bytes | None = None
    original_px: int | None = None
    turned: int = 0


class Sight(StrEnum):
    """How much of a resource an account may see."""

    HIDDEN = "hidden"
    SMALL = "small"
    """A small preview only."""
    WHOLE = "whole"


@runtime_checkable
class LimitsSight(Protocol):
    """Its accounts do not all see the same."""

    def seen_by(self, user: str, refs: Sequence[str]) -> Mapping[str, Sight]:
        """What the account may see of each of at most 1,000 resources now; a missing one is hidden.

        Raises DamError, within seconds, where that is unknown.
        """


@runtime_checkable
class FindsFiles(Protocol):
    """Its refs do not say what files are called; each resource has an address."""

    def find_files(self, user: str | None, name: str, most: int) -> Sequence[str]:
        """Resources whose file came under this name, or one that begins like it; `user`: those that the account sees.

        Raises DamError.
        """

    def ref_of(self, address: str) -> str | None:
        """Which resource a web address of the DAM shows; None for one of another place."""
