"""A spreadsheet as its owner sees it: what is hidden, struck, computed or broken is refused with its row."""

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Font, NamedStyle, PatternFill
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.filters import FilterColumn, Filters
from openpyxl.worksheet.formula import ArrayFormula

from plugin.clock import ManualClock
from plugin.errors import ImportRefused
from plugin.flows.common.services import Services
from plugin.flows.importing.entries import TABLE_COLUMNS
from plugin.flows.importing.tables import spreadsheets
from plugin.flows.views.people import people_list
from tests import imports as it

KNOWN = frozenset(TABLE_COLUMNS)
HEAD = ("name", "email", "channels", "until", "signed")
UNTIL, SIGNED = date(2027, 12, 31), date(2026, 1, 15)
NAMES = ("Ann Sample", "Bea Sample", "Cas Sample")
Change = Callable[[Workbook, Any], None]


def book(change: Change | None = None) -> bytes:
    """Three people, of whom something is done to the second, in row 3."""
    made = Workbook()
    sheet = made.active
    sheet.title = "2026"
    sheet.append(HEAD)
    for name in NAMES:
        sheet.append((name, f"{name[:3].lower()}@example.org", "website", UNTIL, SIGNED))
    if change is not None:
        change(made, sheet)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def parse(data: bytes, sheet: str = "") -> spreadsheets.Table:
    return spreadsheets.parse_table(data, KNOWN, 100, 1 << 20, spreadsheets.ReadingOptions(sheet=sheet))


def put(cell: str, value: object, **looks: object) -> Change:
    """Set a cell, and how it looks."""

    def change(_: Workbook, sheet: Any) -> None:
        sheet[cell] = value
        for what, how in looks.items():
            setattr(sheet[cell], what, how)

    return change


def dimension(**values: object) -> Change:
    def change(_: Workbook, sheet: Any) -> None:
        for what, value in values.items():
            setattr(sheet.row_dimensions[3], what, value)

    return change


def by_style(made: Workbook, sheet: Any) -> None:
    made.add_named_style(NamedStyle("Gone", font=Font(strike=True)))
    for cell in sheet[3]:
        cell.style = "Gone"


def whole_row(_: Workbook, sheet: Any) -> None:
    for cell in sheet[3]:
        cell.font = Font(strike=True)


def struck_part(_: Workbook, sheet: Any) -> None:
    sheet["A3"] = CellRichText("Bea ", TextBlock(InlineFont(strike=True), "Sample"))


def filtered(_: Workbook, sheet: Any) -> None:
    sheet.auto_filter.ref = "A1:E4"
    sheet.auto_filter.add_filter_column(0, ["Ann Sample", "Cas Sample"])
    sheet.row_dimensions[3].hidden = True


def grouped(_: Workbook, sheet: Any) -> None:
    sheet.row_dimensions.group(3, 3, outline_level=1, hidden=True)


def merged(_: Workbook, sheet: Any) -> None:
    sheet["D3"] = None
    sheet.merge_cells("D2:D3")


def heading_again(_: Workbook, sheet: Any) -> None:
    for cell, word in zip(sheet[3], HEAD, strict=True):
        cell.value = word


WHITE = Font(color="FFFFFFFF")
FAULTS: dict[str, tuple[Change, str]] = {
    "hidden by hand": (dimension(hidden=True), "hidden"),
    "height of a hair": (dimension(height=1), "hidden"),
    "filtered": (filtered, "filter"),
    "grouped and folded": (grouped, "group"),
    "struck, the name": (put("A3", "Bea Sample", font=Font(strike=True)), "A3 is struck"),
    "struck, a part of the name": (struck_part, "A3 is struck"),
    "struck, the channel": (put("C3", "website", font=Font(strike=True)), "C3 is struck"),
    "struck, the whole row": (whole_row, "A3 is struck"),
    "struck by a cell style": (by_style, "struck"),
    "formula": (put("A3", "=B3"), "A3 is computed"),
    "array formula": (put("A3", ArrayFormula("A3", "=B3")), "A3 is computed"),
    "computed end": (put("D3", "=E3+365"), "D3 is computed"),
    "error for a name": (put("A3", "#N/A"), "A3 holds an error"),
    "error for an end": (put("D3", "#REF!"), "D3 holds an error"),
    "truth for a name": (put("A3", True), "TRUE"),
    "number for a name": (put("A3", 12345), "A3 holds a number"),
    "number shown otherwise": (put("C3", 7, number_format="000"), "C3 holds a number"),
    "end without its day": (put("D3", UNTIL, number_format="mmm yyyy"), "without its day"),
    "end without its year": (put("D3", UNTIL, number_format="d-mmm"), "without its year"),
    "not shown by its format": (put("A3", "Bea Sample", number_format=";;;"), "not shown"),
    "white on white": (put("A3", "Bea Sample", font=WHITE), "nobody sees"),
    "nearly white on white": (put("A3", "Bea Sample", font=Font(color="FFFEFEFE")), "nobody sees"),
    "letters of a hair": (put("A3", "Bea Sample", font=Font(sz=1)), "too small"),
    "another name by its format": (put("A3", "Bea Sample", number_format='0;0;0;"Bo Sample"'), "not shown as it is"),
    "more by its format": (put("A3", "Bea Sample", number_format='@" (withdrawn)"'), "not shown as it is"),
    "black on black": (put("A3", "Bea Sample", fill=PatternFill("solid", fgColor="FF000000")), "nobody sees"),
    "merged end": (merged, "merged"),
    "the heading again": (heading_again, "repeats the heading"),
    "garbled": (put("A3", "BeÃ¡ Sample"), "garbled"),
}


