"""Collections of a DAM, and the modes set on them in the DAM."""

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
    """A mode that somebody set on a collection in the DAM, and its legal basis.

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
