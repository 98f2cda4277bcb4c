"""How a cell of a spreadsheet looks: struck through, or invisible."""

import re

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.styles.colors import Color
from openpyxl.worksheet.worksheet import Worksheet

from plugin.errors import ImportRefused

_WHITE, _BLACK = "FFFFFF", "000000"
_INDEXED = {0: _BLACK, 1: _WHITE, 8: _BLACK, 9: _WHITE, 64: _BLACK, 65: _WHITE}
_THEME = {0: _WHITE, 1: _BLACK}  # light and dark of the theme, which programs leave as they are
_LEAST = 3  # points of a height
_DISTINCT = 16  # of 256


def explain_unseen(book: Workbook, cell: Cell) -> str:
    """Why a cell does not show its value; "" if it does."""
    if _is_struck(book, cell):
        return "is struck through: delete it, or take the line off"
    if not _shows_value(cell):
        return "is not shown as it is, by its number format: format it as text"
    if (cell.font.sz or _LEAST) < _LEAST:
        return "has letters too small to be seen: delete it, or make them larger"
    if _are_alike(_colour(cell.font.color, _BLACK), _background(cell)):
        return "has letters in the colour of its ground, which nobody sees: delete it, or colour it"
    return ""


def _shows_value(cell: Cell) -> bool:
    """Whether the number format shows the value, and for a text nothing but it."""
    parts = [part.strip() for part in str(cell.number_format).split(";")]
    if isinstance(cell.value, str):
        ours = parts[3] if len(parts) > 3 else next((part for part in parts if "@" in part), "@")
        return re.sub(r"\[[^\]]*\]|[_*].", "", ours) in {"@", "General"}
    return len(parts) == 1 or bool(parts[0])


def _are_alike(one: str | None, other: str | None) -> bool:
    """Whether the colours cannot be distinguished; unknown colours can."""
    if one is None or other is None:
        return False
    return all(abs(int(one[at : at + 2], 16) - int(other[at : at + 2], 16)) < _DISTINCT for at in (0, 2, 4))


def _is_struck(book: Workbook, cell: Cell) -> bool:
    if cell.font.strike or _named_font_strikes(book, cell):
        return True
    blocks = cell.value if isinstance(cell.value, CellRichText) else ()
    return any(isinstance(one, TextBlock) and one.font.strike for one in blocks)


def _named_font_strikes(book: Workbook, cell: Cell) -> bool:
    """By a cell style, which some programs do not copy to the cell's own font."""
    named = next((one for one in book._named_styles if one.name == cell.style), None)  # noqa: SLF001
    return bool(named is not None and named.font is not None and named.font.strike)


def _background(cell: Cell) -> str | None:
    if cell.fill is None or getattr(cell.fill, "fill_type", None) in {None, "none"}:
        return _WHITE
    return _colour(cell.fill.fgColor, _WHITE) if cell.fill.fill_type == "solid" else None


def _colour(colour: Color | None, otherwise: str) -> str | None:
    """Six hex digits; None if unknown."""
    if colour is None:
        return otherwise
    if colour.type == "rgb" and isinstance(colour.rgb, str):
        return colour.rgb[-6:].upper()
    if colour.type == "indexed":
        return _INDEXED.get(colour.indexed)
    return _THEME.get(colour.theme) if colour.type == "theme" and not colour.tint else None


def refuse_sheet(sheet: Worksheet) -> None:
    """Raises ImportRefused if it is unknown what the sheet shows."""
    form = sheet.sheet_format
    if form.zeroHeight or (form.customHeight and (form.defaultRowHeight or _LEAST) < _LEAST):
        raise ImportRefused("the sheet hides its rows unless they say otherwise: show all rows")
    if form.defaultColWidth is not None and form.defaultColWidth < _LEAST / 10:
        raise ImportRefused("the sheet hides its columns unless they say otherwise: show all columns")
    rules = (rule for area in sheet.conditional_formatting for rule in area.rules)
    if any(rule.dxf is not None and rule.dxf.font is not None and rule.dxf.font.strike for rule in rules):
        raise ImportRefused(
            "conditional formatting strikes cells through, and which ones is not computed here: take it out, and "
            "delete the rows that it struck"
        )


def refuse_unapplied_filter(sheet: Worksheet, any_hidden: bool) -> None:
    """Raises ImportRefused for a filter that hides no row: programs differ in whether it is active."""
    filters = [sheet.auto_filter, *(table.autoFilter for table in sheet.tables.values())]
    if not any_hidden and any(one is not None and one.filterColumn for one in filters):
        raise ImportRefused("a filter is set on the sheet, and which rows it hides is not stored: take the filter off")