def _edited(find: str, put_in: str) -> bytes:
    """The file of `book` with its sheet changed as no library would write it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book())) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            body = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert find.encode() in body
                body = body.replace(find.encode(), put_in.encode(), 1)
            new.writestr(name, body)
    return out.getvalue()


@pytest.mark.parametrize(
    ("find", "put_in", "said"),
    [
        ("<pageMargins", '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells><pageMargins', "whole columns"),
        (
            "<pageMargins",
            '<hyperlinks><hyperlink ref="A1:XFD1048576" location="x"/></hyperlinks><pageMargins',
            "columns",
        ),
        (
            "</sheetData>",
            '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>',
            "XFD",
        ),
        (
            "</sheetData>",
            "".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c></row>' for n in range(9, 200)) + "</sheetData>",
            "more than 100 rows",
        ),
        (
            "<sheetData>",
            '<cols><col min="2" max="2" width="0" customWidth="1"/></cols><sheetData>',
            "column B is hidden",
        ),
        ("<sheetFormatPr ", '<sheetFormatPr defaultColWidth="0" ', "hides its columns"),
    ],
)
def test_what_a_file_says_of_its_size_is_not_believed(find: str, put_in: str, said: str) -> None:
    """A small file that stands for millions of cells is refused at once; so are columns of no width."""
    began = time.perf_counter()
    with pytest.raises(ImportRefused, match=said):
        parse(_edited(find, put_in))
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize("what", FAULTS)
def test_what_its_owner_does_not_see_is_told_with_its_row(what: str) -> None:
    """And the other rows are as they were, but where cells of two rows are one."""
    change, said = FAULTS[what]
    rows = {row.number: row for row in parse(book(change)).rows}
    assert said in rows[3].fault, rows[3]
    assert [rows[n].cells["name"] for n in (2, 4)] == [NAMES[0], NAMES[2]]
    assert not rows[4].fault
    assert bool(rows[2].fault) == (what == "merged end")


def _column(letter: str) -> Change:
    def change(_: Workbook, sheet: Any) -> None:
        sheet.column_dimensions[letter].hidden = True

    return change


def _withdrawn(made: Workbook, sheet: Any) -> None:
    sheet["F1"], sheet["F3"] = "withdrawn on", date(2026, 2, 1)
    _column("F")(made, sheet)


def _below_the_headings(made: Workbook, sheet: Any) -> None:
    sheet["H3"] = "took it back"
    _column("H")(made, sheet)


def _unapplied(_: Workbook, sheet: Any) -> None:
    sheet.auto_filter.ref = "A1:E4"
    sheet.auto_filter.filterColumn.append(FilterColumn(0, filters=Filters(filter=["Ann Sample"])))


def _rows_off(_: Workbook, sheet: Any) -> None:
    sheet.sheet_format.zeroHeight = True


def _by_rule(_: Workbook, sheet: Any) -> None:
    sheet.conditional_formatting.add("A2:E4", FormulaRule(formula=['$A2<>""'], font=Font(strike=True)))


def _second(made: Workbook, _: Any) -> None:
    made.create_sheet("2025").append(HEAD)
    made["2025"].append(("Old Sample", "", "website", UNTIL, SIGNED))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_column("D"), "column D is hidden"),
        (_withdrawn, "column F is hidden"),
        (_below_the_headings, "column H"),
        (_unapplied, "filter"),
        (_rows_off, "hides its rows"),
        (_by_rule, "conditional formatting"),
        (_second, "--sheet"),
        (lambda _, sheet: setattr(sheet.row_dimensions[1], "hidden", True), "names the columns"),
    ],
)
def test_what_cannot_be_told_row_by_row_refuses_the_sheet(change: Change, said: str) -> None:
    with pytest.raises(ImportRefused, match=said):
        parse(book(change))


def test_a_row_of_no_height_is_hidden() -> None:
    """As other programs write it; the library that makes these files never does."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book(dimension(height=20)))) as made, zipfile.ZipFile(out, "w") as packed:
        for one in made.infolist():
            packed.writestr(one, made.read(one).replace(b'ht="20"', b'ht="0"'))
    assert [bool(row.fault) for row in parse(out.getvalue()).rows] == [False, True, False]


