"""Rulings on collections that are not this DAM's, or may be others under the same number: they become *lost*.

A DAM restored from a dump gives a number out twice; another DAM has others under the same names and numbers.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from plugin.flows.collections import modes, ruling_history, ruling_identity
from plugin.flows.common.batches import in_short_writes
from plugin.flows.common.services import Services
from plugin.hooks.dam import KeepsModes, NamedCollections
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import CollectionRow

_AT_ONCE = 5  # rulings of one step: each has a history


def lose_those_of_another_dam(services: Services) -> int:
    """Run first in a process, which may have been given another DAM; returns how many rulings were lost.

    A ruling on a folder has the folder's mark; one on a numbered collection has none.
    """
    with services.store.write() as tx:
        rows = tx.execute(select(t.collection).where(t.collection.c.lost_at.is_(None))).all()
        strange = [row.ref for row in rows if _is_strange(services, tx.connection, row)]
        for ref in strange:
            ruling_identity.lose_in(services, tx, ref, None)
        if strange:
            tx.move_generation()
    return len(strange)


def _is_strange(services: Services, conn: Connection, row: CollectionRow) -> bool:
    if not isinstance(services.dam, NamedCollections):
        return row.identity is not None
    return row.identity is None and row.ref.isdigit() and not _has_photographs_below(conn, row.ref)


def _has_photographs_below(conn: Connection, ref: str) -> bool:
    """Whether we know photographs in a folder of this name: a ruling of before there were marks has none."""
    mine = t.resource_collection.c
    query = (
        select(t.resource.c.id)
        .join(t.resource_collection, mine.resource_id == t.resource.c.id)
        .where(mine.collection_ref == ref, t.resource.c.ref.startswith(f"{ref}/", autoescape=True))
    )
    return conn.execute(query.limit(1)).first() is not None


def reread_after_restore(services: Services) -> int:
    """The DAM was restored: keep what it still says of its collections, check everything else.

    A ruling made in the DAM that it does not have any more is lost; so is one made here if its collection is gone or
    has another title. Returns how many were lost. Raises DamError.
    """
    if not isinstance(services.dam, KeepsModes):
        return 0
    told = {one.ref: one for one in services.dam.rulings()}
    titles = {one.ref: one.title for one in services.dam.collections()}
    modes.import_rulings(services, list(told.values()))
    with services.store.read() as conn:
        heard = ruling_history.list_decided_in_dam(conn)
        rows = conn.execute(select(t.collection).where(t.collection.c.lost_at.is_(None))).all()
    unruled = [row for row in rows if row.ref not in told]
    gone = [row.ref for row in unruled if row.ref in heard or titles.get(row.ref) != row.title]
    _lose(services, gone)
    return len(gone)


def _lose(services: Services, refs: Sequence[str]) -> None:
    def lose(tx: Tx, some: Sequence[str]) -> None:
        for ref in some:
            ruling_identity.lose_in(services, tx, ref, None)
        tx.move_generation()

    in_short_writes(services.store, refs, lose, _AT_ONCE)
