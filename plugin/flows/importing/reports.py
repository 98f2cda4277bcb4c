"""CSV that people open in a spreadsheet: a cell that would be taken for a formula is marked as text."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from plugin.errors import ImportRefused
from plugin.flows.importing.judging import Verdict
from plugin.ledger import files

COLUMNS = ("row", "name", "status", "reason", "note")

# Of an apostrophe too, where a formula follows: so that what is written can be read back as it was.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n|%＝＋－＠]")


def marked(cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would compute."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def plain(cell: str) -> str:
    """The cell as it was before `marked`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def written(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """A CSV file with a heading: UTF-8 with its mark, so that a spreadsheet shows names as they are."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([marked(_text(row.get(column))) for column in columns])
    return out.getvalue().encode("utf-8-sig", "backslashreplace")


def _text(value: object) -> str:
    return "" if value is None else str(value)


def report(verdicts: Iterable[Verdict]) -> bytes:
    """What became of every row, as a CSV file."""
    return written(COLUMNS, map(said, verdicts))


def said(verdict: Verdict) -> dict[str, object]:
    """What became of a row, for a report or for machines."""
    line = verdict.line
    return {
        "row": line.number, "name": line.name, "status": verdict.status.value, "reason": verdict.reason,
        "note": "; ".join(line.notes),
    }  # fmt: skip


def save(path: Path, data: bytes) -> None:
    """Put a report or a plan at `path`, for its owner only: there are names in it. Raises ImportRefused."""
    try:
        files.write_secret(path, data)
    except OSError as error:
        raise ImportRefused(f"{path} cannot be written ({error.strerror}): name another file") from None
