"""Tables for spreadsheets (RFC 4180). A cell that a spreadsheet would compute is made text."""

import csv
import io
from collections.abc import Iterable, Sequence

from plugin.flows.importing.csv_reports import marked
from plugin.flows.mail.smtp import one_line

_MARK = "\ufeff"  # without it Excel takes the letters of names for those of another alphabet


def text(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The table as a file's text: every cell quoted, on one line, and none of them a formula."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows([cell(str(value)) for value in row] for row in rows)
    return _MARK + out.getvalue()


def cell(value: str) -> str:
    """`value` without line breaks, and so that no part of it is a formula, whatever separates cells."""
    return marked(one_line(value))
