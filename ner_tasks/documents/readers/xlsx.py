"""Spreadsheets (xlsx): a document of all their cells, or a table of documents if there is a column of texts."""

import io
import re
import zipfile
from datetime import date, datetime, time
from typing import Any

from ner_tasks.documents import archives, tables
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits, free_name
from ner_tasks.errors import without_words

_OLE = b"\xd0\xcf\x11\xe0"
_CELL = re.compile(rb"<(?:\w+:)?c\s[^>]*?\br=[\"']([A-Z]{1,3})([0-9]{1,7})[\"']")
# The parser lays out the whole rectangle between the first and the last cell; a full sheet of Excel has 17 thousand
# million of them, about 30 bytes each.
_MAX_CELLS = 10_000_000
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_NOT_READ = {
    "picture(s)": re.compile(r"xl/media/"),
    "drawing(s)": re.compile(r"xl/drawings/drawing"),
    "sheet(s) of comments": re.compile(r"xl/(threadedComments/|comments)"),
}


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract | list[tables.Record]:
    """Cells of a row apart by tabs, rows by lines, sheets by a blank line.

    Returns:
        All sheets as one text. If the first row of the first sheet names the column of texts, the documents of its
        rows instead, and each further sheet that is not empty as one more, called like the sheet.

    Raises:
        CannotRead: `encrypted`; `too-large` if it unpacks to more than the limit or its cells span too much; `broken`.
    """
    from python_calamine import CalamineWorkbook, SheetTypeEnum

    if data.startswith(_OLE):
        raise CannotRead("encrypted", "found an encrypted or pre-2007 Excel file, expected xlsx without a password")
    names = archives.check_parts(data, limits)
    _check_spans(data, [name for name in names if _SHEET.fullmatch(name)])
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = [
            (sheet.name, _rows(workbook.get_sheet_by_name(sheet.name), limits))
            for sheet in workbook.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet
        ]
    except BaseException as error:
        # A parser written in Rust that finds itself in an impossible state raises what no `except Exception` sees.
        if type(error).__name__ != "PanicException":
            raise
        raise CannotRead("broken", f"found {without_words(error)}, expected a whole Excel file") from error
    if sheets and sheets[0][1] and limits.text_column in sheets[0][1][0]:
        header, *rows = sheets[0][1]
        documents = list(tables.documents_of(header, rows, limits))
        taken = {name for name, _ in documents}
        return documents + [(free_name(name, taken), _text(rows)) for name, rows in sheets[1:] if rows]
    builder = ExtractBuilder()
    for name, rows in sheets:
        builder.inventory.read("sheet")
        builder.block(_text(rows), name)
    for what, pattern in _NOT_READ.items():
        if n_parts := sum(pattern.match(name) is not None for name in names):
            builder.inventory.unread("part", f"{n_parts} {what}", "not read", n_parts)
    return builder.extract()


def _check_spans(data: bytes, names: list[str]) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in names:
            rows, columns = _span(archive.read(name))
            if rows * columns > _MAX_CELLS:
                found = f"found cells over {rows} rows and {columns} columns in {name[:80]!r}"
                raise CannotRead("too-large", f"{found}, expected at most {_MAX_CELLS} cells")


def _span(sheet: bytes) -> tuple[int, int]:
    """How many rows and columns lie between the outermost cells of a sheet."""
    columns, rows = set(), set()
    for cell in _CELL.finditer(sheet):
        columns.add(cell[1])
        rows.add(int(cell[2]))
    if not rows:
        return 0, 0
    numbers = [_column(letters) for letters in columns]
    return max(rows) - min(rows) + 1, max(numbers) - min(numbers) + 1


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number


def _rows(sheet: Any, limits: Limits) -> list[list[str]]:
    """Cells as text; rows without any are left out."""
    rows, n_characters = [], 0
    for values in sheet.iter_rows():
        row = [_shown(value) for value in values]
        if any(cell.strip() for cell in row):
            n_characters += sum(map(len, row))
            if n_characters > limits.max_characters:
                found = f"found more than {limits.max_characters} characters in a sheet"
                raise CannotRead("too-long", f"{found}, expected at most that many")
            rows.append(row)
    return rows


def _shown(value: object) -> str:
    """A cell as a person reads it: whole numbers without a point, dates as ISO writes them."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _text(rows: list[list[str]]) -> str:
    return "\n".join("\t".join(row).rstrip("\t") for row in rows)
