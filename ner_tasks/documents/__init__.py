"""A document and how it is read: a file in, text out, or the reason why not; one reader per format beside this file.

A reader takes bytes and gives an `Extract` or raises `CannotRead`; it touches neither files nor state, so that it
can run in a process of its own. What is wrong with one document never hurts another.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ner_tasks.documents import records
from ner_tasks.documents.extract import CannotRead, Extract, Limits

__all__ = ["FORMATS", "CannotRead", "Document", "Limits", "Rejected", "read_documents", "read_here"]

_READERS = {
    ".txt": "plain",
    ".text": "plain",
    ".md": "plain",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".eml": "mail",
    ".docx": "word",
    ".pdf": "pdf",
}
_TABLES = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson")
FORMATS = tuple(sorted((*_READERS, *_TABLES, *_JSON_LINES)))

_DEFAULT = Limits()
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Document:
    """One document's text.

    Attributes:
        name: its path in the inbox; in a file of many, `file.jsonl#<id>`.
        sha256: of the file's bytes; in a file of many, of the text as UTF-8.
        text: what was read; offsets of entities count its characters.
        encoding: how the text was stored, "" where the format says it.
        unread: what the document holds besides and was not read: attachments, pages without text.
    """

    name: str
    sha256: str
    text: str
    encoding: str = ""
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rejected:
    """A document that was not read; `reason` is one word to count by, `message` one line for a person."""

    document: str
    reason: str
    message: str


def read_documents(path: Path, name: str, limits: Limits = _DEFAULT) -> Iterator[Document | Rejected]:
    """Read one file of the inbox, which holds one document or many.

    Args:
        path: where the file lies.
        name: how it is called in answers; never used as a path.
        limits: how much is read.

    Returns:
        Its documents in order, at least one answer per file. Whatever is wrong with a document becomes a `Rejected`.

    Raises:
        OSError: the file cannot be read for a reason that may pass, such as a lost connection.
    """
    try:
        yield from _answers(path, name, limits)
    except CannotRead as error:
        yield Rejected(name, error.reason, str(error))


def read_here(
    files: Iterable[tuple[str, Path]], limits: Limits = _DEFAULT
) -> Iterator[tuple[int, Document | Rejected | None]]:
    """Read files in this process: `(index, document)` for each document of a file, then `(index, None)`."""
    for index, (name, path) in enumerate(files):
        for found in read_documents(path, name, limits):
            yield index, found
        yield index, None


def _answers(path: Path, name: str, limits: Limits) -> Iterator[Document | Rejected]:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in FORMATS:
        raise CannotRead("unknown-format", f"found {suffix or 'no suffix'}, expected one of {' '.join(FORMATS)}")
    with _opened(path) as file:
        if suffix in _JSON_LINES:
            yield from _many(name, records.read_json_lines(file, limits), "utf-8")
            return
        data = _content(file, limits)
    if suffix in _TABLES:
        encoding, rows = records.read_table(data, _TABLES[suffix], limits)
        yield from _many(name, rows, encoding)
        return
    extract = _extract(_READERS[suffix], data, limits)
    _check(extract.text)
    yield Document(name, hashlib.sha256(data).hexdigest(), extract.text, extract.encoding, extract.unread)


def _many(name: str, found: Iterable[records.Record], encoding: str) -> Iterator[Document | Rejected]:
    """Answers for the documents of one file, each on its own."""
    is_empty = True
    for where, text in found:
        is_empty = False
        try:
            if isinstance(text, CannotRead):
                raise text
            _check(text)
            yield Document(f"{name}#{where}", hashlib.sha256(text.encode()).hexdigest(), text, encoding)
        except CannotRead as error:
            yield Rejected(f"{name}#{where}", error.reason, str(error))
    if is_empty:
        raise CannotRead("empty", "found no document, expected at least one")


def _opened(path: Path) -> BinaryIO:
    try:
        # A pipe would be waited for, a device never ends.
        if not stat.S_ISREG(path.stat().st_mode):
            raise CannotRead("not-a-file", "found a folder, pipe or device, expected a file")
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise CannotRead("missing", "found no file, expected one, at the place that was listed") from None
    except PermissionError:
        raise CannotRead(
            "not-readable", "found a file without permission to read it, expected a readable one"
        ) from None


def _content(file: BinaryIO, limits: Limits) -> bytes:
    n_bytes = os.fstat(file.fileno()).st_size
    if n_bytes > limits.max_bytes:
        raise CannotRead("too-large", f"found {n_bytes} bytes, expected at most {limits.max_bytes}")
    data = file.read(limits.max_bytes + 1)
    if len(data) > limits.max_bytes:
        raise CannotRead("too-large", f"found a file that grew over {limits.max_bytes} bytes while it was read")
    if not data.strip():
        raise CannotRead("empty", f"found {len(data)} bytes without a word, expected text")
    return data


def _extract(reader: str, data: bytes, limits: Limits) -> Extract:
    read: Callable[[bytes, Limits], Extract] = import_module(f"ner_tasks.documents.{reader}").read
    try:
        return read(data, limits)
    except (CannotRead, MemoryError):
        raise
    except Exception as error:
        # Parsers fail on damaged files in whatever way they like, and it is the file's fault.
        found = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise CannotRead("broken", f"found {found}, expected a whole {reader} file") from error


def _check(text: str) -> None:
    if not text.strip():
        raise CannotRead("empty", "found no word, expected text")
    if half := _SURROGATE.search(text):
        raise CannotRead("not-text", f"found half a surrogate pair at character {half.start()}, expected text")