def test_the_sheet_that_is_seen_is_read() -> None:
    """A hidden one is told, whatever its place; of several one is named; a sheet that is no table is none of them."""

    def hide(made: Workbook, sheet: Any) -> None:
        _second(made, sheet)
        made.move_sheet("2025", -1)
        made["2025"].sheet_state = "veryHidden"
        made.create_sheet("notes").append(("call Ann",))

    table = parse(book(hide))
    assert [row.cells["name"] for row in table.rows] == list(NAMES)
    assert "sheet '2026'; hidden sheets were not read: '2025'; other sheets were not read: 'notes'" in table.told
    assert [row.cells["name"] for row in parse(book(_second), "2025").rows] == ["Old Sample"]
    for wanted, said in (("2025", "is hidden"), ("nosuch", "there is no sheet")):
        with pytest.raises(ImportRefused, match=said):
            parse(book(hide), wanted)
    with pytest.raises(ImportRefused, match="CSV file has no sheets"):
        spreadsheets.parse_table(b"name\nAnn", KNOWN, 10, 1 << 20, spreadsheets.ReadingOptions(sheet="x"))


def test_days_are_those_that_are_shown() -> None:
    """Whether the workbook counts from 1900 or 1904; with the month as a word, and the weekday."""

    def mac(made: Workbook, sheet: Any) -> None:
        made.epoch = CALENDAR_MAC_1904
        sheet["D3"].number_format = "[$-413]dddd d mmmm yyyy"
        sheet["D4"] = datetime(2027, 12, 31, 10, 30)  # noqa: DTZ001 - a spreadsheet knows no zone

    rows = parse(book(mac)).rows
    assert [row.cells["until"] for row in rows] == ["2027-12-31", "2027-12-31", "2027-12-31 10:30:00"]
    assert not any(row.fault for row in rows)


def test_a_note_at_a_cell_is_told() -> None:
    def note(_: Workbook, sheet: Any) -> None:
        sheet["A3"].comment = Comment("took it back by telephone", "desk")

    assert [row.notes for row in parse(book(note)).rows] == [(), ("the note at cell A3 was not read",), ()]


def test_what_is_seen_is_taken() -> None:
    """Coloured headings, theme colours, an empty hidden row and column, a filter that hides nothing."""

    def harmless(_: Workbook, sheet: Any) -> None:
        for cell in sheet[1]:
            cell.font, cell.fill = Font(color="FFFFFFFF", bold=True), PatternFill("solid", fgColor="FF003366")
        sheet["A3"].font = Font(color="FFCC0000", italic=True)
        sheet.row_dimensions[9].hidden = True
        sheet.column_dimensions["K"].hidden = True
        sheet.auto_filter.ref = "A1:E4"

    table = parse(book(harmless))
    assert [(row.cells["name"], row.fault) for row in table.rows] == [(name, "") for name in NAMES]


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "save it as XLSX"), ("mimetype", "ODS"), ("xl/workbook.bin", "XLSB")],
)
def test_other_spreadsheets_are_told_apart(data: bytes | str, said: str) -> None:
    if isinstance(data, str):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as packed:
            packed.writestr(data, "x")
        data = out.getvalue()
    with pytest.raises(ImportRefused, match=said):
        parse(data)


# ---- CSV ------------------------------------------------------------------------------------------


def csv(data: bytes, encoding: str = "") -> spreadsheets.Table:
    return spreadsheets.parse_table(data, KNOWN, 100, 1 << 20, spreadsheets.ReadingOptions(encoding))


LIST = "name;email\nŁucja Gąska;l@example.org\nÅsa Öberg;a@example.org\n"


