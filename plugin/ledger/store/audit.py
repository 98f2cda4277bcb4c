"""The audit log: every effect, and every look at a person's data, in a hash chain.

SHA-256 over the canonical JSON of a row and the previous row's hash. Somebody who rewrites the whole log can make a new
chain, but not the signed heads outside the store, against which `proof` verifies it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from plugin.errors import AuditBroken
from plugin.ledger import tables as t
from plugin.ledger.store.actions import Action
from plugin.ledger.tables.rows import AuditRow

__all__ = [
    "Action",
    "AuditEntry",
    "Head",
    "NewAuditRow",
    "Scalar",
    "VerifiedChain",
    "append_entries",
    "begin_log",
    "export_rows",
    "read_head",
    "verify_chain",
]

Scalar = str | int | float | bool | None

GENESIS = "0" * 64
_SPEAKING = (Action.HEAD_WRITE.value, Action.LOG_PRUNE.value)
_LONGEST = 200  # characters of a text in details: facts, not prose


class Head(NamedTuple):
    """The last row of the log: its number (0: none yet) and its hash."""

    seq: int
    hash: str


@dataclass(frozen=True)
class AuditEntry:
    """A new audit row: who did what to whom. `details` hold no personal data."""

    action: Action
    actor: str
    subject: str | None
    resource_id: int | None
    details: dict[str, Scalar]


@dataclass
class NewAuditRow:
    """A row to insert; `hash` is of the other columns, and so of `previous`."""

    seq: int
    at: datetime
    action: str
    actor: str
    subject: str | None
    resource_id: int | None
    details: str
    previous: str
    hash: str = ""


@dataclass(frozen=True)
class VerifiedChain:
    """A consistent chain, and what its rows say about heads: number and last row of each, and pruned rows."""

    rows: int
    start: Head
    head: Head
    told: Mapping[int, int]
    prunes: frozenset[Head]

    @property
    def pruned(self) -> int:
        """How many rows were pruned."""
        return self.start.seq


def begin_log(connection: Connection) -> None:
    """Start the log, if it has not started."""
    if connection.execute(select(t.audit_head.c.id)).first() is None:
        first = {"id": 1, "seq": 0, "hash": GENESIS, "pruned_seq": 0, "pruned_hash": GENESIS}
        connection.execute(insert(t.audit_head).values(**first))


def append_entries(connection: Connection, now: datetime, entries: Sequence[AuditEntry]) -> None:
    """Append `entries` to the chain, just before the commit: this locks the head row.

    Raises ValueError or TypeError where details are not short JSON scalars.
    """
    if not entries:
        return
    row = connection.execute(select(t.audit_head).with_for_update()).one()
    seq, previous = row.seq, row.hash
    rows = []
    for entry in entries:
        seq += 1
        who = entry.action.value, entry.actor, entry.subject, entry.resource_id
        new = NewAuditRow(seq, now, *who, _canonical_details(entry.details), previous)
        previous = new.hash = hash_row(new)
        rows.append(vars(new))
    connection.execute(insert(t.audit), rows)
    connection.execute(update(t.audit_head).values(seq=seq, hash=previous))


def hash_row(row: AuditRow) -> str:
    """SHA-256, in hex, of a row (without its hash) chained to the previous hash."""
    moment = (row.at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    parts = [row.seq, round(moment * 1_000_000), row.action, row.actor, row.subject]
    parts += [row.resource_id, row.details, row.previous]
    return hashlib.sha256(canonical_json(parts)).hexdigest()


def canonical_json(value: object) -> bytes:
    """Canonical JSON: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def read_head(connection: Connection) -> Head:
    """The last row of the log."""
    row = connection.execute(select(t.audit_head.c.seq, t.audit_head.c.hash)).one()
    return Head(row.seq, row.hash)


