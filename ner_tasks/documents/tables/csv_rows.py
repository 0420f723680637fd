"""Parse CSV as spreadsheets write it: detects the delimiter, and confines an unclosed quote to its line.

Source: RFC 4180; `sep=` declares the delimiter to Excel.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

_DELIMITERS = (",", ";", "\t", "|")
# Placeholder delimiter for a file with one column, in which every comma is part of the text.
_NO_DELIMITER = "\x1f"
_SEPARATOR = re.compile(r"\ufeff?\"?sep=(.)\"?\s*$", re.IGNORECASE)
# Line appended after the last one: a separate row unless a quote is open. Does not occur in text.
_END_LINE = "\x1aend\n"
# After this many unclosed quotes, each line is a row.
_MAX_OPEN_QUOTES = 100
_MAX_LOOKED_AT = 50


@dataclass(frozen=True)
class Dialect:
    """Dialect of a CSV file.

    Attributes:
        delimiter: one character.
        has_spaces: whether a space after a delimiter belongs to it.
    """

    delimiter: str
    has_spaces: bool = False


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        fields: fields of the row.
        raw: its unparsed lines if it has an unclosed quote, so that a field may be too long; else "".
    """

    fields: list[str]
    raw: str = ""


def iter_rows(content: str, delimiter: str, is_header: Callable[[Sequence[str]], bool]) -> Iterator[Row]:
    """Iterate over the rows of a file, the header first.

    Args:
        content: text of the file.
        delimiter: delimiter to try first, that of the file's suffix.
        is_header: predicate on the fields of the first row, used to detect the delimiter.
    """
    lines = io.StringIO(content, newline="").readlines()
    at, declared = 0, ""
    if lines and (separator := _SEPARATOR.match(lines[0])):
        at, declared = 1, separator.group(1)
    blank = frozenset("".join(_DELIMITERS) + ' \r\n\ufeff"')
    while at < len(lines) and blank.issuperset(lines[at]):
        at += 1
    dialect = _detect_dialect(lines, at, [declared or delimiter, *_DELIMITERS], is_header)
    yield from _rows(lines, at, dialect)


def _detect_dialect(
    lines: Sequence[str], at: int, delimiters: Sequence[str], is_header: Callable[[Sequence[str]], bool]
) -> Dialect:
    """Return the first dialect in which the first row is a header; else that of the first delimiter."""
    for delimiter in delimiters:
        dialect = Dialect(delimiter)
        header = next(_rows(lines, at, dialect), Row([])).fields
        if not is_header(header):
            continue
        if len(header) == 1:
            return Dialect(_NO_DELIMITER)
        has_spaces = all(name.startswith(" ") for name in header[1:])
        return replace(dialect, has_spaces=has_spaces and delimiter != "\t")
    return Dialect(delimiters[0])


def _rows(lines: Sequence[str], at: int, dialect: Dialect) -> Iterator[Row]:
    n_open, n_columns = 0, 0
    while at < len(lines):
        if n_open >= _MAX_OPEN_QUOTES:
            yield from (_on_one_line(line, dialect) for line in lines[at:])
            return
        for fields, start, end in _parse(lines, at, dialect):
            own = lines[start:end]
            if any('"' in line for line in own) and (end > len(lines) or not _is_closed(own, dialect)):
                if _are_rows(own[1:], n_columns, dialect):
                    yield _on_one_line(own[0], dialect)
                    at, n_open = start + 1, n_open + 1
                    break
                yield _repair_row(own, [_strip_end_line(field) for field in fields], n_columns, dialect)
            else:
                yield Row(fields)
            n_columns = n_columns or len(fields)
            at = end


def _repair_row(lines: Sequence[str], fields: list[str], n_columns: int, dialect: Dialect) -> Row:
    """Parse a row with misplaced quotes: with the quotes, or as one line by its delimiters alone."""
    alone = _on_one_line(lines[0], dialect)
    alone = replace(alone, fields=_drop_empty_end(alone.fields, n_columns))
    is_swallowed = any(dialect.delimiter in field for field in fields) or len(fields) != n_columns
    if len(lines) == 1 and is_swallowed and len(alone.fields) == n_columns:
        return alone
    is_noted = len(lines) > 1 or is_swallowed
    return Row(fields, "".join(lines) if is_noted else "")


def _strip_end_line(field: str) -> str:
    """Remove the appended line from a field that an unclosed quote has extended to the end of the file."""
    return field.removesuffix(_END_LINE).rstrip("\r\n") if field.endswith(_END_LINE) else field


def _are_rows(lines: Sequence[str], n_columns: int, dialect: Dialect) -> bool:
    """Whether the lines inside an unclosed quote are rows rather than a multi-line text."""
    behind = [line for line in lines[:_MAX_LOOKED_AT] if line.strip(f" {dialect.delimiter}\r\n")]
    n_rows = sum(len(_drop_empty_end(_on_one_line(line, dialect).fields, n_columns)) == n_columns for line in behind)
    return bool(behind) and 2 * n_rows > len(behind)


def _drop_empty_end(fields: list[str], n_columns: int) -> list[str]:
    """Drop surplus empty fields at the end."""
    n_fields = len(fields)
    while n_fields > n_columns and not fields[n_fields - 1].strip():
        n_fields -= 1
    return fields[:n_fields]


def _parse(lines: Sequence[str], at: int, dialect: Dialect) -> Iterator[tuple[list[str], int, int]]:
    """Yield rows from a line on, each with its range of lines `[start, end)`."""

    def iter_numbered() -> Iterator[str]:
        for number in range(at, len(lines)):
            yield lines[number] if lines[number][-1:] in "\r\n" else f"{lines[number]}\n"
        yield _END_LINE

    reader = csv.reader(iter_numbered(), delimiter=dialect.delimiter, skipinitialspace=dialect.has_spaces)
    start = at
    for fields in reader:
        end = at + reader.line_num
        if end <= len(lines) or end - start > 1:
            yield fields, start, end
        start = end


def _is_closed(lines: Sequence[str], dialect: Dialect) -> bool:
    """Whether each quoted field of a multi-line row is closed at the end of a field."""
    options = {"delimiter": dialect.delimiter, "skipinitialspace": dialect.has_spaces}
    try:
        list(csv.reader(lines, strict=True, **options))  # type: ignore[arg-type]
    except csv.Error:
        return False
    return True


def _on_one_line(line: str, dialect: Dialect) -> Row:
    (fields,) = csv.reader([line.rstrip("\r\n") + "\n"], delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE)
    return Row([field.strip(' "') if '"' in field else field for field in fields], line if '"' in line else "")
