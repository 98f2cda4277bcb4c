"""What a check of the doctor returns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is well, what was seen, and how to mend it."""

    what: str
    ok: bool
    said: str
    mend: str = ""
    waits: bool = False  # nothing is wrong, but somebody has something to do
    code: str = ""  # the kind of what waits, and how many
    count: int = 0
    looked: bool = True  # False: there was nothing to check, or it could not be checked
