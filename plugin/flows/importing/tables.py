"""A CSV or XLSX file as rows of text. Nothing is guessed twice: what was taken for what is told."""

from collections.abc import Collection
from pathlib import Path

from plugin.errors import ImportRefused
from plugin.flows.importing import separated, sheets
from plugin.flows.importing.table_rows import Reading, Row, Table, build

__all__ = ["Reading", "Row", "Table", "parse", "read"]

_AS_SAID = Reading()


def read(
    path: Path, known: Collection[str], most_rows: int, most_bytes: int, reading: Reading = _AS_SAID
) -> Table:
    """The table in a file; `known` are the columns that it may have. Raises ImportRefused."""
    try:
        if path.stat().st_size > most_bytes:
            raise ImportRefused(
                f"the file is larger than {most_bytes >> 20} MB, which importing.megabytes allows"
            )
        data = path.read_bytes()
    except OSError as error:
        raise ImportRefused(f"the file cannot be read ({error.strerror})") from None
    return parse(data, known, most_rows, most_bytes, reading)


def parse(
    data: bytes, known: Collection[str], most_rows: int, most_bytes: int, reading: Reading = _AS_SAID
) -> Table:
    """As `read`, of what stands in the file."""
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise ImportRefused(
            "the file is an old or a locked spreadsheet (.xls, or with a password): save it as XLSX without one"
        )
    if data.startswith(b"PK\x03\x04"):
        if reading.encoding:
            raise ImportRefused(
                "--encoding is for CSV: an XLSX file says by itself how its letters are written"
            )
        rows, told = sheets.parse(data, known, most_rows, most_bytes, reading.sheet)
        return build(rows, known, told)
    if reading.sheet:
        raise ImportRefused("--sheet is for XLSX: a CSV file has no sheets")
    rows, told = separated.parse(data, known, most_rows, reading.encoding)
    return build(rows, known, told)
