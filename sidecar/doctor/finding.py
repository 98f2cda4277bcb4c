"""One check of the doctor. Those of a piece stand in a module of their own, functions of the open house."""

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
    looked: bool = True  # False: there was nothing to look at, or it could not be; then it is not called well
