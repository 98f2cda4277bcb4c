"""ended.log: each ended grant and erasure, written before the commit that ends it; and what opens nothing more.

It lies beside the master key, outside the store and its backups, so that a store moved back in time
is told again what has ended. A line without its commit fails to the safe side.

Its whole lines are known by a hash chained over them (`Mark`). Where the file does not go as far as a mark that is
known, or went there by other lines, it is not the file that it was.
"""

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from weakref import WeakKeyDictionary

from plugin.errors import StoreError
from plugin.ledger.keys import private_files
from plugin.ledger.log import house_state
from plugin.ledger.log.house_state import NOTHING_ENDED, Mark
from plugin.ledger.store.store import Tx

__all__ = [
    "DIFFERENT",
    "LINK",
    "MISSING",
    "NOTHING_ENDED",
    "SHORTER",
    "TOKEN",
    "EndedLog",
    "Ending",
    "Mark",
    "NewEndedLog",
]

LINK, TOKEN = "link", "token"

MISSING, SHORTER, DIFFERENT = "missing", "shorter", "different"
"""What a file may be that is not the one which was known."""


@dataclass(frozen=True)
class Ending:
    """One ending: a grant's, or with `grant_id` None a person's.

    `kind` erased is everything of the person's, objected their own objection to recognition. A moment
    to come is the end of a grant that a later version replaces then. For `kind` LINK or TOKEN it names nobody,
    and `grant_id` is the number of a link that was revoked or used up, or of a token that was revoked.
    """

    person_id: str
    grant_id: str | None
    at: datetime
    kind: str


@dataclass(frozen=True)
class _Seen:
    """The file as it was read: which it was, the chained hash after each whole line, whether each can be read.

    `whole`: how many bytes those lines are, and their SHA-256: what begins so needs no second reading line by line.
    """

    signature: tuple[int, ...]
    hashes: tuple[str, ...] = ()
    sound: bool = True
    whole: tuple[int, bytes] = (0, hashlib.sha256().digest())

    @property
    def mark(self) -> Mark:
        return Mark(len(self.hashes), self.hashes[-1]) if self.hashes else NOTHING_ENDED

    def read_on(self, signature: tuple[int, ...], data: bytes) -> "_Seen":
        """The file with these bytes: only what lies behind the known lines is read, where it begins with them."""
        size, known = self.whole
        read = hashlib.sha256(memoryview(data)[:size])
        if read.digest() != known:
            return _Seen(signature).read_on(signature, data)
        behind = data[size : data.rfind(b"\n") + 1]
        read.update(behind)
        added = _split_lines(behind)
        hashes = (*self.hashes, *_chain(added, self.mark.hash))
        sound = self.sound and all(_is_readable(line) for line in added)
        return _Seen(signature, hashes, sound, (size + len(behind), read.digest()))

    def lacks(self, known: Mark) -> str | None:
        if known.lines > len(self.hashes):
            return SHORTER
        there = self.hashes[known.lines - 1] if known.lines else NOTHING_ENDED.hash
        return None if self.sound and there == known.hash else DIFFERENT


@dataclass(frozen=True)
class NewEndedLog:
    """A whole file that is to be, and what it will be once it is read."""

    data: bytes
    seen: _Seen

    @classmethod
    def of(cls, endings: Iterable[Ending]) -> "NewEndedLog":
        """A file with these lines."""
        data = b"".join(_format_line(ending) for ending in endings)
        return cls(data, _Seen(()).read_on((), data))