def test_an_encoding_is_certain_or_asked_for() -> None:
    """The question shows the lines on which the candidates differ; the answer is taken; a wrong one is told."""
    names = ["Łucja Gąska", "Jörg"]
    text = "name;email\nAnn;x@y\nŁucja Gąska;l@example.org\nJörg;j@example.org\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert [row.cells["name"] for row in csv(text.encode(encoding)).rows] == ["Ann", *names]
    assert [row.cells["name"] for row in csv(text.encode("utf-16-be"), "utf-16").rows] == ["Ann", *names]
    data = text.encode("cp1250")
    with pytest.raises(ImportRefused) as asked:
        csv(data)
    assert "line 3: " in str(asked.value)
    assert "'Łucja Gąska;l@example.org'" in str(asked.value)
    assert "windows-1250" in str(asked.value)
    assert [row.cells["name"] for row in csv(data, "windows-1250").rows] == ["Ann", *names]
    with pytest.raises(ImportRefused, match="not utf-8"):
        csv(data, "utf-8")
    for encoding, codec in (("windows-1252", "cp1252"), ("iso-8859-15", "iso-8859-15"), ("macintosh", "mac_roman")):
        assert csv("name\nJörg €".encode(codec), encoding).rows[0].cells["name"] == "Jörg €"


def _garbled() -> Iterator[str]:
    """UTF-8 that a program read as something else, and saved as UTF-8 again; where it could read it so."""
    for wrong in ("cp1252", "latin-1", "mac_roman", "cp1250"):
        for name in ("Łucja", "Jörg", "Åsa", "Zoë", "Čeněk", "Иван"):
            with suppress(UnicodeDecodeError):
                yield name.encode().decode(wrong)


@pytest.mark.parametrize("garbled", list(_garbled()))
def test_letters_that_were_garbled_are_no_name(garbled: str) -> None:
    assert "garbled" in csv(f"name,email\n{garbled},a@b\n".encode()).rows[0].fault


@pytest.mark.parametrize(
    "name", ["Łucja", "Jörg", "Åsa Öberg", "Ștefan Ă", "ĂŞA", "François", "Ñandú", "李", "ÃŃ", "Zoë «X»"]
)
def test_letters_of_real_names_are_not_taken_for_garbled(name: str) -> None:
    assert csv(f"name,email\n{name},a@b\n".encode()).rows[0].fault == ""


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=;\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_that_says_the_separator_is_no_row(line: str, end: str) -> None:
    table = csv(end.join((line, "name;email", "Ann, née X;a@b", "")).encode("utf-8-sig"))
    assert [(row.number, row.cells) for row in table.rows] == [(3, {"name": "Ann, née X", "email": "a@b"})]


@pytest.mark.parametrize(
    "name", ["=members!A1", "#N/A", "#N/B", "#NV", "#REF!", "#VERW!", "#DIV/0!", "#NAAM?", "#VALUE!", "Err:502"]
)
def test_what_a_spreadsheet_left_in_a_text_is_no_name(name: str) -> None:
    assert csv(f"name,email\n{name},a@b\n".encode()).rows[0].fault
    assert csv(f"name,until\nAnn,{name}\n".encode()).rows[0].fault


def test_one_column_with_separators_in_it_is_no_name() -> None:
    """Another program shows two cells there, the second of which may say anything."""
    assert csv(b"name\nAnn Sample;withdrawn\n").rows[0].fault
    assert csv(b"name\nAnn Sample\n").rows[0].fault == ""


# ---- as far as the ledger -------------------------------------------------------------------------


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock) -> Iterator[Services]:
    with it.opened(tmp_path, clock) as open_:
        yield open_


@pytest.mark.promise
def test_nothing_unseen_becomes_a_consent(
    services: Services, tmp_path: Path, promise: Callable[[str, str], None]
) -> None:
    """Applied for real: the person of the row does not exist afterwards, and the report names the row."""
    became = told = 0
    for change, _ in FAULTS.values():
        path = tmp_path / "list.xlsx"
        verdicts = it.table(services, path, book(change), apply=True)
        (row,) = [verdict for verdict in verdicts if verdict.line.number == 3]
        became += row.status.value != "refused"
        told += bool(row.reason)
    assert {one.person.display_name for one in people_list.search(services)} == {"Ann Sample", "Cas Sample"}
    promise("D3", f"hidden, struck, computed, broken cells: became consents {became} of {len(FAULTS)}, told {told}")
    assert (became, told) == (0, len(FAULTS))
