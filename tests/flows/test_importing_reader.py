"""Any bytes as a table: rows or one sentence, never a traceback; and reports that no spreadsheet computes."""

import csv
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.errors import ImportRefused
from plugin.flows.importing import csv_reports
from plugin.flows.importing.entries import TABLE_COLUMNS, ImportLine
from plugin.flows.importing.judge import RowStatus, RowVerdict
from plugin.flows.importing.tables import spreadsheets
from tests import imports as it

KNOWN = frozenset(TABLE_COLUMNS)


def parse(data: bytes | str, rows: int = 100, size: int = 1 << 20) -> spreadsheets.Table:
    return spreadsheets.parse_table(data.encode() if isinstance(data, str) else data, KNOWN, rows, size)


@settings(deadline=None)  # the first file starts the process that reads
@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda tail: b"name,email\n" + tail))
def test_any_bytes_are_rows_or_one_sentence(data: bytes) -> None:
    try:
        table = parse(data)
    except ImportRefused as error:
        assert str(error).strip()  # noqa: PT017 - either is right, nothing else is
        return
    assert all(set(row.cells) == set(table.columns) for row in table.rows)


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
            min_size=2,
            max_size=2,
        ).filter(lambda row: any(cell.strip() for cell in row)),
        max_size=8,
    ),
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig"]),
)
def test_every_row_is_there_with_its_cells(rows: list[list[str]], delimiter: str, encoding: str) -> None:
    """Whatever stands in them: quotes, separators, line ends, formulas."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([["Name", "Email"], *rows])
    table = parse(out.getvalue().encode(encoding))
    assert [list(row.cells.values()) for row in table.rows] == [[cell.strip() for cell in row] for row in rows]


@given(st.binary(max_size=300))
def test_a_damaged_sheet_is_one_sentence(noise: bytes) -> None:
    """Bytes of a real one overwritten, at its beginning and in its middle."""
    whole = it.sheet(("name", "email"), ("Åsa", "a@b"))
    middle = len(whole) // 2
    for data in (b"PK\x03\x04" + noise, whole[:middle] + noise + whole[middle + len(noise) :], whole[:-50] + noise):
        try:
            assert parse(data).columns
        except ImportRefused as error:
            assert str(error).strip()  # noqa: PT017


def test_encodings_and_separators_are_told() -> None:
    """UTF-8 with or without its mark, or what somebody says; the separator by the columns that it makes."""
    assert parse("name;email\nÅsa, Öberg;a@b\n").told == "read as UTF-8, cells between semicolons"
    assert parse("\ufeffname\temail\nÅsa\ta@b\n").told == "read as UTF-8, cells between tabs"
    said = spreadsheets.ReadingOptions("windows-1252")
    found = spreadsheets.parse_table("name,email\nÅsa €,a@b\n".encode("cp1252"), KNOWN, 100, 1 << 20, said)
    assert (found.told, found.rows[0].cells["name"]) == ("read as windows-1252, cells between commas", "Åsa €")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        ("name\nÅsa".encode("utf-32"), "UTF-32"),
        (b"name\n\x81\xff", "--encoding"),
        (b"name\nA\0", "zero bytes"),
        (b"name,untill\nA,x", "untill"),
        (b"name,Name\nA,B", "twice"),
        (b'name\n"A', "line 2"),
        (b'name\nA\n"B"x,"\n', "line 3"),
        (b"name\n" + b"A\n" * 101, "more than 100 rows"),
        (b"PK\x03\x04rest", "damaged"),
        (b"%PDF-1.4", "not known"),
    ],
)
def test_what_cannot_be_read_is_said_and_what_to_do(data: bytes, said: str) -> None:
    """A column with a slip of the pen is refused: an end that is not read would be a consent without one."""
    with pytest.raises(ImportRefused, match=said):
        parse(data)


def test_a_row_with_too_many_cells_is_refused_alone() -> None:
    """A name with a separator that nobody quoted would shift every cell after it."""
    table = parse("name,email\nBerg, Anna,a@b\nÅsa,a@b\n")
    assert [bool(row.fault) for row in table.rows] == [True, False]
    assert [row.number for row in table.rows] == [2, 3]


def test_rows_are_numbered_as_an_editor_shows_them() -> None:
    """Empty lines and cells of several lines count as they stand in the file."""
    table = parse('name,email\n\n"Å\nsa",a@b\nBo,a@b\n')
    assert [row.number for row in table.rows] == [3, 5]


def test_a_sheet_that_unpacks_without_end_is_not_unpacked() -> None:
    """A file of kilobytes that would be gigabytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (30 << 20))
    with pytest.raises(ImportRefused, match="unpacks"):
        parse(out.getvalue(), size=1 << 20)


HOSTILE = [
    '=HYPERLINK("http://x","y")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "'=1",
    "''-1",
    "=cmd|' /C calc'!A0",
    "＝1",
    "'t Hart",
    "Åsa\u202e",
    'a"b',
    "a,b\nc",
]


@given(st.sampled_from(HOSTILE) | st.text(max_size=20))
def test_a_marked_cell_is_no_formula_and_comes_back_as_it_was(cell: str) -> None:
    marked = csv_reports.mark_formulas(cell)
    assert not marked.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
    assert csv_reports.unmark_formulas(marked) == cell


def test_a_report_holds_every_row_and_no_formula() -> None:
    verdicts = [
        RowVerdict(ImportLine(n, name), RowStatus.REFUSED, f"{name!r} is refused") for n, name in enumerate(HOSTILE, 2)
    ]
    rows = list(csv.DictReader(io.StringIO(csv_reports.write_report(verdicts).decode("utf-8-sig"), newline="")))
    assert [csv_reports.unmark_formulas(row["name"]) for row in rows] == HOSTILE
    assert not [cell for row in rows for cell in row.values() if cell[:1] in set("=+-@\t\r＝")]
