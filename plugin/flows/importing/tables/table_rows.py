"""The parts of a table, whatever the file, and the faults of a row."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from plugin.errors import ImportRefused
from plugin.words.plurals import pluralize

MAX_CELL_CHARACTERS = 10_000  # characters of a cell
MAX_COLUMNS = 100  # columns
_SEPARATORS = ";\t|"
_ERROR = re.compile(r"#(N/[A-Z]{1,3}|NV|[^\W\d_/]+(/0)?[!?])|(Err|Fout|Fehler):\d+")  # also as other languages say them
_READ_WRONGLY = ("cp1252", "latin-1", "mac_roman", "cp1250")


@dataclass(frozen=True)
class ReadingOptions:
    """Options for a file that does not state them itself."""

    encoding: str = ""
    sheet: str = ""


@dataclass(frozen=True)
class RawRow:
    """A row as it is in the file; `fault`: why it cannot be trusted, `notes`: what was skipped."""

    number: int
    cells: tuple[str, ...]
    fault: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableRow:
    """One row: its number as an editor or a spreadsheet shows it, and its cells by column."""

    number: int
    cells: dict[str, str]
    fault: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """The rows below the heading; `told` says how the file was read."""

    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    told: str


def build_table(found: Sequence[RawRow], known: Collection[str], told: str) -> Table:
    """The table of these rows; the first row that is not empty names the columns. Raises ImportRefused."""
    filled = [row for row in found if any(cell.strip() for cell in row.cells)]
    if not filled:
        raise ImportRefused("the file is empty: its first row names the columns")
    if filled[0].fault:
        raise ImportRefused(f"row {filled[0].number}, which names the columns: {filled[0].fault}")
    columns = _read_columns(filled[0].cells, known)
    return Table(columns, tuple(_build_row(columns, row) for row in filled[1:]), told)


def normalize_heading(heading: str) -> str:
    """A column's name for comparison: "Birth date" is birth_date."""
    return "_".join(heading.casefold().replace("-", " ").replace("_", " ").split())


def refuse_too_many(count: int, most: int) -> None:
    """Raises ImportRefused where there are more rows than are read."""
    if count > most + 1:
        raise ImportRefused(f"the file has more than {pluralize(most, 'row')}, which importing.rows allows: split it")


def _read_columns(headings: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    columns = [normalize_heading(heading) for heading in headings]
    while columns and not columns[-1]:
        columns.pop()
    if len(columns) > MAX_COLUMNS:
        raise ImportRefused(f"the file has more than {MAX_COLUMNS} columns: keep those that are documented")
    pairs = zip(headings, columns, strict=False)
    strange = [heading.strip()[:40] for heading, column in pairs if column not in known]
    if strange:
        raise ImportRefused(
            f"these columns are not known: {', '.join(map(repr, strange))}; take them out, or name them as one of "
            + ", ".join(sorted(known))
        )
    if len(set(columns)) < len(columns):
        raise ImportRefused("a column stands there twice: keep one of the two")
    return tuple(columns)


def _build_row(columns: Sequence[str], raw: RawRow) -> TableRow:
    cells = [cell.strip() for cell in raw.cells]
    named = dict(zip(columns, [*cells, *[""] * len(columns)], strict=False))
    return TableRow(raw.number, named, raw.fault or _find_fault(columns, cells), raw.notes)


def _find_fault(columns: Sequence[str], cells: Sequence[str]) -> str:
    if any(cells[len(columns) :]):
        return "the row has more cells than there are columns: put text with a separator in quotes"
    if any(len(cell) > MAX_CELL_CHARACTERS for cell in cells):
        return f"a cell has more than {MAX_CELL_CHARACTERS} characters: shorten it"
    if all(normalize_heading(cell) == column for cell, column in zip(cells, columns, strict=False) if cell):
        return "the row repeats the heading: take it out"
    if len(columns) == 1 and any(sign in cell for cell in cells for sign in _SEPARATORS):
        return "the table has one column, and this cell holds what separates cells elsewhere: name the columns"
    return next((fault for cell in cells if (fault := _find_formula(cell) or _find_garbled(cell))), "")


def _find_formula(cell: str) -> str:
    """A fault if the cell is a formula or an error of a spreadsheet, else ""."""
    if cell.startswith("=") and len(cell) > 1:
        return f"{cell[:40]!r} is a formula: put its value in its place"
    return f"{cell!r} is an error of a spreadsheet: write what belongs there" if _ERROR.fullmatch(cell) else ""


def _find_garbled(cell: str) -> str:
    """A fault if the letters were garbled: UTF-8 that was read in another encoding and saved; else ""."""
    if "\ufffd" in cell:
        return "a letter was lost when the file was made (\ufffd stands for it): write it anew"
    if cell.isascii():
        return ""
    for encoding in _READ_WRONGLY:
        try:
            meant = cell.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        if len(meant) < len(cell) and (encoding != "cp1250" or _has_symbols(cell)):
            return (
                f"its letters were garbled when the file was made: {cell[:40]!r} may be {meant[:40]!r}; "
                "make it anew from where it came, as UTF-8"
            )
    return ""


def _has_symbols(cell: str) -> bool:
    """In Romanian a letter after Ă may look like the second half of a garbled one, but a symbol may not."""
    return any(not sign.isascii() and not unicodedata.category(sign).startswith("L") for sign in cell)
