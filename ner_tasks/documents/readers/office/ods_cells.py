"""Read the cells of an OpenDocument workbook as they are shown, and the comments and shapes attached to them.

Source: OASIS OpenDocument 1.3, part 3, 9.1 (tables), 19.381 and following (values of cells).
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from ner_tasks.documents.readers.office.odf_text import CELLS, OdfWalk, qualify
from ner_tasks.documents.readers.office.sheets import Cell, Sheet, SheetBudget, format_value, make_label, make_place
from ner_tasks.documents.readers.office.xlsx_cells import format_date, format_number
from ner_tasks.documents.readers.office.xml_tree import attribute

_DURATION = re.compile(r"(-?)P(?:(\d{1,9})D)?T?(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:[.,]\d+)?S)?$")
_NUMBERS = ("float", "currency", "percentage")
_MAX_ROWS, _MAX_COLUMNS = 1_048_576, 16_384


def iter_tables(root: Any) -> Iterator[Any]:
    """Return the sheets of a workbook; tables in cells, in tracked changes and in links to other files are not sheets."""
    for book in root.iter("{*}spreadsheet"):
        yield from book.iterchildren("{*}table")


def read_sheet(table: Any, name: str, budget: SheetBudget) -> tuple[Sheet, list[tuple[str, str]]]:
    """Read the cells of a table, and the place and text of each comment or shape on it."""
    sheet, label = Sheet(name), make_label(name)
    remarks: list[tuple[str, str]] = []
    number = 1
    for row in table.iter("{*}table-row"):
        if next(row.iterancestors("{*}table"), None) is not table:
            continue
        cells = _iter_cells(row, number, label, budget, remarks)
        n_rows = _count_repeats(row, "number-rows-repeated", _MAX_ROWS)
        if cells:
            for again in range(n_rows):
                for _, text in cells if again else ():
                    budget.count(text)
                sheet.add(number + again, cells)
        number += n_rows
    for shapes in table.iterchildren("{*}shapes", "{*}forms"):
        remarks += [(label, block) for block in OdfWalk().blocks(shapes)]
    return sheet, remarks


def _iter_cells(row: Any, number: int, label: str, budget: SheetBudget, remarks: list[tuple[str, str]]) -> list[Cell]:
    cells: list[Cell] = []
    column = 1
    for cell in row:
        if qualify(cell.tag) not in CELLS:
            continue
        n_columns = _count_repeats(cell, "number-columns-repeated", _MAX_COLUMNS)
        text, hanging = _read_cell(cell)
        remarks += [(make_place(label, number, column), block) for block in hanging]
        if text.strip():
            for again in range(n_columns):
                budget.count(text)
                cells.append((column + again, text))
        column += n_columns
    return cells


def _count_repeats(element: Any, name: str, most: int) -> int:
    count = attribute(element, name, "1")
    return max(1, min(int(count), most)) if count.isdecimal() and len(count) < 9 else 1


def _read_cell(cell: Any) -> tuple[str, list[str]]:
    """Return the text that a cell shows, and the texts attached to it."""
    lines: list[str] = []
    hanging: list[str] = []
    for element in cell:
        name = qualify(element.tag)
        if name in ("text:p", "text:h", "text:list"):
            line, *boxes = OdfWalk().blocks(element) or [""]
            lines.append(line)
            hanging += boxes
        else:
            hanging += OdfWalk().blocks(element)
    kind = attribute(cell, "value-type")
    if kind in _NUMBERS and (value := attribute(cell, "value")):
        return format_number(value), hanging
    if kind == "boolean":
        return attribute(cell, "boolean-value").upper(), hanging
    if kind == "date" and (value := attribute(cell, "date-value")):
        return format_date(value), hanging
    if kind == "time" and (match := _DURATION.match(attribute(cell, "time-value"))):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
        length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return format_value(-length if match[1] else length), hanging
    return "\n".join(lines) or attribute(cell, "string-value"), hanging
