"""Heads of the audit log, outside the store: the log's state at a moment, signed.

One JSON line each, numbered from 0 without gaps. A head is in the file before the log records it, so the log never
mentions one that the file did not have.
"""

import fcntl
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from plugin.errors import AuditBroken, VaultError
from plugin.ledger import tables as t
from plugin.ledger.keys import private_files
from plugin.ledger.log import house_state
from plugin.ledger.log.endings import Mark
from plugin.ledger.log.head_key import HeadKey, is_signed_by
from plugin.ledger.store.actions import Action
from plugin.ledger.store.audit import Head, canonical_json

if TYPE_CHECKING:
    from plugin.ledger.store.store import Store, Tx

ENDED_RESTARTED = "ended"
"""The kind of a head that records a restart of ended.log."""
_BEGINNING = ("begin", "restore", ENDED_RESTARTED)
"""Kinds that are written even if the heads that the log records are missing."""

_PREFIX = b"facelease head\n"
_UNSIGNED = re.compile(rb"\S+ (\d+) ([0-9a-f]{64})")
_TAIL = 65_536  # bytes: more than any line


@dataclass(frozen=True)
class SignedHead:
    """One head.

    `last`: the log's last row, `start`: the row before its first (pruned, or 0), `months`: the retention of its rows,
    `ended`: the mark of ended.log, `note`: why it was written (`kind` manifest, keys, restore, key, begin, ended), with
    details; `before` is in it where another key signed the previous head, and binds all earlier heads, so that the
    owner of the old key cannot change them. `key`: the public key that signed it.
    """

    number: int
    at: datetime
    last: Head
    start: Head
    months: int
    ended: Mark
    note: Mapping[str, object] = field(default_factory=dict)
    key: str = ""
    signature: str = ""

    def body(self) -> dict[str, object]:
        """The signed content."""
        row = {"number": self.number, "at": self.at.isoformat(), "seq": self.last.seq, "hash": self.last.hash}
        state = {"start": list(self.start), "months": self.months, "ended": list(self.ended)}
        return row | state | {"note": dict(self.note), "key": self.key}

    def line(self) -> bytes:
        """The line in the file."""
        return json.dumps(self.body() | {"signature": self.signature}, sort_keys=True).encode() + b"\n"

    @property
    def kind(self) -> str:
        """Why it was written; "" for the hourly ones."""
        return str(self.note.get("kind", ""))

    @property
    def is_genuine(self) -> bool:
        """Whether the key that it names signed it; the reader checks whether that key is ours."""
        return is_signed_by(self.key, _PREFIX + canonical_json(self.body()), self.signature)


Note = Mapping[str, object]
"""What a head says beside the figures, by key."""


def write(
    store: "Store", key: HeadKey, path: Path, months: int, ended: Mark, note: Note | None = None, actor: str = "system"
) -> SignedHead:
    """Add the current head to the file at `path`, then record it in the log, in one write transaction.

    The recording row follows the head, which does not cover it.
    """
    refuse_unreachable(path)
    with store.write() as tx:
        return add(tx, key, path, months, ended, note, actor)


def refuse_unreachable(path: Path) -> None:
    """Access the file before the write that adds a head, so that a hanging share blocks no write.

    Raises VaultError where it is out of reach; a missing file is no error.
    """
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # answered by the share's server, not by a local cache
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            file.read()
    except FileNotFoundError:
        return
    except OSError as error:
        raise VaultError(f"keys.heads_file: {path} cannot be written ({error.strerror})") from error


def add(
    tx: "Tx", key: HeadKey, path: Path, months: int, ended: Mark, note: Note | None = None, actor: str = "system"
) -> SignedHead:
    """The same in the caller's transaction: the head covers the committed rows.

    Its time is the machine's: a later time in the store does not end a term early. Its mark of ended.log is the
    store's, for the file may be the wrong one (`ended` where the store knows none), and never less than the last
    head's, unless it records a restart of the file. Raises VaultError where the file is out of reach.
    """
    kind = (note or {}).get("kind")
    tail, told = _read_tail(path), _last_logged(tx)
    if told >= 0 and kind not in _BEGINNING and not path.exists():
        raise VaultError(
            f"keys.heads_file: {path} is not there, and the log speaks of head {told}: put the file back, or the share "
            "that holds it; if it is lost, `facelease audit begin --reason REASON` begins the heads anew"
        )
    ended = house_state.read(tx.connection).mark or ended
    ended = ended if kind == ENDED_RESTARTED else _newest_known_mark(path, key, ended)
    row = tx.execute(select(t.audit_head)).one()
    number = max(_max_number(tail), told) + 1
    last, start = Head(row.seq, row.hash), Head(row.pruned_seq, row.pruned_hash)
    about = dict(note or {}) | _bind_former_key(path, tail, key)
    bare = SignedHead(number, tx.machine_now, last, start, months, ended, about, key.public)
    head = SignedHead(**vars(bare) | {"signature": key.sign(_PREFIX + canonical_json(bare.body()))})
    _append_line(path, head)
    tx.audit(Action.HEAD_WRITE, actor, number=number, seq=head.last.seq, kind=head.kind or "log")
    return head


