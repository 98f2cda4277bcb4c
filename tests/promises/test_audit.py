"""A1: any change of the audit log older than the last signed head is noticed, and the chain never forks."""

import hashlib
import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from plugin.clock import ManualClock
from plugin.errors import AuditBroken
from plugin.ledger import tables as t
from plugin.ledger.log import heads, proof
from plugin.ledger.log.endings import NOTHING_ENDED
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.log.heads import SignedHead
from plugin.ledger.log.proof import LogProof, ProofVerdict
from plugin.ledger.store import audit
from plugin.ledger.store.audit import Action, Head
from plugin.ledger.store.store import Store, Tx

Promise = Callable[[str, str], None]
Values = dict[str, Any]

ROWS = 60
_LATE = 6  # rows after the last head, the first of which tells of it: a tamperer may rewrite only these


class _RollBackError(Exception):
    """Takes a tampering back."""


def _write(store: Store, clock: ManualClock, rows: int) -> None:
    for number in range(rows):
        clock.advance(timedelta(seconds=1))
        with store.write() as tx:
            tx.audit(Action.FACE_SCAN, "system", resource_id=number % 7, faces=number % 3, engine="e")


def _rows(tx: Tx) -> list[Values]:
    return [dict(row) for row in tx.execute(select(t.audit).order_by(t.audit.c.seq)).mappings()]


def _replace(tx: Tx, rows: list[Values], chain_from: int | None = None) -> None:
    """Put `rows` in the place of the log; with `chain_from` number and hash them anew from that index on."""
    if chain_from is not None:
        last = Head(rows[chain_from - 1]["seq"], rows[chain_from - 1]["hash"]) if chain_from else _anchor(tx)
        for row in rows[chain_from:]:
            row["seq"], row["previous"] = last.seq + 1, last.hash
            row["hash"] = audit.hash_row(audit.NewAuditRow(**row))
            last = Head(row["seq"], row["hash"])
        tx.execute(update(t.audit_head).values(seq=last.seq, hash=last.hash))
    tx.execute(delete(t.audit))
    tx.execute(insert(t.audit), rows)


def _anchor(tx: Tx) -> Head:
    row = tx.execute(select(t.audit_head)).one()
    return Head(row.pruned_seq, row.pruned_hash)


def _edit(row: Values, random: Random) -> None:
    column = random.choice(["at", "action", "actor", "subject", "resource_id", "details", "previous", "hash"])
    changed = {
        "at": row["at"] + timedelta(microseconds=random.choice([-1, 1])),
        "action": Action.FACE_UNDO.value,
        "actor": row["actor"] + " ",
        "subject": "0" * 64 if row["subject"] is None else None,
        "resource_id": None if row["resource_id"] is not None else 1,
        "details": row["details"].replace("}", ',"more":1}'),
        "previous": "0" * 63 + "1",
        "hash": "0" * 63 + "1",
    }
    row[column] = changed[column]


