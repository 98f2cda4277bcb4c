"""What lies in a DAM and is not taken up into the library, and why."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class LeftOutReason(StrEnum):
    """Why a file or folder is left out."""

    LINK = "link"  # to a file or folder; links are not followed
    NAME = "name"  # control characters, no UTF-8, or too long
    FORMAT = "format"  # a picture that cannot be examined here
    NO_PICTURE = "no_picture"  # called like a photograph, and is none
    SPECIAL = "special"  # a FIFO, a socket, a device
    UNREADABLE = "unreadable"  # a file
    CLOSED = "closed"  # a folder that cannot be read: nothing is known of what lies below it
    LOOP = "loop"  # a folder that leads back to one above it
    LIBRARY = "library"  # a folder that a program manages, with originals in it


OUT_OF_REACH = frozenset({LeftOutReason.UNREADABLE, LeftOutReason.CLOSED})
"""What somebody meant to have looked at, perhaps, and what cannot be: told apart from what is left out on purpose."""


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is left out; `form` says which format where that is why."""

    ref: str
    why: LeftOutReason
    form: str = ""

    @property
    def kind(self) -> str:
        """What is counted together."""
        return f"{self.why.value}: {self.form}" if self.form else self.why.value


def count_by_kind(found: Iterable[LeftOut]) -> dict[str, int]:
    """How many of each kind, most first."""
    return dict(Counter(one.kind for one in found).most_common())
