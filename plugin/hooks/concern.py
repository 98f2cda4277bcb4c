"""What the administrator of a DAM should know of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Concern:
    """Something about the DAM that its administrator should know, and how to mend it. `first`: before all else."""

    what: str
    ok: bool
    said: str
    mend: str = ""
    first: bool = False