def _edit_plain(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    _edit(rows[index], random)
    _replace(tx, rows)


def _edit_rehashed(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    """The row's own hash is made to fit, and nothing else."""
    rows[index]["actor"] += "x"
    rows[index]["hash"] = audit.hash_row(audit.NewAuditRow(**rows[index]))
    _replace(tx, rows)


def _edit_rewritten(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    """Everything after the edit is chained anew, the head row too."""
    rows[index]["actor"] += "x"
    _replace(tx, rows, chain_from=index)


def _delete_plain(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    _replace(tx, rows[:index] + rows[index + 1 :])


def _delete_rewritten(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    _replace(tx, rows[:index] + rows[index + 1 :], chain_from=index)


def _swap(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    other = random.choice([i for i in range(len(rows)) if i != index])
    rows[index]["seq"], rows[other]["seq"] = rows[other]["seq"], rows[index]["seq"]
    _replace(tx, rows)


def _swap_rewritten(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    other = random.choice([i for i in range(len(rows)) if i != index])
    rows[index], rows[other] = rows[other], rows[index]
    _replace(tx, rows, chain_from=min(index, other))


def _insert_rewritten(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    more = rows[index] | {"actor": "x"}  # a mere copy of the last row kept outside would stand after it
    _replace(tx, [*rows[:index], more, *rows[index:]], chain_from=index)


def _cut_tail(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    """The head row is made to fit."""
    _replace(tx, rows[: max(index, 1)], chain_from=max(index, 1))


def _cut_and_grow(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    """The tail is cut and other rows are put in its place, up to more than there were."""
    grown = rows[: max(index, 1)] + [dict(rows[0]) for _ in range(len(rows) - index + 3)]
    _replace(tx, grown, chain_from=max(index, 1))


def _cut_front(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    """As if it had been pruned: the anchor is moved, but no row says so."""
    cut = rows[index]
    tx.execute(delete(t.audit).where(t.audit.c.seq <= cut["seq"]))
    tx.execute(update(t.audit_head).values(pruned_seq=cut["seq"], pruned_hash=cut["hash"]))


def _rewrite_all(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    for row in rows:
        row["actor"] = f"nobody {random.random()}"
    _replace(tx, rows, chain_from=0)


def _empty(tx: Tx, rows: list[Values], index: int, random: Random) -> None:
    tx.execute(delete(t.audit))
    values = {"seq": 0, "hash": audit.GENESIS, "pruned_seq": 0, "pruned_hash": audit.GENESIS}
    tx.execute(update(t.audit_head).values(**values))


_WAYS = (
    _edit_plain,
    _edit_rehashed,
    _edit_rewritten,
    _delete_plain,
    _delete_rewritten,
    _swap,
    _swap_rewritten,
    _insert_rewritten,
    _cut_tail,
    _cut_and_grow,
    _cut_front,
    _rewrite_all,
    _empty,
)


@dataclass(frozen=True)
class _Book:
    """The heads outside the store, and their key."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "heads.log"

    @property
    def key(self) -> HeadKey:
        return HeadKey.load(self.folder / "heads.key")

    def write(self, store: Store) -> None:
        heads.write(store, self.key, self.file, 84, NOTHING_ENDED)

    def verify(self, connection: Connection, signed: Sequence[SignedHead] | None = None) -> LogProof:
        return proof.verify_log(connection, heads.read(self.file) if signed is None else signed, self.key.known)


def _begin(store: Store, folder: Path) -> _Book:
    book = _Book(folder)
    with store.write() as tx:
        heads.create_first_head(tx, folder / "heads.key", book.file, 84, NOTHING_ENDED)
    return book


def _noticed(store: Store, book: _Book, way: Callable[..., None], random: Random) -> bool:
    seen: list[str] = []
    signed = heads.read(book.file)
    with pytest.raises(_RollBackError), store.write() as tx:
        _tamper(tx, book, signed, way, random, seen)
    return bool(seen) and "row" in seen[0]


def _tamper(
    tx: Tx, book: _Book, signed: Sequence[SignedHead], way: Callable[..., None], random: Random, seen: list[str]
) -> None:
    rows = _rows(tx)
    way(tx, rows, random.randrange(len(rows) - _LATE), random)
    try:
        found = book.verify(tx.connection, signed)
        seen += [f"row {found.why.row}"] if found.why is not None and found.why.row else []
        assert bool(seen) is (found.verdict is not ProofVerdict.HOLDS), found
    except AuditBroken as error:
        seen.append(str(error))
    raise _RollBackError


def _write_beside(store: Store, count: int) -> None:
    for number in range(count):
        with store.write(alone=number % 2 == 0) as tx:
            tx.audit(Action.FACE_SCAN, f"writer {os.getpid()}", number=number)
            tx.audit(Action.FACE_MATCH, f"writer {os.getpid()}", number=number)
    os._exit(0)


def _eight_writers(store: Store, each: int) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_beside, args=(store, each)) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 8


@pytest.mark.promise
def test_tampering_is_noticed_and_the_chain_never_forks(
    store: Store, clock: ManualClock, tmp_path: Path, promise: Promise, full: bool
) -> None:
    """Whatever is done to a row up to the last head kept outside, verifying names a row; 8 writers make one chain."""
    book = _begin(store, tmp_path)
    _write(store, clock, ROWS // 2)
    book.write(store)
    _write(store, clock, ROWS // 2)
    book.write(store)
    _write(store, clock, _LATE - 1)
    with store.read() as connection:
        before = book.verify(connection)
    assert (before.verdict, before.after) == (ProofVerdict.HOLDS, _LATE)
    random, missed, count = Random(1), Counter[str](), 2_600 if full else 390
    for number in range(count):
        way = _WAYS[number % len(_WAYS)]
        missed[way.__name__] += not _noticed(store, book, way, random)
    each = 100 if full else 15
    _eight_writers(store, each)
    with store.read() as connection:
        after = book.verify(connection)
        previous = list(connection.scalars(select(t.audit.c.previous)))
    forks = len(previous) - len(set(previous))
    promise("A1", f"({store.kind}) tamperings {count}, missed {missed.total()}; 8 writers: forks {forks}")
    assert missed.total() == 0, missed
    assert after.verdict is ProofVerdict.HOLDS
    assert (forks, after.rows - before.rows) == (0, 8 * each * 2)


def test_exported_lines_are_enough_to_verify(store: Store, clock: ManualClock) -> None:
    """A second implementation, of ten lines, follows the chain in the export."""
    _write(store, clock, 5)
    with store.read() as connection:
        lines = [json.loads(line) for line in audit.export_rows(connection)]
        head = audit.read_head(connection)
    last = "0" * 64
    for row in lines:
        moment = datetime.fromisoformat(row["at"]) - datetime(1970, 1, 1, tzinfo=UTC)
        details = json.dumps(row["details"], sort_keys=True, separators=(",", ":"))
        parts = [
            row["seq"],
            moment // timedelta(microseconds=1),
            row["action"],
            row["actor"],
            row["subject"],
            row["resource_id"],
            details,
            last,
        ]
        last = hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()
        assert row["hash"] == last
    assert (head.seq, head.hash) == (5, last)
