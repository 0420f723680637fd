"""What one file holds, wherever it lies: which reader takes it, and what becomes of files in files."""

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import PurePosixPath
from typing import BinaryIO, TypeVar

from ner_tasks.documents import archives, records, sheets
from ner_tasks.documents.extract import CannotRead, Exhausted, Extract, Limits
from ner_tasks.errors import without_words

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
    ".png": "scans",
    ".jpg": "scans",
    ".jpeg": "scans",
    ".tif": "scans",
    ".tiff": "scans",
}
# Readers that can be told what a mail says of its attachment's encoding.
_TOLD_ENCODING = ("plain", "html")
_TABLES = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson")
_SHEETS = ".xlsx"
FORMATS = tuple(sorted((*_READERS, *_TABLES, *_JSON_LINES, _SHEETS, *archives.SUFFIXES)))

_Found = TypeVar("_Found")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Document:
    """One document's text.

    Attributes:
        name: its path in the inbox; in a file of many, `file.jsonl#<id>`; in an archive or mail, `a.zip#path/b.txt`.
        sha256: of the file's bytes as they are outside of any archive or mail; in a file of many, of the text as UTF-8.
        text: what was read; offsets of entities count its characters.
        encoding: how the text was stored, "" where the format says it.
        unread: what the document holds besides and was not read: pictures, pages without text.
    """

    name: str
    sha256: str
    text: str
    encoding: str = ""
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rejected:
    """A document, or the rest of a file, that was not read.

    Attributes:
        document: its name, as that of a `Document`; of the file in which the rest was not read.
        reason: one word to count by; docs/formats.md lists them all.
        message: one line for a person.
    """

    document: str
    reason: str
    message: str


@dataclass(frozen=True)
class Place:
    """Where one file lies: `name` tells the files around it, `called` is its own name, by which it is read."""

    name: str
    called: str
    limits: Limits
    budget: archives.Budget
    depth: int = 0
    encoding: str = ""

    def holding(self, called: str, encoding: str = "") -> "Place":
        own = called.replace("\\", "/").rpartition("/")[2]
        return replace(self, name=f"{self.name}#{called}", called=own, depth=self.depth + 1, encoding=encoding)


def answers(here: Place, file: BinaryIO, n_bytes: int | None) -> Iterator[Document | Rejected]:
    """Answers for one file, wherever it lies; `n_bytes` is its size where that is known beforehand."""
    name, limits, suffix = here.name, here.limits, suffix_of(here.called)
    if suffix in _JSON_LINES:
        yield from _many(name, records.read_json_lines(file, limits), "utf-8", limits)
        return
    if suffix in archives.SUFFIXES:
        if suffix == ".zip" and here.depth:  # a zip is read from its end, a stream is not
            file = io.BytesIO(_content(file, n_bytes, limits))
        yield from _members(here, file)
        return
    data = _content(file, n_bytes, limits)
    if suffix in _TABLES:
        encoding, rows = records.read_table(data, _TABLES[suffix], limits)
        yield from _many(name, rows, encoding, limits)
        return
    if suffix == _SHEETS:
        found = _guarded("sheets", lambda: sheets.read(data, limits))
        yield from _many(name, found, "", limits) if isinstance(found, list) else _one(here, data, found)
        return
    yield from _one(here, data, _extract(_READERS[suffix], data, here))


def _one(here: Place, data: bytes, extract: Extract) -> Iterator[Document | Rejected]:
    try:
        _check(extract.text, here.limits)
        yield Document(here.name, hashlib.sha256(data).hexdigest(), extract.text, extract.encoding, extract.unread)
    except CannotRead as error:
        if not extract.parts:
            raise
        yield Rejected(here.name, error.reason, str(error))
    for part in extract.parts:
        here.budget.take_member()
        inner = here.holding(part.name, part.encoding)
        try:
            if isinstance(part.content, CannotRead):
                raise part.content
            _check_depth(here)
            yield from answers(inner, io.BytesIO(part.content), len(part.content))
        except Exhausted:
            raise
        except CannotRead as error:
            yield Rejected(inner.name, error.reason, str(error))


def _members(here: Place, file: BinaryIO) -> Iterator[Document | Rejected]:
    """Answers for all files in an archive."""
    _check_depth(here)
    is_empty = True
    for member in archives.members(here.called, file, here.budget):
        is_empty = False
        inner = here.holding(member.name)
        try:
            if isinstance(member.open, CannotRead):
                raise member.open
            suffix_of(inner.called)
            with member.open() as stream:
                yield from answers(inner, stream, None)
        except Exhausted:
            raise
        except CannotRead as error:
            yield Rejected(inner.name, error.reason, str(error))
    if is_empty:
        raise CannotRead("empty", "found no file in the archive, expected at least one")


def _many(name: str, found: Iterable[records.Record], encoding: str, limits: Limits) -> Iterator[Document | Rejected]:
    """Answers for the documents of one file, each on its own."""
    is_empty = True
    for where, text in found:
        is_empty = False
        try:
            if isinstance(text, CannotRead):
                raise text
            _check(text, limits)
            yield Document(f"{name}#{where}", hashlib.sha256(text.encode()).hexdigest(), text, encoding)
        except CannotRead as error:
            yield Rejected(f"{name}#{where}", error.reason, str(error))
    if is_empty:
        raise CannotRead("empty", "found no document, expected at least one")


def suffix_of(called: str) -> str:
    """The suffix by which a file is read.

    Raises:
        CannotRead: `unknown-format`.
    """
    suffix = PurePosixPath(called).suffix.lower()
    if suffix not in FORMATS:
        raise CannotRead("unknown-format", f"found {suffix[:40] or 'no suffix'}, expected one of {' '.join(FORMATS)}")
    return suffix


def _content(file: BinaryIO, n_bytes: int | None, limits: Limits) -> bytes:
    if n_bytes is not None and n_bytes > limits.max_bytes:
        raise CannotRead("too-large", f"found {n_bytes} bytes, expected at most {limits.max_bytes}")
    data = file.read(limits.max_bytes + 1)
    if len(data) > limits.max_bytes:
        raise CannotRead("too-large", f"found more than {limits.max_bytes} bytes, expected at most that many")
    if not data.strip():
        raise CannotRead("empty", f"found {len(data)} bytes without a word, expected text")
    return data


def _extract(reader: str, data: bytes, here: Place) -> Extract:
    read: Callable[..., Extract] = import_module(f"ner_tasks.documents.{reader}").read
    declared = (here.encoding,) if here.encoding and reader in _TOLD_ENCODING else ()
    return _guarded(reader, lambda: read(data, here.limits, *declared))


def _guarded(reader: str, read: Callable[[], _Found]) -> _Found:
    try:
        return read()
    except (CannotRead, MemoryError):
        raise
    except Exception as error:
        # Parsers fail on damaged files in whatever way they like, and it is the file's fault.
        raise CannotRead("broken", f"found {without_words(error)}, expected a whole {reader} file") from error


def _check(text: str, limits: Limits) -> None:
    if len(text) > limits.max_characters:
        raise CannotRead("too-long", f"found {len(text)} characters, expected at most {limits.max_characters}")
    if not text.strip():
        raise CannotRead("empty", "found no word, expected text")
    if half := _SURROGATE.search(text):
        raise CannotRead("not-text", f"found half a surrogate pair at character {half.start()}, expected text")


def _check_depth(here: Place) -> None:
    if here.depth >= here.limits.max_depth:
        found = f"found a file with {here.depth + 1} files around it, expected at most {here.limits.max_depth}"
        raise CannotRead("too-deep", found)
