"""A picture that a DAM hands out to be looked at."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Picture:
    """The smallest picture that serves: a path on this machine, or bytes.

    `original_px`: the longest side of the original that this is a preview of, 0 where nobody knows; None where this
    is the original itself.
    """

    file_version: str
    path: Path | None = None
    data: bytes | None = None
    original_px: int | None = None
