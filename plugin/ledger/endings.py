"""ended.log: each ended grant and erasure, written before the commit that ends it; and what opens nothing more.

It lies beside the master key, outside the store and its backups, so that a store moved back in time
is told again what has ended. A line without its commit fails to the safe side.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from plugin.errors import StoreError
from plugin.ledger import files

LINK, TOKEN = "link", "token"


class Mark(NamedTuple):
    """How far ended.log goes: its whole lines, and the hash chained over them (SHA-256 of the hash before, in hex, and
    the line with its end)."""

    lines: int
    hash: str


NOTHING_ENDED = Mark(0, "0" * 64)


@dataclass(frozen=True)
class Ended:
    """One ending: a grant's, or with `grant_id` None a person's.

    `kind` erased is everything of the person's, objected their own objection to recognition. A moment
    to come is the end of a grant that a later version replaces then. For `kind` LINK or TOKEN it names nobody,
    and `grant_id` is the number of a link that was revoked or used up, or of a token that was revoked.
    """

    person_id: str
    grant_id: str | None
    at: datetime
    kind: str


class EndedLog:
    """The append-only file. Several processes may write it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, *endings: Ended) -> None:
        """Add a line each; they are on the disk when this returns."""
        if endings:
            data = b"".join(_line(ending) for ending in endings)
            files.append_lines(self.path, data, lambda tail: _parse(tail) is not None)

    def mark(self) -> Mark:
        """How far the file goes now; a line that a crash left without its end is not counted."""
        *_, last = self.marks()
        return last

    def marks(self) -> Iterator[Mark]:
        """The mark before the first line, then that after each."""
        mark = NOTHING_ENDED
        yield mark
        for line in self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else ():
            if line.endswith(b"\n"):
                mark = Mark(mark.lines + 1, hashlib.sha256(mark.hash.encode() + line).hexdigest())
                yield mark

    def lines(self) -> Iterator[Ended]:
        """Every ending, oldest first. A line torn by a crash is left out: its commit never came.

        Raises StoreError where a whole line cannot be read: then the file was damaged otherwise.
        """
        if not self.path.exists():
            return
        files.refuse_open_to_others(self.path, StoreError)
        for number, line in enumerate(self.path.read_bytes().splitlines(keepends=True), 1):
            ending = _parse(line)
            if ending is not None:
                yield ending
            elif line.endswith(b"\n") and not line.endswith(files.TORN):
                raise StoreError(
                    f"{self.path} is damaged at line {number}: compare it with a copy before anything starts"
                )


def _line(ending: Ended) -> bytes:
    tree = {
        "person": ending.person_id, "grant": ending.grant_id, "at": ending.at.isoformat(),
        "kind": ending.kind,
    }  # fmt: skip
    return json.dumps(tree).encode() + b"\n"


def _parse(line: bytes) -> Ended | None:
    try:
        tree = json.loads(line)
        return Ended(tree["person"], tree["grant"], datetime.fromisoformat(tree["at"]), tree["kind"])
    except (ValueError, KeyError, TypeError):
        return None
