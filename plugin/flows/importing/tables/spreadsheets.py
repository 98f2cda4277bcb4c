"""A CSV or XLSX file as rows of text, with a note on how it was read."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import TypedDict

from plugin.confinement.reader import find_reader
from plugin.errors import ImportRefused, ReadingFailed
from plugin.flows.importing.tables.table_rows import ReadingOptions, Table, TableRow

__all__ = ["ReadingOptions", "Table", "TableRow", "parse_table", "read_table"]

_AS_SAID = ReadingOptions()
_SECONDS = 300  # for the largest file that is accepted


def read_table(
    path: Path, known: Collection[str], most_rows: int, most_bytes: int, reading: ReadingOptions = _AS_SAID
) -> Table:
    """The table in a file; `known`: the columns that it may have. Raises ImportRefused."""
    try:
        if path.stat().st_size > most_bytes:
            raise ImportRefused(f"the file is larger than {most_bytes >> 20} MB, which importing.megabytes allows")
        data = path.read_bytes()
    except OSError as error:
        raise ImportRefused(f"the file cannot be read ({error.strerror})") from None
    return parse_table(data, known, most_rows, most_bytes, reading)


def parse_table(
    data: bytes, known: Collection[str], most_rows: int, most_bytes: int, reading: ReadingOptions = _AS_SAID
) -> Table:
    """As `read_table`, from the content of the file. A confined process parses it."""
    options = {"encoding": reading.encoding, "sheet": reading.sheet}
    asked = {"known": sorted(known), "rows": most_rows, "bytes": most_bytes, **options}
    try:
        _, parts = find_reader("plugin.flows.importing.tables.table_parsing").ask(
            asked, [data], _SECONDS, (ImportRefused,)
        )
        return _build_table(parts[0])
    except ReadingFailed as error:
        raise ImportRefused(
            "the file takes more time or memory than a table should: split it, or save it as CSV UTF-8"
        ) from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise ImportRefused("the file cannot be read: save it anew, or as CSV UTF-8") from error


class _ParsedRow(TypedDict):
    number: int
    cells: dict[str, str]
    fault: str
    notes: list[str]


def _build_table(told: bytes) -> Table:
    """The answer of the confined process, converted to text and numbers only."""
    tree = json.loads(told)
    columns = tuple(str(column) for column in tree["columns"])
    return Table(columns, tuple(_build_row(one) for one in tree["rows"]), str(tree["told"]))


def _build_row(told: _ParsedRow) -> TableRow:
    cells = {str(column): str(cell) for column, cell in told["cells"].items()}
    return TableRow(int(told["number"]), cells, str(told["fault"]), tuple(str(note) for note in told["notes"]))
