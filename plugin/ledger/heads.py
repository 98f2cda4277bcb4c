"""Heads of the audit log, kept outside the store: what the log was at a moment, signed.

A line of JSON each, numbered from 0 without a gap. A head is in the file before the log says that it was written, so
the log never speaks of one that the file did not have.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from plugin.errors import AuditBroken
from plugin.ledger import files, house_state
from plugin.ledger import tables as t
from plugin.ledger.actions import Action
from plugin.ledger.audit import Head, canonical
from plugin.ledger.endings import Mark
from plugin.ledger.head_key import HeadKey, is_signed

if TYPE_CHECKING:
    from plugin.ledger.store import Store, Tx

ENDED_ANEW = "ended"
"""The kind of a head that says that ended.log was begun anew."""

_PREFIX = b"facelease head\n"
_UNSIGNED = re.compile(rb"\S+ (\d+) ([0-9a-f]{64})")
_TAIL = 65_536  # bytes: more than one line ever takes


@dataclass(frozen=True)
class SignedHead:
    """One head. `last`: the log's last row, `start`: the row before its first (pruned, or 0), `months`: the term of
    its rows, `ended`: what ended.log was, `note`: what it was written for (`kind` manifest, keys, restore, key, begin,
    ended), with what belongs to that. `key` is the public key that signed it.
    """

    number: int
    at: datetime
    last: Head
    start: Head
    months: int
    ended: Mark
    note: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    signature: str = ""

    def body(self) -> dict[str, Any]:
        """What is signed."""
        return {
            "number": self.number, "at": self.at.isoformat(), "seq": self.last.seq, "hash": self.last.hash,
            "start": list(self.start), "months": self.months, "ended": list(self.ended),
            "note": dict(self.note), "key": self.key,
        }  # fmt: skip

    def line(self) -> bytes:
        """The line in the file."""
        return json.dumps(self.body() | {"signature": self.signature}, sort_keys=True).encode() + b"\n"

    @property
    def kind(self) -> str:
        """What it was written for; "" for one of every hour."""
        return str(self.note.get("kind", ""))

    @property
    def is_genuine(self) -> bool:
        """Whether the key that it names signed it; whether that key is ours is for the reader to say."""
        return is_signed(self.key, _PREFIX + canonical(self.body()), self.signature)


def write(
    store: "Store",
    key: HeadKey,
    path: Path,
    months: int,
    ended: Mark,
    note: Mapping[str, Any] | None = None,
    actor: str = "system",
) -> SignedHead:
    """Add the head of now to the file at `path`: there first, then the log says so, in one write transaction.

    The row that says so comes after the head, which does not hold it.
    """
    with store.write() as tx:
        return add(tx, key, path, months, ended, note, actor)


def add(
    tx: "Tx",
    key: HeadKey,
    path: Path,
    months: int,
    ended: Mark,
    note: Mapping[str, Any] | None = None,
    actor: str = "system",
) -> SignedHead:
    """The same in the caller's transaction: the head is that of the rows which are committed already.

    Its moment is the machine's: a store that claims to have seen a later one makes no term end sooner. Of ended.log it
    says what the store knows, for the file itself may not be the right one (`ended` where the store knows nothing), and
    never less than the last head, unless it tells that the file was begun anew.
    """
    ended = house_state.read(tx.connection).mark or ended
    ended = ended if (note or {}).get("kind") == ENDED_ANEW else _known(path, key, ended)
    row = tx.execute(select(t.audit_head)).one()
    number = max(last_number(path), _last_told(tx)) + 1
    bare = SignedHead(
        number, tx.machine_now, Head(row.seq, row.hash), Head(row.pruned_seq, row.pruned_hash), months, ended,
        note or {}, key.public,
    )  # fmt: skip
    head = SignedHead(**vars(bare) | {"signature": key.sign(_PREFIX + canonical(bare.body()))})
    files.append_lines(path, head.line(), lambda tail: parse(tail) is not None)
    tx.audit(Action.HEAD_WRITE, actor, number=number, seq=head.last.seq, kind=head.kind or None)
    return head


def goes_back(one: Mark, other: Mark) -> bool:
    """Whether ended.log, at the mark `other`, is not what it was at `one`, or further."""
    return other.lines < one.lines or (other.lines == one.lines and other.hash != one.hash)


def _known(path: Path, key: HeadKey, ended: Mark) -> Mark:
    """A house that is closed for its ended.log is shorter says on what was known of it."""
    last = newest(path, key.known)
    return last.ended if last is not None and goes_back(last.ended, ended) else ended


def found(tx: "Tx", key_path: Path, path: Path, months: int, ended: Mark) -> HeadKey | None:
    """The key of heads and head 0, where there was never either; else None.

    Where heads were signed already, or a key is there that signed none, nothing is made: whoever took the file of
    heads away would get a new first head for a log of their own.
    """
    if key_path.exists() or last_number(path) >= 0 or _last_told(tx) >= 0:
        return None
    key = HeadKey.create(key_path)
    add(tx, key, path, months, ended)
    return key


def read(path: Path) -> list[SignedHead]:
    """The heads in `path`, as they stand; none where there is no file. Lines of before heads were signed are passed
    over: `read_unsigned` has them. Raises AuditBroken at a line that is neither, or not as it was written."""
    return [head for head, _ in _lines(path) if head is not None]


def read_unsigned(path: Path) -> list[Head]:
    """What lines of before heads were signed say (`time seq hash`): it may contradict the log, and proves nothing."""
    return [position for _, position in _lines(path) if position is not None]


def _lines(path: Path) -> Iterator[tuple[SignedHead | None, Head | None]]:
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True) if path.exists() else (), 1):
        head = parse(line)
        if head is not None and head.line() == line.rstrip(b"\n") + b"\n":
            yield head, None
            continue
        unsigned = _UNSIGNED.fullmatch(line.rstrip(b"\n"))
        if unsigned is not None:
            yield None, Head(int(unsigned[1]), unsigned[2].decode())
        elif line.endswith(b"\n") and not line.endswith(files.TORN):
            raise AuditBroken(f"{path}: line {number} is no head")


def parse(line: bytes) -> SignedHead | None:
    """The head in a line of the file; None where it holds none."""
    try:
        tree = json.loads(line)
        return SignedHead(
            int(tree["number"]), datetime.fromisoformat(tree["at"]), Head(int(tree["seq"]), str(tree["hash"])),
            _position(tree["start"]), int(tree["months"]), Mark(int(tree["ended"][0]), str(tree["ended"][1])),
            dict(tree["note"]), str(tree["key"]), str(tree["signature"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None


def _position(pair: Any) -> Head:
    return Head(int(pair[0]), str(pair[1]))


def last_number(path: Path) -> int:
    """The number of the last head in the file; -1 where there is none."""
    return max((head.number for head in _tail(path)), default=-1)


def newest(path: Path, keys: Sequence[str]) -> SignedHead | None:
    """The last head in the file that one of `keys` signed."""
    return next((head for head in reversed(_tail(path)) if head.key in keys and head.is_genuine), None)


def _tail(path: Path) -> list[SignedHead]:
    if not path.exists():
        return []
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        return [head for line in file.read().splitlines() if (head := parse(line)) is not None]


def _last_told(tx: "Tx") -> int:
    """The number of the last head that the log speaks of; -1 where it speaks of none."""
    mine = t.audit.c.action == Action.HEAD_WRITE.value
    last = tx.connection.scalar(select(t.audit.c.details).where(mine).order_by(t.audit.c.seq.desc()).limit(1))
    return -1 if last is None else int(json.loads(last).get("number", -1))
