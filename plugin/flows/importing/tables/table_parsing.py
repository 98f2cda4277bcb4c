"""Parse a CSV or XLSX file in a confined process: rows of text, as JSON."""

import json
from collections.abc import Collection
from dataclasses import asdict
from typing import TypedDict

from plugin.errors import ImportRefused
from plugin.flows.importing.tables import csv_files, xlsx_sheets
from plugin.flows.importing.tables.table_rows import ReadingOptions, Table, build_table


class _Header(TypedDict):
    encoding: str
    sheet: str
    known: list[str]
    rows: int
    bytes: int


def answer(header: _Header, parts: list[bytes]) -> tuple[dict[str, object], list[bytes]]:
    """Answer `confinement.reader`: the table, as one part."""
    reading = ReadingOptions(header["encoding"], header["sheet"])
    found = parse(parts[0], set(header["known"]), header["rows"], header["bytes"], reading)
    return {}, [json.dumps(asdict(found)).encode()]


def parse(data: bytes, known: Collection[str], most_rows: int, most_bytes: int, reading: ReadingOptions) -> Table:
    """The table in these bytes. Raises ImportRefused."""
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise ImportRefused(
            "the file is an old or a locked spreadsheet (.xls, or with a password): save it as XLSX without one"
        )
    if data.startswith(b"PK\x03\x04"):
        if reading.encoding:
            raise ImportRefused("--encoding is for CSV: an XLSX file says by itself how its letters are written")
        rows, told = xlsx_sheets.parse(data, known, most_rows, most_bytes, reading.sheet)
        return build_table(rows, known, told)
    if reading.sheet:
        raise ImportRefused("--sheet is for XLSX: a CSV file has no sheets")
    rows, told = csv_files.parse(data, known, most_rows, reading.encoding)
    return build_table(rows, known, told)
