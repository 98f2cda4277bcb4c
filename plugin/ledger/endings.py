"""ended.log: each ended grant and erasure, written before the commit that ends it; and what opens nothing more.

It lies beside the master key, outside the store and its backups, so that a store moved back in time
is told again what has ended. A line without its commit fails to the safe side.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from plugin.errors import StoreError
from plugin.ledger import files

LINK, TOKEN = "link", "token"


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
