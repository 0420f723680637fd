"""What a file holds: one document, many, or files in it, each told by the suffix of its name.

A document in a file is named after it: `claims.jsonl#17`, `post.zip#letters/a.docx`, `post.zip#claims.csv#17`.
"""

import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from importlib import import_module
from pathlib import PurePosixPath
from typing import BinaryIO

from ner_tasks.documents import archives, mail, records, scans, sheets
from ner_tasks.documents.archives import Budget
from ner_tasks.documents.extract import CannotRead, Document, Extract, Limits, Rejected

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
    **dict.fromkeys(scans.SUFFIXES, "scans"),
}
_TABLES = {".csv": ",", ".tsv": "\t"}
_SHEETS = (".xlsx",)
_JSON_LINES = (".jsonl", ".ndjson")
FORMATS = tuple(sorted((*_READERS, *_TABLES, *_SHEETS, *_JSON_LINES, *archives.SUFFIXES)))
_SURROGATE = re.compile("[\ud800-\udfff]")

Answers = Iterator[Document | Rejected]


def answers_in(file: BinaryIO, name: str, limits: Limits, *, n_bytes: int) -> Answers:
    """Documents of one file of the inbox, in order.

    Args:
        file: open at its beginning.
        name: how it is called.
        limits: how much is read.
        n_bytes: its size.

    Raises:
        CannotRead: the file as a whole cannot be read, or not to its end.
    """
    yield from _answers(file, name, limits, Budget(n_bytes, limits))


def _answers(file: BinaryIO, name: str, limits: Limits, budget: Budget) -> Answers:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in FORMATS:
        raise CannotRead("unknown-format", f"found {suffix or 'no suffix'}, expected one of {' '.join(FORMATS)}")
    if suffix in archives.SUFFIXES:
        if not file.seekable():  # an archive in an archive; it is no larger than a document
            file = io.BytesIO(_content(file, limits))
        found = yield from _inside(archives.members(file, name.rpartition("#")[2], budget), name, limits, budget)
        if not found:
            raise CannotRead("empty", "found no file inside, expected at least one")
        return
    if suffix in _JSON_LINES:
        yield from _many(name, records.read_json_lines(file, limits), "utf-8", limits)
        return
    data = _content(file, limits)
    if suffix in _TABLES:
        encoding, rows = records.read_table(data, _TABLES[suffix], limits)
        yield from _many(name, rows, encoding, limits)
    elif suffix in _SHEETS:
        yield from _workbook(name, data, limits)
    else:
        extract = _extract(_READERS[suffix], data, limits)
        yield _document(name, data, extract, limits)
        if suffix == ".eml":
            yield from _inside(mail.attachments(data, budget), name, limits, budget)


def _inside(
    members: Iterator[archives.Member], name: str, limits: Limits, budget: Budget
) -> Generator[Document | Rejected, None, int]:
    """Documents of the files in a file, each on its own; a bomb ends them all. Returns the number of files."""
    budget.deeper()
    seen: Counter[str] = Counter()
    for member, content in members:
        seen[member] += 1
        # two files of one name may be two documents, as attachments often are
        inner = f"{name}#{member}" if seen[member] == 1 else f"{name}#{seen[member]}~{member}"
        try:
            if isinstance(content, CannotRead):
                raise content
            yield from _answers(content, inner, limits, budget)
        except CannotRead as error:
            if error.reason == "bomb":
                raise
            yield Rejected(inner, error.reason, str(error))
    budget.depth += 1
    return seen.total()


def _workbook(name: str, data: bytes, limits: Limits) -> Answers:
    found = sheets.read(data)
    if found and limits.text_column in found[0][0]:
        header, *rows = found[0]
        values: list[records.Row] = [
            dict(zip(header, row, strict=False)) for row in rows
        ]  # a sheet is as wide as its widest row
        yield from _many(name, records.table_rows(header, values, limits), "", limits)
    else:
        yield _document(name, data, Extract(sheets.text_of(found)), limits)


def _many(name: str, found: Iterable[records.Record], encoding: str, limits: Limits) -> Answers:
    """Answers for the documents of one file, each on its own."""
    is_empty = True
    for where, text in found:
        is_empty = False
        try:
            if isinstance(text, CannotRead):
                raise text
            yield _document(f"{name}#{where}", text.encode(errors="replace"), Extract(text, encoding), limits)
        except CannotRead as error:
            yield Rejected(f"{name}#{where}", error.reason, str(error))
    if is_empty:
        raise CannotRead("empty", "found no document, expected at least one")


def _document(name: str, data: bytes, extract: Extract, limits: Limits) -> Document:
    if not extract.text.strip():
        raise CannotRead("empty", "found no word, expected text")
    if len(extract.text) > limits.max_characters:
        raise CannotRead("too-long", f"found {len(extract.text)} characters, expected at most {limits.max_characters}")
    if half := _SURROGATE.search(extract.text):
        raise CannotRead("not-text", f"found half a surrogate pair at character {half.start()}, expected text")
    return Document(name, hashlib.sha256(data).hexdigest(), extract.text, extract.encoding, extract.unread)


def _content(file: BinaryIO, limits: Limits) -> bytes:
    data = file.read(limits.max_bytes + 1)
    if len(data) > limits.max_bytes:
        raise CannotRead("too-large", f"found more than {limits.max_bytes} bytes, expected at most that many")
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
