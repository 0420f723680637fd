"""Excel workbooks (xlsx): each sheet's rows, cells apart by tabs; or a table of documents, as a csv file is."""

import io
from collections.abc import Iterator
from typing import Any

from ner_tasks.documents.extract import CannotRead

Rows = list[list[str]]


def read(data: bytes) -> list[Rows]:
    """Rows of each sheet, as text; empty sheets left out.

    Raises:
        CannotRead: `broken`, `encrypted`, or `empty`.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = [_rows(workbook.get_sheet_by_name(name).iter_rows()) for name in workbook.sheet_names]
    except PasswordError:
        raise CannotRead("encrypted", "found a workbook that asks for a password, expected one that opens") from None
    except CalamineError as error:
        raise CannotRead("broken", f"found {str(error)[:200]}, expected a whole workbook") from None
    return [rows for rows in sheets if rows]


def text_of(sheets: list[Rows]) -> str:
    """All sheets as one text, a blank line between two of them."""
    return "\n\n".join("\n".join("\t".join(row).rstrip() for row in rows) for rows in sheets)


def _rows(cells: Iterator[list[Any]]) -> Rows:
    rows = [[_text(cell) for cell in row] for row in cells]
    return [row for row in rows if any(row)]


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
