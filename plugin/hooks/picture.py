"""A picture from a DAM."""

from dataclasses import dataclass
from pathlib import Path


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
