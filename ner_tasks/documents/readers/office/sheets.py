"""Turn sheets into text, or into one document per row if a column has the name of the text column."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from ner_tasks.bounded_names import TakenNames, bound_name
from ner_tasks.documents.readers import default_names
from ner_tasks.documents.tables import tables
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Ignored, Limits

# A table of documents is held in memory as a full rectangle.
_MAX_TABLE_CELLS = 10_000_000
_MAX_CELLS = 5_000_000
# Maximum gap between two cells that is written as one tab per column; a wider gap is one tab.
_MAX_GAP = 256
# Excel allows 31 characters, other programs more.
_MAX_NAME = 1_000
# Maximum length of the sheet's name in the label of a cell.
_MAX_LABEL = 200

# Codes in headers: fonts, sizes, colours, page numbers, dates. They become spaces, so that sections stay apart.
_MARGIN_CODE = re.compile(r'&(?:&|"[^"]*"|[0-9]+|K[0-9A-Fa-f]{6}|K[0-9]{2}[+-][0-9]{3}|[A-Za-z])')

Cell = tuple[int, str]


@dataclass
class Sheet:
    """One sheet.

    Attributes:
        name: its name.
        rows: rows with text: the row number, from 1, and the cells as column number, from 1, and text.
        margins: headers and footers stored in the sheet: name and text.
    """

    name: str
    rows: list[tuple[int, list[Cell]]] = field(default_factory=list)
    margins: list[tuple[str, str]] = field(default_factory=list)

    def add(self, number: int, cells: list[Cell]) -> None:
        """Add a row unless it is blank; rows come in ascending order."""
        if any(text.strip() for _, text in cells):
            self.rows.append((number, cells))


class SheetBudget:
    """Counts the cells and characters of a workbook and enforces their limits."""

    def __init__(self, limits: Limits):
        self._limits, self._n_cells, self._n_characters = limits, 0, 0

    def count(self, text: str) -> None:
        """Count a cell that has text.

        Raises:
            CannotRead: `too-large`, `too-long`.
        """
        self._n_cells += 1
        self._n_characters += len(text)
        if self._n_cells > _MAX_CELLS:
            raise CannotRead("too-large", f"found more than {_MAX_CELLS} cells with text, expected at most that many")
        if self._n_characters > self._limits.max_characters:
            message = f"found more than {self._limits.max_characters} characters in its cells"
            raise CannotRead("too-long", f"{message}, expected at most that many")


def make_label(name: str) -> str:
    """Return a sheet's name for use in labels, shortened if it is long."""
    return bound_name(name, _MAX_LABEL)


def make_place(label: str, row: int, column: int) -> str:
    """Return the label of a cell, such as `Claims!B7`, given the label of its sheet."""
    return f"{label}!{column_letters(column)}{row}"


def column_letters(column: int) -> str:
    """Return the letters of a column: `A` for 1, `AA` for 27."""
    letters = ""
    while column > 0:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def add_name(builder: ExtractBuilder, name: str) -> None:
    """Add a sheet's name as a block, unless it is a default name such as `Sheet1`."""
    if default_names.is_default_sheet(name):
        builder.inventory.ignored("sheet-name", "default-name")
    elif len(name) > _MAX_NAME:
        builder.block(name[:_MAX_NAME], name[:_MAX_NAME])
        where = f"a sheet name of {len(name)} characters"
        builder.inventory.unread("sheet-name", where, f"only the first {_MAX_NAME} characters are read")
    elif name.strip():
        builder.block(name, name)
        builder.inventory.read("sheet-name")


def join_cells(sheets: Sequence[Sheet]) -> str:
    """Join the texts of all cells, one per line."""
    return "\n".join(text for sheet in sheets for _, cells in sheet.rows for _, text in cells)


def add_sheet(builder: ExtractBuilder, sheet: Sheet) -> None:
    """Add a sheet's cells to a document, each with its label as its source."""
    left = min((cells[0][0] for _, cells in sheet.rows), default=1)
    label = make_label(sheet.name)
    for number, (row, cells) in enumerate(sheet.rows):
        if builder.length:
            builder.append("\n" if number else "\n\n")
        at = left
        for column, text in cells:
            gap = column - at
            builder.append("\t" * gap if gap <= _MAX_GAP else "\t")
            builder.append(text, make_place(label, row, column))
            at = column


