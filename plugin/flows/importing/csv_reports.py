"""CSV that people open in a spreadsheet: a cell that would be taken for a formula is marked as text."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from plugin.errors import ImportRefused
from plugin.flows.importing.judge import RowVerdict
from plugin.ledger.keys import private_files

REPORT_COLUMNS = ("row", "name", "status", "reason", "note")

# https://owasp.org/www-community/attacks/CSV_Injection; full-width forms are computed as well. A spreadsheet of another
# country cuts a line at `;`, not `,`, also inside a cell that was quoted: so after anything that may separate cells no
# formula begins either. Some drop spaces and quotation marks before one. Of an apostrophe too, where a formula follows:
# so that what is written can be read back as it was.
_FOLLOWS = "(?=[\\s\"'\u200c\u200d]*[=+\\-@\\t\\r\\n|%\uff1d\uff0b\uff0d\uff20])"
_FORMULA = re.compile(rf"(^|[,;:|\t\r\n]){_FOLLOWS}")
_MARKED = re.compile(rf"(^|[,;:|\t\r\n])'{_FOLLOWS}")


def mark_formulas(cell: str) -> str:
    """The cell with an apostrophe wherever a spreadsheet could begin to compute, whatever separates its cells."""
    return _FORMULA.sub(r"\1'", cell)


def unmark_formulas(cell: str) -> str:
    """The cell as it was before `marked`."""
    return _MARKED.sub(r"\1", cell)


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """A CSV file with a heading: UTF-8 with its mark, so that a spreadsheet shows names as they are."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([mark_formulas(_text(row.get(column))) for column in columns])
    return out.getvalue().encode("utf-8-sig", "backslashreplace")


def _text(value: object) -> str:
    return "" if value is None else str(value)


def write_report(verdicts: Iterable[RowVerdict]) -> bytes:
    """What became of every row, as a CSV file."""
    return write_csv(REPORT_COLUMNS, map(describe_verdict, verdicts))


def describe_verdict(verdict: RowVerdict) -> dict[str, object]:
    """What became of a row, for a report or for machines."""
    line = verdict.line
    return {
        "row": line.number, "name": line.name, "status": verdict.status.value, "reason": verdict.reason,
        "note": "; ".join(line.notes),
    }  # fmt: skip


def save_report(path: Path, data: bytes) -> None:
    """Put a report or a plan at `path`, for its owner only: there are names in it. Raises ImportRefused."""
    try:
        private_files.write_secret(path, data)
    except OSError as error:
        raise ImportRefused(f"{path} cannot be written ({error.strerror}): name another file") from None
