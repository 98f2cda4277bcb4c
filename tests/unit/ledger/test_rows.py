"""The types of rows say what the columns hold."""

from datetime import date, datetime
from inspect import getmembers, isclass
from typing import Protocol, get_type_hints

import pytest
from sqlalchemy import Column, Table
from sqlalchemy.types import JSON

from plugin.ledger import tables as t
from plugin.ledger.tables import rows

KINDS = {
    "Text": str,
    "Instant": datetime,
    "Day": date,
    "LargeBinary": bytes,
    "Float": float,
    "Fraction": float,
    "Boolean": bool,
    "StrictBoolean": bool,
    "BigInteger": int,
    "Integer": int,
    "PixelWidth": int,
    "KeyVersion": int,
    "JsonList": list[str],
    "PlaceList": list[str],
}
ROWS = [kind for _, kind in getmembers(rows, isclass) if issubclass(kind, Protocol) and kind is not Protocol]


def table_of(row: type) -> Table:
    named = {"".join(word.title() for word in name.split("_")) + "Row": one for name, one in t.metadata.tables.items()}
    return named[row.__name__]


def type_of(column: "Column[object]") -> object:
    if isinstance(column.type, JSON):
        return object
    kind = KINDS[type(column.type).__name__]
    return kind | None if column.nullable else kind


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_a_row_has_columns_of_its_table_with_their_types(row: type) -> None:
    """A column that is dropped, or allowed to be empty, is so in the row's type too."""
    table, hints = table_of(row), get_type_hints(row)
    assert hints
    assert hints == {name: type_of(table.columns[name]) for name in hints}
