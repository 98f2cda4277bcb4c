"""The rows of `staff`: every write to them is here."""

from sqlalchemy import ColumnElement, Connection, delete, insert, select, true, update

from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.staff import StaffRow


def find(connection: Connection, name: str) -> StaffRow | None:
    """The row of an account; None where there is none of this name."""
    row: StaffRow | None = connection.execute(select(t.staff).where(t.staff.c.name == name)).first()
    return row


def add(tx: Tx, **values: object) -> None:
    """Enter an account."""
    tx.execute(insert(t.staff).values(created_at=tx.now, **values))


def change(tx: Tx, name: str, only: ColumnElement[bool] | None = None, **values: object) -> bool:
    """Change an account's row, if it is there and as `only` says; whether that was so."""
    mine = (t.staff.c.name == name) & (true() if only is None else only)
    return tx.execute(update(t.staff).where(mine).values(**values)).rowcount == 1


def remove(tx: Tx, name: str) -> None:
    """Delete an account's row."""
    tx.execute(delete(t.staff).where(t.staff.c.name == name))
