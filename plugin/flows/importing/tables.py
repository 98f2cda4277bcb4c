"""A CSV or XLSX file as rows of text. Nothing is guessed twice: what was taken for what is told."""

import csv
import io
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from plugin.errors import ImportRefused

_DELIMITERS = ",;\t"
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}
_LONGEST = 10_000  # characters of a cell
_WIDEST = 100  # columns
_DEEPEST = 1_048_577  # rows of a sheet; those without a cell are passed over
_UNPACKED = 20  # times the limit that an XLSX file may unpack to


@dataclass(frozen=True)
class Row:
    """One row: its number as an editor or a spreadsheet shows it, and its cells by column."""

    number: int
    cells: dict[str, str]
    fault: str = ""


@dataclass(frozen=True)
class Table:
    """The rows below the heading; `told` says how the file was read."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    told: str


def read(path: Path, known: Collection[str], most_rows: int, most_bytes: int) -> Table:
    """The table in a file; `known` are the columns that it may have. Raises ImportRefused."""
    try:
        if path.stat().st_size > most_bytes:
            raise ImportRefused(
                f"the file is larger than {most_bytes >> 20} MB, which importing.megabytes allows"
            )
        data = path.read_bytes()
    except OSError as error:
        raise ImportRefused(f"the file cannot be read ({error.strerror})") from None
    return parse(data, known, most_rows, most_bytes)


def parse(data: bytes, known: Collection[str], most_rows: int, most_bytes: int) -> Table:
    """As `read`, of what stands in the file."""
    if data.startswith(b"PK\x03\x04"):
        told, numbered = "read as XLSX, its first sheet", list(_sheet(data, most_rows, most_bytes))
    else:
        text, encoding = _decoded(data)
        delimiter = _delimiter(text, known)
        told = f"read as {encoding}, cells between {_NAMES[delimiter]}"
        numbered = list(_lines(text, delimiter, most_rows))
    filled = [(number, cells) for number, cells in numbered if any(cell.strip() for cell in cells)]
    if not filled:
        raise ImportRefused("the file is empty: its first row names the columns")
    columns = _columns(filled[0][1], known)
    return Table(columns, tuple(_row(columns, number, cells) for number, cells in filled[1:]), told)


def _row(columns: Sequence[str], number: int, cells: Sequence[str]) -> Row:
    cells = [cell.strip() for cell in cells]
    over = [cell for cell in cells[len(columns) :] if cell]
    fault = ""
    if over:
        fault = "the row has more cells than there are columns: put text with a separator in quotes"
    elif any(len(cell) > _LONGEST for cell in cells):
        fault = f"a cell has more than {_LONGEST} characters: shorten it"
    return Row(number, dict(zip(columns, [*cells, *[""] * len(columns)], strict=False)), fault)


def key(heading: str) -> str:
    """A column's name as it is compared: "Birth date" is birth_date."""
    return "_".join(heading.casefold().replace("-", " ").replace("_", " ").split())


def _columns(headings: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    columns = [key(heading) for heading in headings]
    while columns and not columns[-1]:
        columns.pop()
    if len(columns) > _WIDEST:
        raise ImportRefused(f"the file has more than {_WIDEST} columns: keep those that are documented")
    strange = [heading.strip()[:40] for heading, column in zip(headings, columns, strict=False)
               if column not in known]  # fmt: skip
    if strange:
        raise ImportRefused(
            f"these columns are not known: {', '.join(map(repr, strange))}; take them out, or name them as one of "
            + ", ".join(sorted(known))
        )
    if len(set(columns)) < len(columns):
        raise ImportRefused("a column stands there twice: keep one of the two")
    return tuple(columns)


# ---- CSV ------------------------------------------------------------------------------------


def _decoded(data: bytes) -> tuple[str, str]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ImportRefused("the file is UTF-16: save it as CSV UTF-8")
    for encoding, told in (("utf-8-sig", "UTF-8"), ("cp1252", "Windows-1252")):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            raise ImportRefused("the file holds zero bytes, so it is no CSV: save it as CSV UTF-8")
        return text, told
    raise ImportRefused("the file is neither UTF-8 nor Windows-1252: save it as CSV UTF-8")


def _delimiter(text: str, known: Collection[str]) -> str:
    """The one that makes most known columns of the first row."""
    first = next((line for line in text.splitlines() if line.strip()), "")

    def count(delimiter: str) -> int:
        return sum(key(cell.strip('" ')) in known for cell in first.split(delimiter))

    return max(_DELIMITERS, key=lambda delimiter: (count(delimiter), first.count(delimiter)))


def _lines(text: str, delimiter: str, most: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    count, number = 0, 1
    try:
        for cells in reader:
            yield number, cells
            number = reader.line_num + 1
            count += bool(cells)
            _limit(count, most)
    except csv.Error:
        raise ImportRefused(
            f"the row that begins on line {number} cannot be read: a quotation mark is open or in the wrong place"
        ) from None


def _limit(count: int, most: int) -> None:
    if count > most + 1:
        raise ImportRefused(f"the file has more than {most} rows, which importing.rows allows: split it")


# ---- XLSX -----------------------------------------------------------------------------------


def _sheet(data: bytes, most_rows: int, most_bytes: int) -> Iterator[tuple[int, list[str]]]:
    """The first sheet, formulas as they are written: nothing is computed."""
    _unpacks(data, most_bytes * _UNPACKED)
    book = _tried(lambda: load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False))
    try:
        rows = _tried(lambda: book.worksheets[0].iter_rows(max_col=_WIDEST + 1, values_only=True))
        number = count = 0
        while (cells := _tried(lambda: next(rows, None))) is not None:
            number += 1
            count += any(cell is not None for cell in cells)
            _limit(count if number < _DEEPEST else most_rows + 2, most_rows)
            yield number, [_text(cell) for cell in cells]
    finally:
        book.close()


def _unpacks(data: bytes, most: int) -> None:
    """Refuse a file that unpacks to far more than it is."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(one.file_size for one in packed.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise ImportRefused("the file is a damaged XLSX: save it anew, or as CSV UTF-8") from None
    if size > most:
        raise ImportRefused("the file unpacks to more than is read: save it as CSV UTF-8")


def _tried(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except Exception:  # a reader fed with hostile bytes raises whatever it likes
        raise ImportRefused("the file is no XLSX that can be read: save it anew, or as CSV UTF-8") from None


def _text(cell: object) -> str:
    """A cell as somebody would have typed it; a date of the spreadsheet as 2026-12-31."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat(" ")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
