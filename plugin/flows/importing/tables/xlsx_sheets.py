"""XLSX: the visible sheet and its visible rows. What is hidden, struck through, computed or broken is a fault."""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from functools import partial
from typing import TypeVar

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.worksheet.dimensions import DimensionHolder
from openpyxl.worksheet.worksheet import Worksheet

from plugin.errors import ImportRefused
from plugin.flows.importing.tables import cell_formats
from plugin.flows.importing.tables.table_rows import MAX_COLUMNS, RawRow, normalize_heading, refuse_too_many

T = TypeVar("T")

_DEEPEST = 1_048_577  # rows of a sheet; those without a cell are passed over
_UNPACKED = 20  # times the limit that an XLSX file may unpack to
_WORD_COLUMNS = frozenset({"name", "display_name", "guardian", "email", "person"})
_PLAIN_NUMBERS = frozenset({"General", "0", "@"})
_EXACT = 1e11  # from here on a spreadsheet shows a number with an exponent
_LARGEST_AREA = 10_000
_SPANS = re.compile(rb"<(?:\w+:)?(?:mergeCell|hyperlink)\s[^>]*?\bref=[\"']([A-Z0-9$]+:[A-Z0-9$]+)[\"']")
_LEAST_POINTS = 3  # points: a row or column that is less is not seen


def parse(data: bytes, known: Collection[str], most_rows: int, most_bytes: int, sheet: str) -> tuple[list[RawRow], str]:
    """The rows of the visible sheet, and a note on what was not read. Raises ImportRefused."""
    _refuse_other_kinds(data, most_bytes * _UNPACKED)
    _refuse_large(data, most_rows)
    with closing(_try_read(lambda: load_workbook(io.BytesIO(data), rich_text=True, keep_links=False))) as book:
        chosen = _choose_sheet(book, known, sheet)
        rows = _try_read(lambda: list(_read_rows(book, chosen)))
        return rows, f"read as XLSX, sheet {chosen.title!r}{_describe_unread(book, chosen)}"


# ---- what it is -------------------------------------------------------------------------------


