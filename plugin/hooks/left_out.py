"""Files and folders of a DAM that are not taken into the library, and why."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class LeftOutReason(StrEnum):
    """Why a file or folder is left out."""

    LINK = "link"  # to a file or folder; links are not followed
    NAME = "name"  # control characters, not UTF-8, or too long
    FORMAT = "format"  # a picture that cannot be examined here
    NO_PICTURE = "no_picture"  # named like a photograph, but none
    SPECIAL = "special"  # a FIFO, a socket, a device
    UNREADABLE = "unreadable"  # a file
    CLOSED = "closed"  # a folder that cannot be read: its content is unknown
    LOOP = "loop"  # a folder that is one of its own parents
    LIBRARY = "library"  # a folder of originals that a program manages


OUT_OF_REACH = frozenset({LeftOutReason.UNREADABLE, LeftOutReason.CLOSED})
"""Unreadable, perhaps by mistake; the other reasons are deliberate."""


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is left out; `form` is the format where that is the reason."""

    ref: str
    why: LeftOutReason
    form: str = ""

    @property
    def kind(self) -> str:
        """The key under which it is counted."""
        return f"{self.why.value}: {self.form}" if self.form else self.why.value


def count_by_kind(found: Iterable[LeftOut]) -> dict[str, int]:
    """The number of each kind, most frequent first."""
    return dict(Counter(one.kind for one in found).most_common())
