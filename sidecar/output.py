"""Output for people, for programs (JSON), and for spreadsheets (RFC 4180): what would be computed there is text."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import click

from plugin.flows.importing.csv_reports import mark_formulas
from plugin.flows.mail.smtp import one_line
from plugin.flows.people import data_export

_MARK = "\ufeff"  # without it Excel takes the letters of names for those of another alphabet


def csv_text(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The table as a file's text: every cell quoted, on one line, and none of them a formula."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows([csv_cell(str(value)) for value in row] for row in rows)
    return _MARK + out.getvalue()


def csv_cell(value: str) -> str:
    """`value` without line breaks, and so that no part of it is a formula, whatever separates cells."""
    return mark_formulas(one_line(value))


def say(as_json: bool, data: Any, lines: Iterable[str]) -> None:
    """Print `data` as JSON, or the lines for people."""
    if as_json:
        click.echo(data_export.to_json(data))
    else:
        for line in lines:
            click.echo(safe(line))


def safe(text: str) -> str:
    """Text without characters that a terminal obeys."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Columns as wide as they need be."""
    cells = [tuple(heads), *(tuple(safe(str(cell)) for cell in row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]
