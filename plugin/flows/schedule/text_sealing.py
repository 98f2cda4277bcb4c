"""Seal free text that older versions stored as plain text, at the next start, and overwrite the plain text.

SQLite moves rows and leaves copies in used pages, so its file is rewritten once after such a start, its log truncated.
"""

import json
from collections.abc import Mapping

from sqlalchemy import JSON, Column, ColumnElement, Table, Text, cast, select, update

from plugin.errors import VaultError
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text, house_key
from plugin.ledger.keys.free_text import TextSealer
from plugin.ledger.keys.vault import RECORD
from plugin.ledger.store.store import Tx
from plugin.ledger.tables import column_contents
from plugin.ledger.tables.column_contents import Holds
from plugin.ledger.tables.columns import UnreadableCell, stored_type

PORTION = 50


def seal_plain_texts(services: Services) -> int:
    """Seal plain texts in portions, and overwrite them; returns how many.

    If a key does not open, the texts stay as they are until it does; the process serves all the same.
    """
    count = 0
    try:
        for table, column in column_contents.list_columns(Holds.TEXT):
            count += _seal_column(services, table, column)
    except VaultError:
        return count
    overwrite_plain_texts(services)
    return count


def overwrite_plain_texts(services: Services) -> bool:
    """Rewrite the store's file if texts were sealed since the last rewrite; False if another process holds it."""
    with services.store.read() as conn:
        since = conn.scalar(select(t.state.c.texts_sealed_at))
    if since is None:
        return True
    if services.store.is_sqlite and not services.store.rewrite():
        return False
    with services.store.write() as tx:
        tx.execute(update(t.state).where(t.state.c.texts_sealed_at == since).values(texts_sealed_at=None))
    return True


def _seal_column(services: Services, table: Table, column: "Column[object]") -> int:
    (number,) = table.primary_key.columns
    last, count = None, 0
    while True:
        plain = select(table).where(free_text.is_unsealed(column)).order_by(number).limit(PORTION)
        with services.store.read() as conn:
            rows = conn.execute(plain if last is None else plain.where(number > last)).mappings().all()
        if not rows:
            return count
        last = rows[-1][number.name]
        with services.store.write() as tx:
            house_key.make(tx, services.master)
            texts = services.texts(tx.connection)
            count += sum(_seal(services, tx, texts, column, {**row}) for row in rows)
            tx.execute(update(t.state).values(texts_sealed_at=tx.now))


def _seal(services: Services, tx: Tx, texts: TextSealer, column: "Column[object]", row: Mapping[str, object]) -> int:
    """Only if it is unchanged since it was read. The text of a person whose key was destroyed becomes empty."""
    (number,) = column.table.primary_key.columns
    stored, person_id = row[column.name], row.get("person_id")
    owner = None if person_id is None else str(person_id)
    if isinstance(stored, UnreadableCell):
        stored = ""  # unreadable: nothing of it is kept
    typed = json.dumps(stored) if isinstance(stored_type(column), JSON) else str(stored)
    if stored is None or free_text.is_sealed(str(stored)):
        return 0
    gone = owner is not None and not services.vault.has_key(tx.connection, owner, RECORD)
    sealed = "" if gone else texts.seal(typed, f"{column.table.name}.{column.name}", owner)
    this = (number == row[number.name]) & _equals(column, stored)
    return tx.execute(update(column.table).where(this).values({column: sealed})).rowcount


def _equals(column: "Column[object]", stored: object) -> ColumnElement[bool]:
    if isinstance(stored_type(column), JSON):  # never changed once stored; not every database compares JSON
        return cast(column, Text).not_like('"%')
    return column == stored
