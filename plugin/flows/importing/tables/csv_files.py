"""CSV: the encoding, if certain or given, the delimiter, and the rows."""

import csv
import io
import re
from collections.abc import Collection, Iterator

from plugin.errors import ImportRefused
from plugin.flows.importing.tables.table_rows import RawRow, normalize_heading, refuse_too_many
from plugin.words.plurals import pluralize

ENCODINGS = ("utf-8", "utf-16", "windows-1252", "windows-1250", "iso-8859-15", "iso-8859-2", "macintosh")
"""What `--encoding` may say."""

_DELIMITERS = ",;\t|"
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_CODECS = {"utf-8": "utf-8-sig", "windows-1252": "cp1252", "windows-1250": "cp1250", "macintosh": "mac_roman"}
_CANDIDATES = ENCODINGS[2:]
_BOTH_ORDERS = (b"\xff\xfe", b"\xfe\xff")
# Spreadsheets write and obey this line, and do not show it.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[ \t]*(\r\n|\n|\r|$)', re.IGNORECASE)
_SHOWN = 3  # lines on which candidates differ


def parse(data: bytes, known: Collection[str], most_rows: int, encoding: str) -> tuple[list[RawRow], str]:
    """The rows of a file, and how it was read. Raises ImportRefused."""
    text, told = _decode(data, encoding)
    said = _SEPARATOR_LINE.match(text)
    lines = text[said.end() :] if said else text
    delimiter = said[1] if said else _find_delimiter(lines, known)
    if delimiter in '"\r\n':
        raise ImportRefused("the line sep= names no separator: take it out")
    rows = list(_read_rows(lines, delimiter, most_rows, 2 if said else 1))
    return rows, f"read as {told}, cells between {_NAMES.get(delimiter, repr(delimiter))}"


def _decode(data: bytes, encoding: str) -> tuple[str, str]:
    if encoding:
        text, told = _try_decode(data, encoding), encoding
        if text is None:
            raise ImportRefused(f"the file is not {encoding}: its bytes are no text in it; try another --encoding")
    elif data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        raise ImportRefused("the file is UTF-32: save it as CSV UTF-8")
    elif data.startswith(_BOTH_ORDERS):
        text, told = _try_decode(data, "utf-16"), "UTF-16"
        if text is None:
            raise ImportRefused("the file begins like UTF-16 and is none: save it as CSV UTF-8")
    else:
        text, told = _try_decode(data, "utf-8"), "UTF-8"
        if text is None:
            raise ImportRefused(_describe_candidates(data))
    if "\0" in text:
        raise ImportRefused(
            "the file holds zero bytes, so it is no CSV: save it as CSV UTF-8, or say --encoding utf-16"
        )
    return text.removeprefix("\ufeff"), told


def _try_decode(data: bytes, encoding: str) -> str | None:
    codec = _CODECS.get(encoding, encoding)
    if encoding == "utf-16" and not data.startswith(_BOTH_ORDERS):
        codec = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def _describe_candidates(data: bytes) -> str:
    """The possible encodings, and the first lines in which they differ, for a person to choose."""
    read = {name: text.splitlines() for name in _CANDIDATES if (text := _try_decode(data, name)) is not None}
    differ = [number for number, line in enumerate(data.splitlines(), 1) if not line.isascii()]
    shown = []
    for number in differ[:_SHOWN]:
        by_text: dict[str, list[str]] = {}
        for name, lines in read.items():
            by_text.setdefault(lines[number - 1][:60] if number <= len(lines) else "", []).append(name)
        shown.append(f"line {number}: " + "; ".join(f"{'/'.join(names)}: {text!r}" for text, names in by_text.items()))
    return (
        "the file is not UTF-8, and what it is cannot be told from its bytes: save it as CSV UTF-8, or say --encoding "
        f"with the one that shows the names as they are. {' | '.join(shown)}"
        + (f" | and {pluralize(len(differ) - _SHOWN, 'line')} more" if len(differ) > _SHOWN else "")
    )


def _find_delimiter(text: str, known: Collection[str]) -> str:
    """The delimiter that gives the most known columns in the first row."""
    first = next((line for line in text.splitlines() if line.strip()), "")

    def count(delimiter: str) -> int:
        return sum(normalize_heading(cell.strip('" ')) in known for cell in first.split(delimiter))

    return max(_DELIMITERS, key=lambda delimiter: (count(delimiter), first.count(delimiter)))


def _read_rows(text: str, delimiter: str, most: int, first: int) -> Iterator[RawRow]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    count, number = 0, first
    try:
        for cells in reader:
            yield RawRow(number, tuple(cells))
            number = reader.line_num + first
            count += bool(cells)
            refuse_too_many(count, most)
    except csv.Error:
        raise ImportRefused(
            f"the row that begins on line {number} cannot be read: a quotation mark is open or in the wrong place"
        ) from None
