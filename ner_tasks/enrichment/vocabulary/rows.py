"""Read the rows of a vocabulary from CSV: `name`, `code` and `system`, in UTF-8."""

import codecs
import csv
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ner_tasks.enrichment.names import VocabularyRow, normalize_name
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic

COLUMNS = ("name", "code", "system")
MAX_NAME, MAX_CODE = 1000, 100  # characters
_MAX_LINE = 2**20  # bytes
_MAX_SHOWN = 100  # characters of a cell or header in a message


class CsvRows:
    """The rows of a CSV file, in bounded memory.

    Args:
        path: path of the file.

    Raises:
        InputMissing: it does not exist; raised by iteration, like the other errors.
        ArtifactBroken: it is not a regular file.
        ConfigInvalid: it is not CSV in UTF-8, lacks a column, or has a row without a name, code or system.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was read so far."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[VocabularyRow]:
        # of the process, and other readers change it
        csv.field_size_limit(_MAX_LINE)
        with atomic.open_input(self._path) as file:
            reader = csv.reader(self._lines(file), strict=True)
            try:
                yield from self._rows(reader)
            except csv.Error as error:
                raise self._error(str(error), "CSV", reader.line_num) from None

    def _lines(self, file: BinaryIO) -> Iterator[str]:
        number = 0
        while line := file.readline(_MAX_LINE + 1):
            number += 1
            self._digest.update(line)
            if number == 1:
                line = self._without_mark(line)
            if len(line) > _MAX_LINE:
                raise self._error("a longer line", f"at most {_MAX_LINE:,} bytes", number)
            if b"\0" in line:
                raise self._error("a NUL character", "text", number)
            try:
                yield line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise self._error(f"byte 0x{line[error.start]:02x}", "UTF-8", number) from None

    def _without_mark(self, line: bytes) -> bytes:
        if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise self._error("UTF-16", "UTF-8", 1)
        return line.removeprefix(codecs.BOM_UTF8)

    def _rows(self, reader: Any) -> Iterator[VocabularyRow]:
        header = [name.strip().lower() for name in next(reader, [])]
        if not header:
            raise self._error("no header", f"the columns {', '.join(COLUMNS)}", 1)
        places = self._find_columns(header)
        for row in reader:
            if not row:
                continue
            line = reader.line_num
            if len(row) != len(header):
                raise self._error(f"{len(row)} cells", f"{len(header)} as in the header", line)
            name, code, system = (row[place].strip() for place in places)
            yield VocabularyRow(self._normalize(name, code, system, line), name, code, system)

    def _find_columns(self, header: Sequence[str]) -> list[int]:
        for column in COLUMNS:
            if header.count(column) != 1:
                found = ", ".join(header)[:_MAX_SHOWN]
                raise self._error(f"the columns {found!r}", f"each of {', '.join(COLUMNS)} once", 1)
        return [header.index(column) for column in COLUMNS]

    def _normalize(self, name: str, code: str, system: str, line: int) -> str:
        key = normalize_name(name)
        for column, value, is_given, most in (
            ("name", name, bool(key), MAX_NAME),
            ("code", code, bool(code), MAX_CODE),
            ("system", system, bool(system), MAX_CODE),
        ):
            if not is_given:
                raise self._error(f"no {column}", "one", line)
            if len(value) > most:
                raise self._error(f"a {column} of {len(value):,} characters", f"at most {most:,}", line)
        return key

    def _error(self, found: str, expected: str, line: int) -> ConfigInvalid:
        return ConfigInvalid(f"found {found}, expected {expected}, in line {line:,} of {self._path}")
