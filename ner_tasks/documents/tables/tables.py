"""Read tables of documents: one document per row, with its text in a named column."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ner_tasks.bounded_names import TakenNames
from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.inventory import Items
from ner_tasks.documents.tables.csv_rows import Row, iter_rows
from ner_tasks.documents.types import CannotRead, Extract, Ignored, Limits

ROW = Items({"row": {"read": 1}})
# Replaces NUL bytes during parsing, so that they fail their row and not the file. Does not occur in text.
_NUL = "\x1a"
# A larger share of NUL bytes indicates UTF-16.
_MAX_NUL_SHARE, _WIDE_MARKS = 0.05, (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")

# Id of a document in its file (`line-12` without one), and its text or extract, its error, or `Ignored`.
Record = tuple[str, str | Extract | CannotRead | Ignored]


@dataclass(frozen=True)
class Table:
    """Records of a table, and its encoding."""

    encoding: str
    is_guessed: bool
    records: Iterator[Record]


def read_table(data: bytes, delimiter: str, limits: Limits, declared: str = "") -> Table:
    """Read a CSV or TSV file whose header names a column of texts and optionally one of ids.

    Args:
        data: content of the file.
        delimiter: delimiter of the file's suffix; another one is detected by the header.
        limits: names of the columns of texts and ids.
        declared: encoding declared by the enclosing file.

    Returns:
        The table; a row without an id is named `row-<number>`.

    Raises:
        CannotRead: there is no such column, or the file is not text.
    """
    csv.field_size_limit(limits.max_bytes)
    if not data.startswith(_WIDE_MARKS) and data.count(0) <= _MAX_NUL_SHARE * len(data):
        data = data.replace(b"\0", _NUL.encode())
    decoded = text_encoding.decode_with_guess(data, declared)
    rows = iter_rows(decoded.text, delimiter, lambda fields: _find(fields, limits.text_column) is not None)
    columns = next(rows, Row([])).fields
    if _find(columns, limits.text_column) is None:
        raise CannotRead(
            "no-text-column",
            # does not quote the columns: without a header, the first row is a document
            f"found {len(columns)} columns with other names, expected one named {limits.text_column[:40]!r}",
        )
    return Table(decoded.encoding, decoded.is_guessed, _records(columns, rows, limits, decoded.n_replaced))


def _records(columns: list[str], rows: Iterable[Row], limits: Limits, n_replaced: int) -> Iterator[Record]:
    filled: set[int] = set()
    yield from _iter_documents(columns, rows, limits, filled)
    if others := filled - {_find(columns, limits.text_column), _find(columns, limits.id_column)}:
        yield "", Ignored("", "other-columns", len(others))
    if n_replaced:
        yield "rest", CannotRead("not-text", f"found {n_replaced} damaged characters, expected text; each is U+FFFD")


def iter_documents(columns: Sequence[str], rows: Iterable[list[str]], limits: Limits) -> Iterator[Record]:
    """Yield the documents of a table's rows; blank rows are skipped and counted.

    Args:
        columns: names of the columns, including the text column.
        rows: fields of each row.
        limits: names of the columns of texts and ids.
    """
    return _iter_documents(columns, map(Row, rows), limits, set())


def _iter_documents(columns: Sequence[str], rows: Iterable[Row], limits: Limits, filled: set[int]) -> Iterator[Record]:
    """Yield the documents of rows; adds the columns that are not empty to `filled`."""
    at_text, at_id = _find(columns, limits.text_column), _find(columns, limits.id_column)
    assert at_text is not None
    seen = TakenNames()
    number = n_blank = 0
    for row in rows:
        fields = row.fields
        if not fields:
            continue
        number += 1
        with_words = [at for at, field in enumerate(fields[: len(columns)]) if field.strip()]
        if not with_words and not any(field.strip() for field in fields):
            n_blank += 1
            continue
        filled.update(with_words)
        where = f"row-{number}"
        if row.raw and _is_torn(fields, len(columns), at_text):
            yield seen.make_unique(where), _note_open_quote(row.raw.rstrip("\r\n"), number)
            continue
        name = (fields[at_id].strip() if at_id is not None and at_id < len(fields) else "") or where
        if wrong := _find_fault(fields, len(columns), at_text, number):
            yield seen.make_unique(where), wrong
        elif name in seen:
            unique_name = seen.make_unique(where)
            yield unique_name, CannotRead("duplicate-id", f"found id {name[:80]!r} again, expected each id once")
        else:
            seen.add(name)
            yield name, _note_open_quote(fields[at_text], number) if row.raw else fields[at_text]
    if n_blank:
        yield "", Ignored("", "blank-row", n_blank)


def _is_torn(fields: Sequence[str], n_columns: int, at_text: int) -> bool:
    """Whether an unclosed quote has shifted the text, or what follows it, to another column."""
    others = [field for at, field in enumerate(fields) if at != at_text]
    is_off = at_text >= len(fields) or len(fields) > n_columns or not fields[at_text].strip()
    return is_off or any(set("\r\n") & set(field) for field in others)


def _note_open_quote(text: str, number: int) -> Extract:
    return Extract(text, items=ROW, notes=(f"found an unclosed quote in row {number}, expected a closed one",))


def _find_fault(fields: Sequence[str], n_columns: int, at_text: int, number: int) -> CannotRead | None:
    """Return the error of a row: too many fields that are not empty, too few to have a text, or a NUL byte."""
    if any(field.strip() for field in fields[n_columns:]) or at_text >= len(fields):
        message = f"found {len(fields)} fields, expected {n_columns} as in the header, in row {number}"
        return CannotRead("bad-line", message)
    if any(_NUL in field for field in fields):
        return CannotRead("not-text", f"found a byte 0x00 in row {number}, expected text")
    return None


def _find(columns: Sequence[str], wanted: str) -> int | None:
    """Return the index of a column by its exact name, else ignoring case and surrounding spaces."""
    for clean in (str, _clean):
        names = [clean(name) for name in columns]
        if clean(wanted) in names:
            return names.index(clean(wanted))
    return None


def _clean(name: str) -> str:
    return name.strip(" \t\r\n\u00a0\u200b\ufeff\"'").casefold()
