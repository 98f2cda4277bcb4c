"""A change of a resource in a DAM."""

from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What happened to a resource."""

    NEW = "new"
    REPLACED = "replaced"
    METADATA = "metadata"
    MOVED = "moved"
    DELETED = "deleted"


@dataclass(frozen=True)
class Change:
    """A change of one resource; `old_ref` only where it moved."""

    ref: str
    what: ChangeKind
    old_ref: str | None = None