def _refuse_other_kinds(data: bytes, most: int) -> None:
    """Also a file that unpacks to far more than its size."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size, names = sum(one.file_size for one in packed.infolist()), set(packed.namelist())
            if size > most:
                raise ImportRefused("the file unpacks to more than is read: save it as CSV UTF-8")
            parts = (packed.read(name) for name in names if name.endswith(".xml"))
            spread = any(_is_spread(found[1].decode()) for part in parts for found in _SPANS.finditer(part))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, zlib.error):
        raise ImportRefused("the file is a damaged XLSX: save it anew, or as CSV UTF-8") from None
    if spread:
        raise ImportRefused("the file joins or links whole columns of cells: split them, or save it as CSV UTF-8")
    if "mimetype" in names or "xl/workbook.bin" in names or any(name.startswith("Index/") for name in names):
        raise ImportRefused("the file is of another spreadsheet (ODS, XLSB, Numbers): save it as XLSX or as CSV UTF-8")


def _is_spread(area: str) -> bool:
    """Whether the reader would create more cells for an area than a table has."""
    first, top, last, bottom = range_boundaries(area)
    return None in {first, top, last, bottom} or (last - first + 1) * (bottom - top + 1) > _LARGEST_AREA


def _refuse_large(data: bytes, most_rows: int) -> None:
    """Count rows in a stream, before formats are read."""
    with closing(_try_read(lambda: load_workbook(io.BytesIO(data), read_only=True, keep_links=False))) as book:
        for sheet in book.worksheets:
            _try_read(partial(_count, sheet, most_rows))


def _count(sheet: Worksheet, most_rows: int) -> None:
    filled = cells = 0
    sheet.reset_dimensions()  # the size in the file may be wrong
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        here = sum(cell is not None for cell in row)
        filled, cells = filled + bool(here), cells + here
        refuse_too_many(filled if number < _DEEPEST else most_rows + 2, most_rows)
        if cells > (most_rows + 1) * MAX_COLUMNS:
            raise ImportRefused("the file has more cells than are read: keep the columns that are documented")


def _try_read(act: Callable[[], T]) -> T:
    try:
        return act()
    except ImportRefused:
        raise
    except Exception:  # hostile bytes may raise anything in a reader
        raise ImportRefused("the file is no XLSX that can be read: save it anew, or as CSV UTF-8") from None


# ---- which sheet ------------------------------------------------------------------------------


def _choose_sheet(book: Workbook, known: Collection[str], wanted: str) -> Worksheet:
    if wanted:
        named = [one for one in book.worksheets if one.title == wanted]
        if not named:
            titles = ", ".join(repr(one.title) for one in book.worksheets)
            raise ImportRefused(f"there is no sheet {wanted!r}; there are {titles}")
        if named[0].sheet_state != "visible":
            raise ImportRefused(f"the sheet {wanted!r} is hidden: show it in the spreadsheet first")
        return named[0]
    seen = [one for one in book.worksheets if one.sheet_state == "visible"]
    filled = [one for one in seen if any(True for _ in _filled_rows(one))]
    tables = [one for one in filled if _heads_a_table(one, known)] or filled
    if len(tables) > 1:
        titles = ", ".join(repr(one.title) for one in tables)
        raise ImportRefused(f"several sheets may be meant ({titles}): say which by --sheet NAME")
    if not tables:
        raise ImportRefused("no sheet that is seen holds anything: its first row names the columns")
    return tables[0]


def _filled_rows(sheet: Worksheet) -> Iterator[Sequence[Cell]]:
    """The rows that are not empty, from their first column to the limit of a table."""
    last: dict[int, int] = {}
    for (row, column), cell in sheet._cells.items():  # noqa: SLF001 - `iter_rows` makes all cells that are not there
        if _cell_text(cell).strip():
            last[row] = max(last.get(row, 0), column)
    for row in sorted(last):
        yield [sheet.cell(row, column) for column in range(1, min(last[row], MAX_COLUMNS + 1) + 1)]


def _refuse_far(sheet: Worksheet) -> None:
    far = [cell for cell in sheet._cells.values() if cell.column > MAX_COLUMNS and _cell_text(cell).strip()]  # noqa: SLF001
    if far:
        raise ImportRefused(f"cell {far[0].coordinate} lies beyond {MAX_COLUMNS} columns: delete it, or move it")


def _heads_a_table(sheet: Worksheet, known: Collection[str]) -> bool:
    return any(normalize_heading(_cell_text(cell)) in known for cell in next(_filled_rows(sheet)))


def _describe_unread(book: Workbook, chosen: Worksheet) -> str:
    others = [one for one in book.worksheets if one is not chosen]
    hidden = [repr(one.title) for one in others if one.sheet_state != "visible"]
    shown = [repr(one.title) for one in others if one.sheet_state == "visible"]
    said = f"; hidden sheets were not read: {', '.join(hidden)}" if hidden else ""
    said += f"; other sheets were not read: {', '.join(shown)}" if shown else ""
    return said + ("; conditional formatting was not looked at" if len(chosen.conditional_formatting) else "")


# ---- its rows ---------------------------------------------------------------------------------


def _read_rows(book: Workbook, sheet: Worksheet) -> Iterator[RawRow]:
    cell_formats.refuse_sheet(sheet)
    merged = {row for area in sheet.merged_cells.ranges for row in range(area.min_row, area.max_row + 1)}
    _refuse_far(sheet)
    filled = list(_filled_rows(sheet))
    _refuse_hidden_columns(sheet, filled)
    headings = [normalize_heading(_cell_text(cell)) for cell in filled[0]] if filled else []
    any_hidden = False
    for row in filled:
        number = row[0].row
        hidden = is_hidden(sheet.row_dimensions, number)
        any_hidden = any_hidden or hidden
        fault = "the row is hidden, by hand, a filter or a group: show it, or delete it" if hidden else ""
        if not fault and number in merged:
            fault = "some of its cells are merged with others: split them, and fill each"
        fault = fault or next(
            (said for at, cell in enumerate(row) if (said := _find_fault(book, cell, headings, at))), ""
        )
        notes = tuple(f"the note at cell {cell.coordinate} was not read" for cell in row if cell.comment is not None)
        yield RawRow(number, tuple(_cell_text(cell) for cell in row), fault, notes)
    cell_formats.refuse_unapplied_filter(sheet, any_hidden)


def is_hidden(dimensions: DimensionHolder, number: int) -> bool:
    """Whether a row is invisible, or nearly so."""
    if number not in dimensions:
        return False
    one = dimensions[number]
    return bool(one.hidden) or (one.height is not None and one.height < _LEAST_POINTS)


def _refuse_hidden_columns(sheet: Worksheet, filled: Sequence[Sequence[Cell]]) -> None:
    for one in sheet.column_dimensions.values():
        if not one.hidden and one.width >= _LEAST_POINTS / 10:
            continue
        first, last = one.min or 0, one.max or 0
        if any(first <= cell.column <= last and _cell_text(cell).strip() for row in filled for cell in row):
            letters = get_column_letter(first) + (f" to {get_column_letter(last)}" if last > first else "")
            raise ImportRefused(f"column {letters} is hidden and not empty: show it, or delete it")


def _find_fault(book: Workbook, cell: Cell, headings: Sequence[str], at: int) -> str:
    """Why a cell does not show its value; "" for an empty one."""
    if cell.value is None:
        return ""
    said = ""
    if cell.data_type == "f":
        said = "is computed: put its value in its place (paste special, values)"
    elif cell.data_type == "e":
        said = f"holds an error ({_cell_text(cell)}): write what belongs there"
    elif isinstance(cell.value, bool):
        said = "holds a yes or no of the spreadsheet (TRUE, FALSE): write yes or no as text"
    elif isinstance(cell.value, date):
        said = _date_fault(cell.number_format)
    elif isinstance(cell.value, int | float):
        said = _number_fault(cell, headings[at] if at < len(headings) else "")
    said = said or cell_formats.explain_unseen(book, cell)
    return f"cell {cell.coordinate} {said}" if said else ""


def _date_fault(shown: str) -> str:
    """A fault if the format hides day, month or year."""
    letters = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", shown.split(";")[0]).lower()
    missing = [word for letter, word in (("d", "day"), ("m", "month"), ("y", "year")) if letter not in letters]
    return f"shows a date without its {' and '.join(missing)}: format it as a whole date" if missing else ""


def _number_fault(cell: Cell, heading: str) -> str:
    if heading in _WORD_COLUMNS:
        return "holds a number where words belong: format it as text, and write it anew"
    if cell.number_format not in _PLAIN_NUMBERS or abs(cell.value) >= _EXACT:
        return f"holds a number that is shown in another way ({cell.number_format}): format it as text"
    return ""


def _cell_text(cell: Cell) -> str:
    """A cell as a person would type it; a date as 2026-12-31, a formula as "(computed)"."""
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        return "(computed)"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
