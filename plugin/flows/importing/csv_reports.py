"""CSV for spreadsheets: a cell that would be taken for a formula is marked as text."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from plugin.errors import ImportRefused
from plugin.flows.importing.judge import RowVerdict
from plugin.ledger.keys import private_files

REPORT_COLUMNS = ("row", "name", "status", "reason", "note")

# https://owasp.org/www-community/attacks/CSV_Injection; full-width forms are computed as well. Some locales split a
# line at `;`, not `,`, even inside a quoted cell, so no formula may begin after any separator. Some drop spaces and
# quotation marks before a formula. An apostrophe before a formula is marked too, so that it can be unmarked.
_FOLLOWS = "(?=[\\s\"'\u200c\u200d]*[=+\\-@\\t\\r\\n|%\uff1d\uff0b\uff0d\uff20])"
_FORMULA = re.compile(rf"(^|[,;:|\t\r\n]){_FOLLOWS}")
_MARKED = re.compile(rf"(^|[,;:|\t\r\n])'{_FOLLOWS}")


def mark_formulas(cell: str) -> str:
    """The cell with an apostrophe wherever a spreadsheet could begin a formula, whatever its separator."""
    return _FORMULA.sub(r"\1'", cell)


def unmark_formulas(cell: str) -> str:
    """The cell as it was before `mark_formulas`."""
    return _MARKED.sub(r"\1", cell)


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """A CSV file with a heading, as UTF-8 with a byte order mark, so that spreadsheets show names correctly."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([mark_formulas(_text(row.get(column))) for column in columns])
    return out.getvalue().encode("utf-8-sig", "backslashreplace")


def _text(value: object) -> str:
    return "" if value is None else str(value)


def write_report(verdicts: Iterable[RowVerdict]) -> bytes:
    """The verdict on every row, as a CSV file."""
    return write_csv(REPORT_COLUMNS, map(describe_verdict, verdicts))


def describe_verdict(verdict: RowVerdict) -> dict[str, object]:
    """The verdict on a row, for a report or for machines."""
    line, note = verdict.line, "; ".join(verdict.line.notes)
    cells = (line.number, line.name, verdict.status.value, verdict.reason, note)
    return dict(zip(REPORT_COLUMNS, cells, strict=True))


def save_report(path: Path, data: bytes) -> None:
    """Write a report or a plan, readable for its owner only, because it holds names. Raises ImportRefused."""
    try:
        private_files.write_secret(path, data)
    except OSError as error:
        raise ImportRefused(f"{path} cannot be written ({error.strerror}): name another file") from None