class EndedLog:
    """The append-only file. Several processes may write it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: _Seen | None = None
        self._waiting: WeakKeyDictionary[Tx, list[Ending]] = WeakKeyDictionary()

    def append(self, tx: Tx, *endings: Ending) -> None:
        """Add a line each, all at once, when all else of the transaction is done, and move the store's mark with it.

        The lines are on the disk before the commit. What the transaction refuses after this call has not ended.
        """
        if not endings:
            return
        if tx not in self._waiting:
            self._waiting[tx] = []
            tx.before_commit(lambda: self._enter(tx, self._waiting.pop(tx)))
        self._waiting[tx] += endings

    def _enter(self, tx: Tx, endings: list[Ending]) -> None:
        """A file that is not the one which is known closes the house; the line is written all the same.

        Where a closed house has no file that can be written, the store knows the ending alone: whoever opens the
        house writes it into the file that counts then.
        """
        now = house_state.read(tx.connection)
        known = now.mark or self.mark()
        why = None if now.closed_at else self.lacks(known)
        if why:
            house_state.close(tx, why, known)
        if now.closed_at or why:
            with contextlib.suppress(StoreError):
                self.write(*endings)
            return
        follows = self.mark() == known
        self.write(*endings)
        if follows:  # else a line that another process left without its commit is told again first
            house_state.set_mark(tx, self.mark())

    def write(self, *endings: Ending) -> None:
        """Add a line each; they are on the disk when this returns. The store's mark is the caller's to move.

        Raises StoreError where that fails: then nothing has ended.
        """
        if not endings:
            return
        data = b"".join(_format_line(ending) for ending in endings)
        try:
            private_files.append_lines(self.path, data, lambda tail: _parse_line(tail) is not None)
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be written ({error.strerror or error}), so nothing was ended: make room for it, "
                "or let this account write it, and ask again"
            ) from error

    def begin_anew(self, begun: NewEndedLog, aside: Path) -> bool:
        """Set the file aside and begin this other one; returns whether there was one.

        Raises StoreError where that fails.
        """
        try:
            there = self.path.exists()
            if there:
                self.path.rename(aside)
            private_files.write_secret(self.path, begun.data, fresh=True)
            self._seen = replace(begun.seen, signature=_signature(self.path.stat()))
        except OSError as error:
            raise StoreError(f"{self.path} cannot be begun anew ({error.strerror or error})") from error
        return there

    def mark(self) -> Mark:
        """How far the file goes now; a line that a crash left without its end is not counted."""
        seen = self._look()
        return seen.mark if seen else NOTHING_ENDED

    def marks(self) -> Iterator[Mark]:
        """The mark before the first line, then that after each."""
        yield NOTHING_ENDED
        seen = self._look()
        for number, value in enumerate(seen.hashes if seen else (), 1):
            yield Mark(number, value)

    def lacks(self, *known: Mark) -> str | None:
        """What the file is, MISSING, SHORTER or DIFFERENT, that should go as far as these marks, by these lines, or on.

        None where it does. Where nothing had ended no file need be there.
        """
        try:
            seen = self._look()
        except OSError:
            return MISSING  # whatever stands there, it cannot be read
        if seen is None:
            return MISSING if any(mark != NOTHING_ENDED for mark in known) else None
        found = {seen.lacks(mark) for mark in (*known, NOTHING_ENDED)} - {None}
        return DIFFERENT if DIFFERENT in found else next(iter(found), None)

    def read_anew(self) -> None:
        """The file is read whole at the next question, whatever its size and times say."""
        if self._seen is not None:
            self._seen = replace(self._seen, signature=())

    def _look(self) -> _Seen | None:
        """What the file is; it is read where it has changed since, as far as the file system tells."""
        try:
            status = self.path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise OSError(
                    f"{self.path} is no file but a directory, or something that nobody can read to its end"
                )
            signature = _signature(status)
            if self._seen is None or self._seen.signature != signature:
                self._seen = (self._seen or _Seen(signature)).read_on(signature, self.path.read_bytes())
        except FileNotFoundError:
            self._seen = None
        return self._seen

    def lines(self) -> Iterator[Ending]:
        """Every ending, oldest first. A line torn by a crash is left out: its commit never came.

        Raises StoreError where a whole line cannot be read: then the file was damaged otherwise.
        """
        if not self.path.exists():
            return
        private_files.refuse_open_to_others(self.path, StoreError)
        for number, line in enumerate(_split_lines(self.path.read_bytes()), 1):
            ending = _parse_line(line)
            if ending is not None:
                yield ending
            elif line.endswith(b"\n") and not line.endswith(private_files.TORN):
                raise StoreError(
                    f"{self.path} is damaged at line {number}: compare it with a copy before anything starts"
                )

    def readable(self) -> Iterator[Ending]:
        """What can be read of the file, whatever else it is."""
        with contextlib.suppress(OSError):
            if self._look() is not None:
                for line in _split_lines(self.path.read_bytes()):
                    ending = _parse_line(line)
                    if ending is not None:
                        yield ending


def _split_lines(data: bytes) -> list[bytes]:
    """Cut after each line feed and nowhere else; the last may lack one."""
    *whole, rest = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([rest] if rest else [])


def _chain(lines: Iterable[bytes], value: str) -> Iterator[str]:
    """The chained hash after each of these whole lines, on from `value`."""
    for line in lines:
        value = hashlib.sha256(value.encode() + line).hexdigest()
        yield value


def _signature(of: os.stat_result) -> tuple[int, ...]:
    return of.st_dev, of.st_ino, of.st_size, of.st_mtime_ns, of.st_ctime_ns


def _is_readable(line: bytes) -> bool:
    return line.endswith(private_files.TORN) or _parse_line(line) is not None


def _format_line(ending: Ending) -> bytes:
    tree = {
        "person": ending.person_id, "grant": ending.grant_id, "at": ending.at.isoformat(),
        "kind": ending.kind,
    }  # fmt: skip
    return json.dumps(tree).encode() + b"\n"


def _parse_line(line: bytes) -> Ending | None:
    try:
        tree = json.loads(line)
        return Ending(tree["person"], tree["grant"], datetime.fromisoformat(tree["at"]), tree["kind"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
