"""The only module that writes rows of `tag`: a name that stands on a photograph, as the ledger has it."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, delete, insert, update

from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import name_key


def enter(tx: Tx, resource_id: int, node: str, origin: str, places: Iterable[str], **more: object) -> None:
    """The name stands on the photograph from now on; `places`: where we wrote it."""
    tx.execute(
        insert(t.tag).values(
            resource_id=resource_id,
            node=node,
            node_key=name_key(node),
            origin=origin,
            places=sorted(places),
            created_at=tx.now,
            **more,
        )
    )


def change(tx: Tx, *which: ColumnElement[bool], **values: object) -> None:
    """Give the tags that `which` selects these values."""
    tx.execute(update(t.tag).where(*which).values(**values))


def drop(tx: Tx, *which: ColumnElement[bool]) -> None:
    """Forget the tags that `which` selects."""
    tx.execute(delete(t.tag).where(*which))
