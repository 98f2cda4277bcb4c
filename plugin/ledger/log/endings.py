"""ended.log: each ended grant and erasure, written before its commit; and revoked links and tokens.

It lies beside the master key, outside the store and its backups, so that a store that moved back in time learns again
what has ended. A line without its commit errs on the safe side. Complete lines are covered by a hash chain (`Mark`). A
file that does not contain a known mark is not the expected file.
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
"""How a file differs from the expected one."""


@dataclass(frozen=True)
class Ending:
    """One ending: of a grant, or with `grant_id` None of a person.

    `kind` erased means all data of the person, objected the person's own objection to recognition. A future time is the
    end of a grant that a later version replaces then. For `kind` LINK or TOKEN there is no person, and `grant_id` is
    the number of a revoked or used link, or a revoked token.
    """

    person_id: str
    grant_id: str | None
    at: datetime
    kind: str


@dataclass(frozen=True)
class _Seen:
    """The file as read: its stat, the chained hash after each complete line, whether all lines parse.

    `whole`: the size of those lines and their SHA-256: a file with this beginning is only read from there on.
    """

    signature: tuple[int, ...]
    hashes: tuple[str, ...] = ()
    sound: bool = True
    whole: tuple[int, bytes] = (0, hashlib.sha256().digest())

    @property
    def mark(self) -> Mark:
        return Mark(len(self.hashes), self.hashes[-1]) if self.hashes else NOTHING_ENDED

    def read_on(self, signature: tuple[int, ...], data: bytes) -> "_Seen":
        """The file with these bytes: parses only what follows the known lines, if it begins with them."""
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
    """The content of a new file, and its state once it is read."""

    data: bytes
    seen: _Seen

    @classmethod
    def of(cls, endings: Iterable[Ending]) -> "NewEndedLog":
        """A file with these endings."""
        data = b"".join(_format_line(ending) for ending in endings)
        return cls(data, _Seen(()).read_on((), data))


class EndedLog:
    """The append-only file. Several processes may write it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: _Seen | None = None
        self._waiting: WeakKeyDictionary[Tx, list[Ending]] = WeakKeyDictionary()

    def append(self, tx: Tx, *endings: Ending) -> None:
        """Add a line each, together, at the end of the transaction, and move the store's mark.

        The lines are on disk before the commit. What the transaction refuses after this call has not ended.
        """
        if not endings:
            return
        if tx not in self._waiting:
            self._waiting[tx] = []
            tx.before_commit(lambda: self._enter(tx, self._waiting.pop(tx)))
        self._waiting[tx] += endings

    def _enter(self, tx: Tx, endings: list[Ending]) -> None:
        """An unexpected file closes the house; the line is written all the same.

        If a closed house has no writable file, only the store knows the ending: reopening writes it to the valid file.
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
        if follows:  # else a line without its commit, of another process, is replayed first
            house_state.set_mark(tx, self.mark())

    def write(self, *endings: Ending) -> None:
        """Add a line each; they are on disk when this returns. The caller moves the store's mark.

        Raises StoreError on failure: then nothing has ended.
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
        """Move the file aside and start this one; returns whether there was one. Raises StoreError on failure."""
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
        """The current mark; an incomplete line, left by a crash, does not count."""
        seen = self._look()
        return seen.mark if seen else NOTHING_ENDED

    def marks(self) -> Iterator[Mark]:
        """The mark before the first line, then after each."""
        yield NOTHING_ENDED
        seen = self._look()
        for number, value in enumerate(seen.hashes if seen else (), 1):
            yield Mark(number, value)

    def lacks(self, *known: Mark) -> str | None:
        """MISSING, SHORTER or DIFFERENT if the file does not contain these marks; None if it does.

        Where nothing had ended no file is needed.
        """
        try:
            seen = self._look()
        except OSError:
            return MISSING  # it is there, but cannot be read
        if seen is None:
            return MISSING if any(mark != NOTHING_ENDED for mark in known) else None
        found = {seen.lacks(mark) for mark in (*known, NOTHING_ENDED)} - {None}
        return DIFFERENT if DIFFERENT in found else next(iter(found), None)

    def read_anew(self) -> None:
        """Read the whole file next time, even if size and times are unchanged."""
        if self._seen is not None:
            self._seen = replace(self._seen, signature=())

    def _look(self) -> _Seen | None:
        """The file's state; read again if its stat has changed."""
        try:
            status = self.path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise OSError(f"{self.path} is no file but a directory, or something that nobody can read to its end")
            signature = _signature(status)
            if self._seen is None or self._seen.signature != signature:
                self._seen = (self._seen or _Seen(signature)).read_on(signature, self.path.read_bytes())
        except FileNotFoundError:
            self._seen = None
        return self._seen

    def lines(self) -> Iterator[Ending]:
        """Every ending, oldest first. Skips a line torn by a crash: its commit never came.

        Raises StoreError where a complete line cannot be parsed: the file is damaged.
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
        """Every ending that can be parsed in the current file."""
        with contextlib.suppress(OSError):
            if self._look() is not None:
                for line in _split_lines(self.path.read_bytes()):
                    ending = _parse_line(line)
                    if ending is not None:
                        yield ending


def _split_lines(data: bytes) -> list[bytes]:
    """Split after each line feed only; the last line may lack one."""
    *whole, rest = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([rest] if rest else [])


def _chain(lines: Iterable[bytes], value: str) -> Iterator[str]:
    """The chained hash after each of these complete lines, from `value` on."""
    for line in lines:
        value = hashlib.sha256(value.encode() + line).hexdigest()
        yield value


def _signature(of: os.stat_result) -> tuple[int, ...]:
    return of.st_dev, of.st_ino, of.st_size, of.st_mtime_ns, of.st_ctime_ns


def _is_readable(line: bytes) -> bool:
    return line.endswith(private_files.TORN) or _parse_line(line) is not None


def _format_line(ending: Ending) -> bytes:
    tree = {"person": ending.person_id, "grant": ending.grant_id, "at": ending.at.isoformat(), "kind": ending.kind}
    return json.dumps(tree).encode() + b"\n"


def _parse_line(line: bytes) -> Ending | None:
    try:
        tree = json.loads(line)
        return Ending(tree["person"], tree["grant"], datetime.fromisoformat(tree["at"]), tree["kind"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
