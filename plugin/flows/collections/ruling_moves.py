"""Renames the refs of collections that were renamed or moved, in every table.

Photographs move in portions (rule 45): before the commit they are added where the ruling goes, after it they are
removed from where it was. If killed in between, they are in both.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, insert, literal, select, update

from plugin.flows.collections import modes, ruling_history
from plugin.flows.collections.ruling_history import RulingCause
from plugin.flows.common.batches import in_short_writes
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx

_AT_ONCE = 200  # photographs of one step


def move_rulings(services: Services, tx: Tx, moves: Mapping[str, str], titles: Mapping[str, str]) -> None:
    """All at once, since two may have swapped places. A lost ruling makes room for the one that comes."""
    for target in moves.values():
        if target not in moves and _exists(tx, target):
            _rename(tx, {target: f"{target} (lost {tx.now:%Y-%m-%d %H:%M:%S.%f})"})
    _rename(tx, moves)
    for old, new in moves.items():
        this = t.collection.c.ref == new
        tx.execute(update(t.collection).where(this).values(title=titles.get(new, new)))
        ruling_history.append(services, tx, new, RulingCause.FOLLOWED, "system", moved_from=old)
        mode = tx.connection.scalar(select(t.collection.c.mode).where(this))
        tx.audit(Action.MODE_FOLLOW, "system", mode=str(mode), collection=modes.pseudonym(new))
        services.queue.put(tx, "remode", new, {})


def _exists(tx: Tx, ref: str) -> bool:
    return tx.execute(select(t.collection.c.ref).where(t.collection.c.ref == ref)).first() is not None


def _rename(tx: Tx, moves: Mapping[str, str]) -> None:
    """Rename the refs in every table; the history keeps those of its time."""
    if moves.keys() & set(moves.values()):  # two may change places
        _rename_each(tx, {old: _COMING + new for old, new in moves.items()})
        moves = {_COMING + new: new for new in moves.values()}
    _rename_each(tx, moves)


# No ref begins with it: between the old name and the new one. PostgreSQL stores no NUL.
_COMING = "\x01coming\x01"


def _rename_each(tx: Tx, moves: Mapping[str, str]) -> None:
    for old, new in moves.items():
        row = tx.execute(select(t.collection).where(t.collection.c.ref == old)).mappings().one()
        tx.execute(insert(t.collection).values(**dict(row) | {"ref": new}))
        _take_over(tx, old, new)
        for column in (t.former_place.c, t.invitation.c):
            ref = column.collection_ref
            tx.execute(update(ref.table).where(ref == old).values(collection_ref=new))
        tx.execute(delete(t.collection).where(t.collection.c.ref == old))


def _take_over(tx: Tx, old: str, new: str) -> None:
    """Photographs in the one are in the other from now on. Those in both leave the one later (`remove_photos`): it
    has no ruling any more."""
    mine = t.resource_collection.c
    already = select(mine.resource_id).where(mine.collection_ref == new)
    here = (mine.collection_ref == old) & mine.resource_id.not_in(already.correlate(None))
    tx.execute(update(t.resource_collection).where(here).values(collection_ref=new))


def add_photos(services: Services, old: str, new: str) -> None:
    """Before a ruling moves: add its photographs where it goes; nothing is ruled there yet."""
    mine = t.resource_collection.c
    there = select(mine.resource_id).where(mine.collection_ref == new)
    with services.store.read() as conn:
        query = select(mine.resource_id).where(mine.collection_ref == old, mine.resource_id.not_in(there))
        ids = list(conn.scalars(query))

    def lie(tx: Tx, some: Sequence[int]) -> None:
        still = select(mine.resource_id, literal(new)).where(
            mine.collection_ref == old, mine.resource_id.in_(some), mine.resource_id.not_in(there.correlate(None))
        )
        tx.execute(insert(t.resource_collection).from_select(["resource_id", "collection_ref"], still))

    in_short_writes(services.store, ids, lie, _AT_ONCE)


def remove_photos(services: Services, old: str, new: str) -> None:
    """After a ruling moved: remove them from where it was."""
    mine = t.resource_collection.c
    there = select(mine.resource_id).where(mine.collection_ref == new)
    with services.store.read() as conn:
        in_both = (mine.collection_ref == old) & mine.resource_id.in_(there)
        ids = list(conn.scalars(select(mine.resource_id).where(in_both)))

    def go(tx: Tx, some: Sequence[int]) -> None:
        tx.execute(delete(t.resource_collection).where(mine.collection_ref == old, mine.resource_id.in_(some)))

    in_short_writes(services.store, ids, go, _AT_ONCE)
