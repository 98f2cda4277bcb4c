"""The only module that writes rows of `intent`, but for erasure, which deletes them."""

from collections.abc import Sequence

from sqlalchemy import insert, update

from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx


def enter(tx: Tx, rows: Sequence[dict[str, object]]) -> Sequence[int]:
    """Store open intents, all with the same columns; returns their ids, in order."""
    common = {"state": "open", "generation": tx.generation(), "created_at": tx.now}
    query = insert(t.intent).returning(t.intent.c.id, sort_by_parameter_order=True)
    return tx.connection.scalars(query, [row | common for row in rows]).all()


def close(tx: Tx, ids: Sequence[int], state: str, error: str | None = None) -> None:
    """Their outcome is known: done, undone, failed or void."""
    closed = {"state": state, "finished_at": tx.now, "error": error}
    tx.execute(update(t.intent).where(t.intent.c.id.in_(ids)).values(**closed))


def reopen(tx: Tx, intent_id: int) -> None:
    """It is to be carried out once more, or undone."""
    tx.execute(update(t.intent).where(t.intent.c.id == intent_id).values(state="open", finished_at=None))


def void(tx: Tx, resource_id: int) -> None:
    """The resource is gone: what was open of it comes to nothing."""
    mine = (t.intent.c.resource_id == resource_id) & (t.intent.c.state == "open")
    tx.execute(update(t.intent).where(mine).values(state="void", finished_at=tx.now))
