"""Tables for spreadsheets (RFC 4180). A cell that a spreadsheet would compute is made text."""

import csv
import io
from collections.abc import Iterable, Sequence

from plugin.hooks.mail import one_line

_MARK = "\ufeff"  # without it Excel takes the letters of names for those of another alphabet
# https://owasp.org/www-community/attacks/CSV_Injection; the full-width forms are computed as well.
_COMPUTED = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "|", "%")


def text(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The table as a file's text: every cell quoted, on one line, and none of them a formula."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows([cell(str(value)) for value in row] for row in rows)
    return _MARK + out.getvalue()


def cell(value: str) -> str:
    """`value` without line breaks, and behind an apostrophe where it begins as a formula does."""
    plain = one_line(value)
    return f"'{plain}" if plain.startswith(_COMPUTED) else plain
