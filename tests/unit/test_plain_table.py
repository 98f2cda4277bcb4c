"""officers.md says what stands in plain in the store: each column that may hold more than words of ours."""

import re
from pathlib import Path

from plugin.ledger import tables as t
from plugin.ledger.tables import column_contents
from plugin.ledger.tables.column_contents import Holds

OFFICERS = Path(__file__).parents[2] / "docs" / "officers.md"


def _rows() -> list[tuple[str, list[str]]]:
    """What each row says, and its columns."""
    text = OFFICERS.read_text().partition("### What stands in plain")[2]
    table = text.partition("| what stands in plain | columns |\n|---|---|\n")[2].partition("\n\n")[0]
    cells = [line.strip("|").split("|") for line in table.splitlines()]
    return [(said.strip(), re.findall(r"[a-z_]+\.[a-z_]+", columns)) for said, columns in cells]


def test_every_row_says_something_and_names_real_columns() -> None:
    real = {f"{table.name}.{column.name}" for table in t.metadata.sorted_tables for column in table.columns}
    rows = _rows()
    assert len(rows) >= 5
    assert all(said and columns for said, columns in rows)
    assert {name for _, columns in rows for name in columns} <= real


def test_every_plain_column_has_one_row_and_no_other_has_any() -> None:
    """Of text columns: what is sealed has none, nor what holds words of ours. A birth date is a date."""
    plain = {
        f"{table.name}.{column.name}"
        for table, column in column_contents.list_columns(Holds.NAME, Holds.ACCOUNT, Holds.PLACE, Holds.MIXED)
    }
    named = [name for _, columns in _rows() for name in columns]
    assert sorted(named) == sorted(plain | {"person.birth_date"})


def test_what_is_sealed_is_told() -> None:
    """Each kind of text in words, before the table."""
    before = OFFICERS.read_text().partition("### What stands in plain")[2].partition("| what stands")[0]
    sealed = set(column_contents.list_columns(Holds.TEXT))
    assert len(sealed) == 11, "say in officers.md what is sealed, then count anew"
    kinds = ("a face was left out", "mode rests on", "who decided", "refused", "confirmed an address", "token")
    for words in (*kinds, "second factor", "provider"):
        assert words in before.replace("\n", " "), words
