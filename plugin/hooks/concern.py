"""A finding about a DAM for its administrator."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Concern:
    """A finding and how to mend it. `first`: shown before all others."""

    what: str
    ok: bool
    said: str
    mend: str = ""
    first: bool = False
