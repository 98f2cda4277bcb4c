"""What a check of the doctor found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is well, what was seen, and how to mend it."""

    what: str
    ok: bool
    said: str
    mend: str = ""
    waits: bool = False  # nothing is wrong, and somebody has something to do
    code: str = ""  # of what waits, with how many
    count: int = 0
