"""Every text column of the store is in the table of what columns may hold, and nothing else is."""

import pytest
from sqlalchemy import Column, Table, Text

from plugin.ledger import tables as t
from plugin.ledger.tables import column_contents
from plugin.ledger.tables.column_contents import Holds


def test_every_text_column_is_thought_about() -> None:
    known = {(table.name, column.name) for table, column in column_contents.list_columns()}
    assert all(column_contents.find_holds(column) in Holds for _, column in column_contents.list_columns())
    listed = {(table, name) for table, names in column_contents._WORDS.items() for name in names}
    for table, kinds in column_contents._NOT_WORDS.items():
        for names in kinds.values():
            assert not listed & {(table, name) for name in names}, "in two rows of the table"
            listed |= {(table, name) for name in names}
    assert listed == known


def test_a_column_that_nobody_thought_about_is_told() -> None:
    fresh = Table("fresh", t.metadata.__class__(), Column("note", Text))
    with pytest.raises(KeyError, match=r"fresh\.note"):
        column_contents.find_holds(fresh.c.note)


def test_columns_of_a_kind() -> None:
    texts = {f"{table.name}.{column.name}" for table, column in column_contents.list_columns(Holds.TEXT)}
    assert {"face.reason", "collection.basis_reference", "request.reason", "address.reason"} <= texts
    assert "person.display_name" not in texts