def is_table(sheets: Sequence[Sheet], limits: Limits) -> bool:
    """Whether the first row of the first sheet names the text column, so that each row is a document."""
    first = sheets[0].rows[:1] if sheets else []
    return any(text == limits.text_column for _, cells in first for _, text in cells)


def make_documents(sheets: Sequence[Sheet], rest: Extract, limits: Limits) -> list[tables.Record]:
    """Make the documents of a workbook whose first sheet is a table of documents.

    Args:
        sheets: the table, then the other sheets; each one that is not empty becomes a document named after the sheet.
        rest: the workbook's other content, such as comments.
        limits: names of the text and id columns.
    """
    header, *rows = _fill_rows(sheets[0])
    documents = list(tables.iter_documents(header, rows, limits))
    taken = TakenNames(name for name, _ in documents)
    for sheet in sheets[1:]:
        if sheet.rows:
            builder = ExtractBuilder()
            add_sheet(builder, sheet)
            documents.append((taken.make_unique(sheet.name), builder.extract().text))
    if rest.text:
        documents.append((taken.make_unique("remarks"), rest.text))
    unread = [CannotRead("not-read", f"found {line}; expected text") for line in rest.items.unread]
    documents.extend((taken.make_unique("unread"), reason) for reason in unread)
    for part in rest.parts:
        reason = "found a file embedded in a table of documents, expected a separate file"
        documents.append((taken.make_unique(part.name), CannotRead("not-read", reason)))
    n_others = len([name for name in header if name and name not in (limits.text_column, limits.id_column)])
    if n_others:
        documents.append(("", Ignored("", "other-columns", n_others)))
    # The names of the other sheets are read: they are the names of their documents.
    without = [sheet.name for number, sheet in enumerate(sheets) if number == 0 or not sheet.rows]
    n_default = sum(map(default_names.is_default_sheet, without))
    for rule, n in (("default-name", n_default), ("table-name", len(without) - n_default)):
        documents += [("", Ignored("", rule, n))] if n else []
    return documents


def _fill_rows(sheet: Sheet) -> list[list[str]]:
    """Return rows of equal length, from the first column with text to the last."""
    left = min(cells[0][0] for _, cells in sheet.rows)
    width = max(cells[-1][0] for _, cells in sheet.rows) - left + 1
    if width * len(sheet.rows) > _MAX_TABLE_CELLS:
        message = f"found a table of {len(sheet.rows)} rows and {width} columns"
        raise CannotRead("too-large", f"{message}, expected at most {_MAX_TABLE_CELLS} cells")
    rows = []
    for _, cells in sheet.rows:
        row = [""] * width
        for column, text in cells:
            row[column - left] = text
        rows.append(row)
    return rows


def strip_margin_codes(text: str) -> str:
    """Return a header or footer without its formatting codes."""
    return " ".join(_MARGIN_CODE.sub(lambda code: "&" if code.group() == "&&" else " ", text).split())


def format_value(value: object) -> str:
    """Format a cell's value: whole numbers without a decimal point, dates in ISO 8601."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ") if value.time() != time() else value.date().isoformat()
    if isinstance(value, timedelta):
        return format_duration(value)
    return value.isoformat() if isinstance(value, date | time) else str(value)


def format_duration(value: timedelta) -> str:
    """Format a duration as hours, minutes and seconds, such as `36:00:00`."""
    seconds = round(value.total_seconds())
    minutes, second = divmod(abs(seconds), 60)
    return f"{'-' if seconds < 0 else ''}{minutes // 60}:{minutes % 60:02}:{second:02}"


def make_sheet(name: str, rows: Iterable[Sequence[object]], first: tuple[int, int], budget: SheetBudget) -> Sheet:
    """Make a sheet from the values that python-calamine returns.

    Args:
        name: name of the sheet.
        rows: values, starting at the first row and column that have any.
        first: numbers of that row and column, from 1.
        budget: limits the number of cells and characters.
    """
    sheet = Sheet(name)
    for number, values in enumerate(rows, start=first[0]):
        cells = []
        for column, value in enumerate(values, start=first[1]):
            if value != "" and (text := format_value(value)).strip():
                budget.count(text)
                cells.append((column, text))
        sheet.add(number, cells)
    return sheet
