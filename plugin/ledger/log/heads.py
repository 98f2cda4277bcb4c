"""Heads of the audit log, kept outside the store: what the log was at a moment, signed.

A line of JSON each, numbered from 0 without a gap. A head is in the file before the log says that it was written, so
the log never speaks of one that the file did not have.
"""

import fcntl
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
"""The kind of a head that says that ended.log was begun anew."""
_BEGINNING = ("begin", "restore", ENDED_RESTARTED)
"""What is written also where the heads that the log speaks of are not there any more."""

_PREFIX = b"facelease head\n"
_UNSIGNED = re.compile(rb"\S+ (\d+) ([0-9a-f]{64})")
_TAIL = 65_536  # bytes: more than one line ever takes


@dataclass(frozen=True)
class SignedHead:
    """One head. `last`: the log's last row, `start`: the row before its first (pruned, or 0), `months`: the term of
    its rows, `ended`: what ended.log was, `note`: what it was written for (`kind` manifest, keys, restore, key, begin,
    ended), with what belongs to that; `before` is in it where another key signed the head before, and binds all that
    stand there: whoever has the old key changes none of them. `key` is the public key that signed it.
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
        return is_signed_by(self.key, _PREFIX + canonical_json(self.body()), self.signature)


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
    refuse_unreachable(path)
    with store.write() as tx:
        return add(tx, key, path, months, ended, note, actor)


def refuse_unreachable(path: Path) -> None:
    """Ask for the file before a write in which a head is added, so that a share that hangs is waited for out here.

    Nothing is kept of the answer. Raises VaultError: it is out of reach; a file that is not there is no error.
    """
    try:
        with path.open("r+b") as file:
            fcntl.flock(
                file, fcntl.LOCK_EX
            )  # a share's own server answers that, and no cache of this machine
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            file.read()
    except FileNotFoundError:
        return
    except OSError as error:
        raise VaultError(f"keys.heads_file: {path} cannot be written ({error.strerror})") from error


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
    never less than the last head, unless it tells that the file was begun anew. Raises VaultError where the file is
    out of reach.
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
    bare = SignedHead(
        number, tx.machine_now, Head(row.seq, row.hash), Head(row.pruned_seq, row.pruned_hash), months, ended,
        dict(note or {}) | _bind_former_key(path, tail, key), key.public,
    )  # fmt: skip
    head = SignedHead(**vars(bare) | {"signature": key.sign(_PREFIX + canonical_json(bare.body()))})
    _append_line(path, head)
    tx.audit(Action.HEAD_WRITE, actor, number=number, seq=head.last.seq, kind=head.kind or "log")
    return head


def _bind_former_key(path: Path, tail: list[SignedHead], key: HeadKey) -> dict[str, str]:
    """What the first head of a key says of those before it."""
    if not tail or tail[-1].key == key.public:
        return {}
    return {
        "before": hash_heads(
            head for line in _read_bytes(path).splitlines() if (head := parse_head(line)) is not None
        )
    }


def hash_heads(heads: Iterable[SignedHead]) -> str:
    """What binds them all, in their order: SHA-256, in hex, of their signatures, each on a line."""
    return hashlib.sha256("".join(f"{head.signature}\n" for head in heads).encode()).hexdigest()


def goes_back(one: Mark, other: Mark) -> bool:
    """Whether ended.log, at the mark `other`, is not what it was at `one`, or further."""
    return other.lines < one.lines or (other.lines == one.lines and other.hash != one.hash)


def _newest_known_mark(path: Path, key: HeadKey, ended: Mark) -> Mark:
    """A house that is closed for its ended.log is shorter says on what was known of it."""
    last = find_newest(path, key.public)
    return last.ended if last is not None and goes_back(last.ended, ended) else ended


def create_first_head(tx: "Tx", key_path: Path, path: Path, months: int, ended: Mark) -> HeadKey | None:
    """The key of heads and head 0, where there was never either; else None.

    Where heads were signed already, or a key is there that signed none, nothing is made: whoever took the file of
    heads away would get a new first head for a log of their own.
    """
    if key_path.exists() or find_last_number(path) >= 0 or _last_logged(tx) >= 0:
        return None
    key = HeadKey.create(key_path)
    add(tx, key, path, months, ended)
    return key


def read(path: Path) -> list[SignedHead]:
    """The heads in `path`, as they stand; none where there is no file. Lines of before heads were signed are passed
    over: `read_unsigned` has them. Raises AuditBroken at a line that is neither, or not as it was written."""
    return [head for head, _ in _read_lines(path) if head is not None]


def read_unsigned(path: Path) -> list[Head]:
    """What lines of before heads were signed say (`time seq hash`): it may contradict the log, and proves nothing."""
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
    """The head in a line of the file; None where it holds none."""
    try:
        tree = json.loads(line)
        return SignedHead(
            int(tree["number"]), datetime.fromisoformat(tree["at"]), Head(int(tree["seq"]), str(tree["hash"])),
            _parse_position(tree["start"]), int(tree["months"]), Mark(int(tree["ended"][0]), str(tree["ended"][1])),
            dict(tree["note"]), str(tree["key"]), str(tree["signature"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None


def _parse_position(pair: Any) -> Head:
    return Head(int(pair[0]), str(pair[1]))


def find_last_number(path: Path) -> int:
    """The number of the last head in the file; -1 where there is none."""
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
    """The file, or the `last` bytes of it; nothing where it is not there. Raises VaultError: it is out of reach."""
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
    """The number of the last head that the log speaks of; -1 where it speaks of none."""
    mine = t.audit.c.action == Action.HEAD_WRITE.value
    last = tx.connection.scalar(select(t.audit.c.details).where(mine).order_by(t.audit.c.seq.desc()).limit(1))
    return -1 if last is None else int(json.loads(last).get("number", -1))
