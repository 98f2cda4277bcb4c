"""A picture that a DAM hands out to be looked at."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Picture:
    """A picture: a path on this machine, or bytes.

    `original_px`: the longest side of the original that this is a preview of, 0 where nobody knows; None where this
    is the original itself. `turned`: by how many degrees, counter-clockwise, the DAM shows it otherwise than it is.
    """

    file_version: str
    path: Path | None = None
    data: bytes | None = None
    original_px: int | None = None
    turned: int = 0
