"""Every column that may hold a name is covered in a backup, and comes back as it was."""

import base64
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Column, Date, Float, Integer, LargeBinary, Table, Text, insert, select

from plugin.clock import ManualClock
from plugin.ledger import tables as t
from plugin.ledger.backups import backup, backup_sealing, restore
from plugin.ledger.keys import house_key
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.keys.vault import RECORD, Vault
from plugin.ledger.log.endings import EndedLog
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.store.store import Store, Tx, init_store
from plugin.ledger.tables import column_contents
from plugin.ledger.tables.column_contents import Holds
from plugin.ledger.tables.columns import Instant, stored_type
from tests.stores import Stores

_OWN = {t.state, t.audit, t.audit_head, t.person_key, t.house_key, t.session, t.staff, t.recovery_code, t.visit}
_COVERED = (Holds.NAME, Holds.TEXT, Holds.PLACE, Holds.MIXED)
ROWS = 3


def _value(column: "Column[Any]", row: int, tx: Tx) -> Any:
    """Something for a column: where a name may stand, one that is looked for afterwards."""
    for foreign in column.foreign_keys:
        return _value(foreign.column, row, tx)
    if isinstance(stored_type(column), Text | JSON):
        return _text(column, row)
    if column.name == "person_id":
        return _text(t.person.c.id, row)
    kinds: list[tuple[type, Any]] = [
        (Instant, tx.now),
        (Date, date(1990, 5, 1 + row)),
        (Boolean, False),
        (Float, 0.5),
        (LargeBinary, b"sealed"),
        (Integer, row + 1),
    ]
    return next(
        value
        for kind, value in kinds
        if isinstance(column.type, kind) or isinstance(stored_type(column), kind) or kind is Integer
    )


def _text(column: "Column[Any]", row: int) -> Any:
    if column is t.job.c.state:
        return "queued"
    if column_contents.find_holds(column) not in _COVERED:
        return [] if isinstance(stored_type(column), JSON) else f"w{row}"
    needle = f"kanarie-{column.table.name}-{column.name}-{row}"
    return {"ref": needle, "more": [needle, None, 1.5]} if isinstance(stored_type(column), JSON) else f"é {needle}/x"


def _fill(store: Store, vault: Vault) -> None:
    with store.write() as tx:
        house_key.make(tx, vault.master)
        for table in t.metadata.sorted_tables:
            if table not in _OWN:
                rows = [{c.name: _value(c, row, tx) for c in table.columns} for row in range(ROWS)]
                tx.execute(insert(table), rows)
        for row in range(ROWS):
            vault.create_key(tx, f"w{row}", RECORD)


def _everything(store: Store) -> dict[str, list[Any]]:
    left_out = {*_OWN, t.sealed, t.name_word}  # what no key opens is not brought back, nor the index of names
    anew = {t.erasure.c.held, t.resource.c.indexed}
    with store.read() as connection:
        return {
            table.name: sorted(
                map(repr, connection.execute(select(*(c for c in table.columns if c not in anew))).all())
            )
            for table in t.metadata.sorted_tables
            if table not in left_out
        }


@pytest.fixture
def book(tmp_path: Path) -> HeadBook:
    keys = tmp_path / "keys"
    return HeadBook(HeadKey.create(keys / "heads.key"), keys / "heads", 84, EndedLog(keys / "ended.log"))


def _found(path: Path, needle: str) -> bool:
    data = path.read_bytes()
    spellings = [needle.encode(), needle.encode("utf-16-le")]
    spellings += [base64.b64encode(b" " * n + needle.encode())[4:-4] for n in range(3)]
    return any(one in data for one in spellings)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_covered_column_is_unreadable_and_comes_back(
    store: Store, stores: Stores, vault: Vault, clock: ManualClock, tmp_path: Path, book: HeadBook, kind: str
) -> None:
    """Rows in every table, from each kind of store into each: no text is found in half A, all of it afterwards."""
    _fill(store, vault)
    made = backup.write_backup(store, vault.master, tmp_path / "away", clock, book, 30)
    places = list(column_contents.list_columns(*_COVERED))
    assert len(places) > 30
    for table, column in places:
        for row in range(ROWS):
            needle = f"kanarie-{table.name}-{column.name}-{row}"
            assert not any(_found(path, needle) for path in (made.store, made.keys, made.manifest)), needle
    fresh = init_store(stores.migrated(kind), clock)
    restore.restore_backup(fresh.url, tmp_path / "away", vault.master, clock, book)
    assert _everything(fresh) == _everything(store)
    fresh.close()


def _ciphers(path: Path, query: str) -> list[str]:
    with closing(sqlite3.connect(path)) as copy:
        return [row[0] for row in copy.execute(query)]


def test_equal_texts_do_not_show(
    store: Store, vault: Vault, clock: ManualClock, tmp_path: Path, book: HeadBook
) -> None:
    """Not within a backup, but where a foreign key needs it; and never between two backups."""
    with store.write() as tx:
        for number in range(4):
            tx.execute(
                insert(t.resource).values(
                    ref=f"{number}.jpg", file_version="1", kind="photo", seen_at=tx.now, examined_reason="the same"
                )
            )
            tx.execute(insert(t.resource_collection).values(resource_id=number + 1, collection_ref="shoot"))
    first = backup.write_backup(store, vault.master, tmp_path / "away", clock, book, 30)
    second = backup.write_backup(store, vault.master, tmp_path / "away", clock, book, 30)
    for query in (
        "SELECT ref FROM resource",
        "SELECT examined_reason FROM resource",
        "SELECT collection_ref FROM resource_collection",
    ):
        one, other = _ciphers(first.store, query), _ciphers(second.store, query)
        assert len({*one, *other}) == 8, query


def test_a_column_that_nobody_thought_about_is_an_error() -> None:
    """Neither plain nor passed over: text, and bytes."""
    cover = backup_sealing.BackupSealer({}, bytes(32), "20260302T120000.000000Z")
    for column in (Column("note", Text), Column("scan", LargeBinary)):
        fresh = Table("fresh", t.metadata.__class__(), Column("id", Integer, primary_key=True), column)
        with pytest.raises(KeyError, match=rf"fresh\.{column.name}"):
            cover.seal_row(fresh, {"id": 1, column.name: "x"})
        with pytest.raises(KeyError, match=rf"fresh\.{column.name}"):
            cover.unseal_row(fresh, {"id": 1, column.name: "x"})


def test_the_wrapped_keys_are_in_no_copy_of_the_store(
    store: Store,
    vault: Vault,
    master: MasterKeys,
    clock: ManualClock,
    tmp_path: Path,
    book: HeadBook,
    add_person: Callable[[Tx, str], str],
) -> None:
    """The house's own neither: it is in the file of keys."""
    with store.write() as tx:
        vault.create_key(tx, add_person(tx, "asa"), RECORD)
    made = backup.write_backup(store, master, tmp_path / "away", clock, book, 30)
    with store.read() as connection:
        (house,) = connection.scalars(select(t.house_key.c.wrapped))
    assert house not in made.store.read_bytes()
    listed = json.loads(made.keys.read_text())["keys"]
    assert base64.b64encode(house).decode() in {wrapped for _, _, _, wrapped, _ in listed}
