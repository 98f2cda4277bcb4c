"""Confirms that a destroyed key can no longer be read from the store's own files."""

from sqlalchemy import Connection, select, update

from plugin.ledger import tables as t
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Store


def of_person(connection: Connection, person_id: str) -> list[str | None]:
    """How each destroyed key of the person was shredded; None of one that may still be read back."""
    mine = t.shredding.c.person_id == person_id
    return list(connection.scalars(select(t.shredding.c.how).where(mine)))


def shred(store: Store, actor: str = "system") -> int:
    """Mark keys destroyed before now as shredded, on SQLite, once its WAL is cut; returns how many.

    0 when an open reader holds the WAL back (try again later), and on PostgreSQL, where only
    `rotation.rotate` shreds.
    """
    with store.read() as connection:
        waiting = list(connection.scalars(select(t.shredding.c.id).where(t.shredding.c.shredded_at.is_(None))))
    if not waiting or not store.checkpoint():
        return 0
    with store.write() as tx:
        # By the largest number seen before the checkpoint: what was destroyed since waits for the next.
        done = (
            update(t.shredding)
            .where(t.shredding.c.shredded_at.is_(None), t.shredding.c.id <= max(waiting))
            .values(shredded_at=tx.now, how="checkpoint")
        )
        count = int(tx.execute(done).rowcount)
        tx.audit(Action.KEY_SHRED, actor, keys=count, how="checkpoint")
    return count