def verify_chain(connection: Connection, known: Iterable[Head] = ()) -> VerifiedChain:
    """Verify the chain from its first row to its last, through every position in `known`.

    Positions before the first row cannot be compared; `proof` decides whether earlier rows may be gone. Raises
    AuditBroken naming the first wrong row.
    """
    kept = connection.execute(select(t.audit_head)).first()
    if kept is None:
        raise AuditBroken("the row that holds the head of the audit log is gone")
    start, end = Head(kept.pruned_seq, kept.pruned_hash), Head(kept.seq, kept.hash)
    wanted = _list_wanted(known, start, end)
    last, said = start, _HeadClaims({}, set())
    for row in connection.execute(select(t.audit).order_by(t.audit.c.seq)):
        last = _verify_row(row, last)
        if wanted.get(last.seq, last.hash) != last.hash:
            raise AuditBroken(f"audit row {last.seq} is not the one that a head knows")
        said.hear(row)
    if last != end:
        raise AuditBroken(f"the audit log ends at row {last.seq}, its head is row {end.seq}")
    return VerifiedChain(end.seq - start.seq, start, end, said.told, frozenset(said.prunes))


def _list_wanted(known: Iterable[Head], start: Head, end: Head) -> dict[int, str]:
    """The positions that the rows must pass, by number."""
    wanted: dict[int, str] = {}
    for position in known:
        if wanted.setdefault(position.seq, position.hash) != position.hash:
            raise AuditBroken(f"two heads of audit row {position.seq} differ")
    if wanted and max(wanted) > end.seq:
        raise AuditBroken(f"audit row {end.seq + 1} is missing: a head knows row {max(wanted)}")
    if wanted.get(start.seq, start.hash) != start.hash:
        raise AuditBroken(f"audit row {start.seq}, the last one before the log, is not the one that a head knows")
    return wanted


class _HeadClaims(NamedTuple):
    """What rows say about heads and pruning."""

    told: dict[int, int]
    prunes: set[Head]

    def hear(self, row: AuditRow) -> None:
        if row.action in _SPEAKING:
            details = json.loads(row.details)
            try:
                if row.action == Action.LOG_PRUNE.value:
                    self.prunes.add(Head(int(details["through"]), str(details["hash"])))
                elif "number" in details:
                    self.told[int(details["number"])] = int(details["seq"])
            except (KeyError, TypeError, ValueError) as error:
                raise AuditBroken(f"audit row {row.seq} does not say what such a row says") from error


def _verify_row(row: AuditRow, last: Head) -> Head:
    if row.seq != last.seq + 1:
        raise AuditBroken(f"audit row {last.seq + 1} is missing: the next one is {row.seq}")
    if row.previous != last.hash:
        raise AuditBroken(f"audit row {row.seq} does not follow from the row before it")
    if hash_row(row) != row.hash:
        raise AuditBroken(f"audit row {row.seq} was changed after it was written")
    return Head(row.seq, row.hash)


def export_rows(connection: Connection, after: int = 0, through: int | None = None) -> Iterator[str]:
    """Every row as one line of JSON, oldest first; a verifier needs nothing else.

    `after`, `through`: only rows with a number above the one, up to the other.
    """
    query = select(t.audit).where(t.audit.c.seq > after).order_by(t.audit.c.seq)
    if through is not None:
        query = query.where(t.audit.c.seq <= through)
    for row in connection.execute(query):
        values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way, in spite of its name
        values["at"] = row.at.isoformat()
        values["details"] = json.loads(row.details)
        yield json.dumps(values, sort_keys=True, ensure_ascii=False)


def _canonical_details(details: dict[str, Scalar]) -> str:
    for key, value in details.items():
        if not isinstance(value, str | int | float | bool | None):
            raise TypeError(f"audit detail {key} is no JSON scalar but {type(value).__name__}")
        if isinstance(value, str) and len(value) > _LONGEST:
            raise ValueError(f"audit detail {key} is longer than {_LONGEST} characters")
    return canonical_json(details).decode()