def _bind_former_key(path: Path, tail: list[SignedHead], key: HeadKey) -> dict[str, str]:
    """For the first head of a key: the hash of all earlier heads."""
    if not tail or tail[-1].key == key.public:
        return {}
    lines = _read_bytes(path).splitlines()
    return {"before": hash_heads(head for line in lines if (head := parse_head(line)) is not None)}


def hash_heads(heads: Iterable[SignedHead]) -> str:
    """SHA-256, in hex, over the heads' signatures, one a line, in order."""
    return hashlib.sha256("".join(f"{head.signature}\n" for head in heads).encode()).hexdigest()


def goes_back(one: Mark, other: Mark) -> bool:
    """Whether ended.log at the mark `other` is not a continuation of `one`."""
    return other.lines < one.lines or (other.lines == one.lines and other.hash != one.hash)


def _newest_known_mark(path: Path, key: HeadKey, ended: Mark) -> Mark:
    """A house that is closed for a short ended.log keeps the longer mark of the last head."""
    last = find_newest(path, key.public)
    return last.ended if last is not None and goes_back(last.ended, ended) else ended


def create_first_head(tx: "Tx", key_path: Path, path: Path, months: int, ended: Mark) -> HeadKey | None:
    """Create the key of heads and head 0 if neither ever existed; else None.

    Nothing is created if heads were signed before, or a key exists without heads: otherwise somebody who
    removes the file of heads could start a new one for a forged log.
    """
    if key_path.exists() or find_last_number(path) >= 0 or _last_logged(tx) >= 0:
        return None
    key = HeadKey.create(key_path)
    add(tx, key, path, months, ended)
    return key


def read(path: Path) -> list[SignedHead]:
    """The heads in `path`; [] without a file. Skips lines from before heads were signed (`read_unsigned`).

    Raises AuditBroken at any other line.
    """
    return [head for head, _ in _read_lines(path) if head is not None]


def read_unsigned(path: Path) -> list[Head]:
    """Lines from before heads were signed (`time seq hash`): they can contradict the log, and prove nothing."""
    return [position for _, position in _read_lines(path) if position is not None]


def _read_lines(path: Path) -> Iterator[tuple[SignedHead | None, Head | None]]:
    for number, line in enumerate(_read_bytes(path).splitlines(keepends=True), 1):
        head = parse_head(line)
        if head is not None and head.line() == line.rstrip(b"\n") + b"\n":
            yield head, None
            continue
        unsigned = _UNSIGNED.fullmatch(line.rstrip(b"\n"))
        if unsigned is not None:
            yield None, Head(int(unsigned[1]), unsigned[2].decode())
        elif line.endswith(b"\n") and not line.endswith(private_files.TORN):
            raise AuditBroken(f"{path}: line {number} is no head")


def parse_head(line: bytes) -> SignedHead | None:
    """The head in a line of the file; None if there is none."""
    try:
        tree = json.loads(line)
        last, start = _parse_position((tree["seq"], tree["hash"])), _parse_position(tree["start"])
        mark = Mark(*_parse_position(tree["ended"]))
        number, at, months = int(tree["number"]), datetime.fromisoformat(tree["at"]), int(tree["months"])
        signed = str(tree["key"]), str(tree["signature"])
        return SignedHead(number, at, last, start, months, mark, dict(tree["note"]), *signed)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None


def _parse_position(pair: Sequence[int | str]) -> Head:
    return Head(int(pair[0]), str(pair[1]))


def find_last_number(path: Path) -> int:
    """The number of the last head in the file; -1 for none."""
    return _max_number(_read_tail(path))


def _max_number(tail: list[SignedHead]) -> int:
    return max((head.number for head in tail), default=-1)


def find_newest(path: Path, public: str) -> SignedHead | None:
    """The last head in the file that this key signed."""
    return next((head for head in reversed(_read_tail(path)) if head.key == public and head.is_genuine), None)


def _read_tail(path: Path) -> list[SignedHead]:
    lines = _read_bytes(path, _TAIL).splitlines()
    return [head for line in lines if (head := parse_head(line)) is not None]


def _read_bytes(path: Path, last: int | None = None) -> bytes:
    """The file, or its `last` bytes; b"" without a file. Raises VaultError where it is out of reach."""
    try:
        with path.open("rb") as file:
            if last is not None:
                file.seek(max(0, file.seek(0, 2) - last))
            return file.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise VaultError(f"keys.heads_file: {path} cannot be read ({error.strerror})") from error


def _append_line(path: Path, head: SignedHead) -> None:
    try:
        private_files.append_lines(path, head.line(), lambda tail: parse_head(tail) is not None)
    except OSError as error:
        raise VaultError(f"keys.heads_file: {path} cannot be written ({error.strerror})") from error


def _last_logged(tx: "Tx") -> int:
    """The number of the last head that the log records; -1 for none."""
    mine = t.audit.c.action == Action.HEAD_WRITE.value
    last = tx.connection.scalar(select(t.audit.c.details).where(mine).order_by(t.audit.c.seq.desc()).limit(1))
    return -1 if last is None else int(json.loads(last).get("number", -1))
