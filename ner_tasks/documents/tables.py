"""Files of many documents: a JSON object per line (`id`, `text`), or a table with a column `text`."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from ner_tasks.documents import text_encoding
from ner_tasks.documents.types import CannotRead, Ignored, Limits, free_name

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SURROGATE = re.compile("[\ud800-\udfff]")

# A document's id in its file (`line-12` while it has none), and its text, or what is wrong with it, or that it is none.
Record = tuple[str, str | CannotRead | Ignored]


def read_json_lines(file: BinaryIO, limits: Limits) -> Iterator[Record]:
    """Documents of a JSON Lines file, a line in memory at a time.

    Args:
        file: open for reading bytes; UTF-8, as JSON is.
        limits: the largest line; there is no limit to their number.

    Returns:
        For each line that is not blank its id, or `line-<number>` of a bad one, and its text or the reason.

    Raises:
        CannotRead: the file is in UTF-16.
    """
    seen: set[str] = set()
    for number, line in enumerate(_lines(file, limits.max_bytes), start=1):
        if number == 1 and line.startswith(_UTF16_MARKS):
            raise CannotRead("unknown-encoding", "found UTF-16, expected JSON lines in UTF-8")
        if not line.strip():
            continue
        where = f"line-{number}"
        try:
            name, text = _document(line, limits.max_bytes)
            if name in seen:
                raise CannotRead("duplicate-id", f"found id {name[:80]!r} again, expected each id once, at {where}")
            seen.add(name)
            yield name, text
        except CannotRead as error:
            yield free_name(where, seen), CannotRead(error.reason, f"{error}, at {where}")


def _lines(file: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """Lines, each cut behind `max_bytes`, the rest of it skipped: one byte too many tells that it was longer."""
    while line := file.readline(max_bytes + 1):
        yield line
        while len(line) > max_bytes and not line.endswith(b"\n"):
            line = file.readline(max_bytes)


def _document(line: bytes, max_bytes: int) -> tuple[str, str]:
    if len(line.rstrip(b"\r\n")) > max_bytes:
        raise CannotRead("too-large", f"found more than {max_bytes} bytes, expected at most that many")
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        at = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise CannotRead("bad-line", f"found {type(error).__name__}{at}, expected JSON") from None
    name, text = (values.get("id"), values.get("text")) if isinstance(values, dict) else (None, None)
    if not isinstance(name, str | int) or isinstance(name, bool) or name == "" or not isinstance(text, str):
        found = f"{len(values)} keys" if isinstance(values, dict) else type(values).__name__
        raise CannotRead("bad-line", f'found {found}, expected "id" and "text" among them, with a text')
    if _SURROGATE.search(str(name)):
        raise CannotRead("bad-line", "found half a surrogate pair in the id, expected text")
    return str(name), text


def read_table(data: bytes, delimiter: str, limits: Limits) -> tuple[str, Iterator[Record]]:
    """Documents of a CSV or TSV file whose header names the column of texts and, if it likes, that of ids.

    Returns:
        The file's encoding; and each row's id, or `row-<number>` without one, with its text.

    Raises:
        CannotRead: no such column, or not text at all.
    """
    csv.field_size_limit(limits.max_bytes)
    content, encoding = text_encoding.decode(data)
    rows = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    columns = next(rows, [])
    if limits.text_column not in columns:
        raise CannotRead(
            "no-text-column",
            # without a header the first row is a document, which no message quotes
            f"found {len(columns)} columns of other names, expected one named {limits.text_column[:40]!r}",
        )
    return encoding, documents_of(columns, rows, limits)


def documents_of(columns: list[str], rows: Iterable[list[str]], limits: Limits) -> Iterator[Record]:
    """The documents of a table's rows; a row without any field is none.

    Args:
        columns: names of the columns, that of texts among them.
        rows: fields of each row.
        limits: which columns hold texts and ids.
    """
    at_text = columns.index(limits.text_column)
    at_id = columns.index(limits.id_column) if limits.id_column in columns else None
    seen: set[str] = set()
    number = 0
    for row in rows:
        if row == []:
            continue
        number += 1
        where = f"row-{number}"
        if len(row) != len(columns):
            found = f"found {len(row)} fields, expected {len(columns)} as in the header, in row {number}"
            yield free_name(where, seen), CannotRead("bad-line", found)
        elif (name := (row[at_id] if at_id is not None else "") or where) in seen:
            again = free_name(where, seen)
            yield again, CannotRead("duplicate-id", f"found id {name[:80]!r} again, expected each id once")
        else:
            seen.add(name)
            yield name, row[at_text]
