"""Prunes the audit log to its term, provably."""

from datetime import datetime

from sqlalchemy import delete, select, update

from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action, Head
from plugin.ledger.store.store import Tx


def prune_rows(tx: Tx, before: datetime, provable: int, actor: str = "system", limit: int = 10_000) -> int:
    """Delete up to `limit` rows older than `before` from the front, none after `provable`; returns how many.

    The anchor moves to the last of them, and a row of the log records that.
    """
    oldest = select(t.audit.c.seq, t.audit.c.at, t.audit.c.hash).where(t.audit.c.seq <= provable)
    oldest = oldest.order_by(t.audit.c.seq).limit(limit)
    cut: Head | None = None
    count = 0
    for row in tx.execute(oldest).all():
        if row.at >= before:
            break
        cut, count = Head(row.seq, row.hash), count + 1
    if cut is None:
        return 0
    tx.execute(delete(t.audit).where(t.audit.c.seq <= cut.seq))
    tx.execute(update(t.audit_head).values(pruned_seq=cut.seq, pruned_hash=cut.hash))
    tx.audit(Action.LOG_PRUNE, actor, through=cut.seq, hash=cut.hash)
    return count
