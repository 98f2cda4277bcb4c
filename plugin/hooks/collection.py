"""Collections of a DAM, and what somebody decided about one there."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Collection:
    """A collection and how many resources it holds directly."""

    ref: str
    title: str
    resources: int


@dataclass(frozen=True)
class CollectionRuling:
    """What somebody decided about a collection in the DAM itself: its mode, and what makes it lawful.

    `mode` and `basis` are the words of the configuration's documentation (`auto`, `all-asked`).
    """

    ref: str
    title: str
    mode: str
    basis: str | None = None
    reference: str = ""
    by: str = ""
    decided: date | None = None
    review: date | None = None
    set_by: str = ""
