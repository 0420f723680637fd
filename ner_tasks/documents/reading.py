"""Choose the reader of a file, and read it together with the files inside it."""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import PurePosixPath
from typing import BinaryIO, TypeVar

from ner_tasks.bounded_names import TakenNames
from ner_tasks.documents.archives import archives
from ner_tasks.documents.detection import formats, ignored_files, sniffing, unread_formats
from ner_tasks.documents.detection.formats import Format
from ner_tasks.documents.encodings import guesses
from ner_tasks.documents.inventory import Items
from ner_tasks.documents.place import Place
from ner_tasks.documents.tables import json_lines, tables
from ner_tasks.documents.types import Answer, CannotRead, Document, Exhausted, Extract, Ignored, Limits, Part, Rejected
from ner_tasks.errors import redact_error
from ner_tasks.surrogates import find_surrogate

_READERS = "ner_tasks.documents.readers."
_Found = TypeVar("_Found")
_MAX_UNREAD_IN_MESSAGE = 3
# Formats based on another format, whose suffix is therefore correct for them too.
_CONTAINERS = {"fhir": ("json", "xml"), "cda": ("xml",), "svg": ("xml",), "html": ("xml",), "mbox": ("eml",)}
_AT_ONCE = 2**16  # characters


def iter_answers(here: Place, file: BinaryIO, n_bytes: int | None) -> Iterator[Answer]:
    """Yield the answers for one file, in the inbox or inside another file.

    Args:
        here: location of the file.
        file: its content, open for reading bytes.
        n_bytes: its size, if known in advance.

    Raises:
        CannotRead: the file, or the rest of it, cannot be read.
    """
    with guesses.share_guesses():
        yield from _iter_answers(here, file, n_bytes)


def _iter_answers(here: Place, file: BinaryIO, n_bytes: int | None) -> Iterator[Answer]:
    if here.is_off_the_way:
        return
    limits = here.limits
    head = _peek_head(file)
    if rule := ignored_files.find_rule(here.path or here.called, head):
        yield Ignored(here.name, rule)
        return
    if not file.seekable() and head.startswith(sniffing.PACKAGES):
        file, n_bytes = io.BytesIO(_read_content(file, n_bytes, limits)), None
    format_, notes = _choose_format(here, head, file if file.seekable() else None)
    if format_.shape == formats.ARCHIVE:
        if format_.name == "zip" and not file.seekable():  # it may follow other bytes
            file = io.BytesIO(_read_content(file, n_bytes, limits))
        yield from _answer_members(here, format_, file)
    elif format_.shape == formats.JSON_LINES:
        yield from _answer_records(here, format_, json_lines.read(file, head, limits), json_lines.detect_encoding(head))
    else:
        data = _read_content(file, n_bytes, limits)
        here.check_sought(format_.name, data)
        if format_.shape == formats.TABLE:
            table = tables.read_table(data, format_.delimiter, limits, here.encoding)
            yield from _answer_records(here, format_, table.records, table.encoding, is_guessed=table.is_guessed)
            return
        extract = _extract(format_, data, here)
        if isinstance(extract, list):
            yield from _answer_records(here, format_, extract, "")
        else:
            yield from _answer_document(here, format_, data, extract, notes)


def _peek_head(file: BinaryIO) -> bytes:
    """Return the first bytes of a file without consuming them."""
    if file.seekable():
        head = file.read(sniffing.HEAD_BYTES)
        file.seek(0)
        return head
    assert isinstance(file, io.BufferedReader)  # the type of archive members
    return file.peek(sniffing.HEAD_BYTES)[: sniffing.HEAD_BYTES]


def _choose_format(here: Place, head: bytes, file: BinaryIO | None) -> tuple[Format, tuple[str, ...]]:
    """Determine the format of a file: by its content if unambiguous, else by its name, else by its declared media type.

    Returns:
        The format, and notes on a name that contradicts it.

    Raises:
        CannotRead: `unknown-format`, `encrypted`, `empty`.
    """
    called = formats.find_by_suffix(here.called)
    if head.strip() == b"":
        raise CannotRead("empty", f"found {len(head)} bytes without a word, expected text")
    by_content = sniffing.detect_kind(head, file)
    if by_content == sniffing.ENCRYPTED_OFFICE:
        raise CannotRead("encrypted", "found a password-protected Office file, expected one without a password")
    sniffed = formats.FORMATS.get(by_content)
    if sniffed is None and (kind := unread_formats.find_name(head)):
        raise CannotRead("unknown-format", f"found {kind}, expected a supported format")
    declared = formats.find_by_media_type(here.media_type) if here.media_type else None
    format_ = _pick_format(called, sniffed, declared)
    if format_ is None and sniffing.looks_like_text(head):
        format_ = formats.FORMATS["text"]
    suffix = PurePosixPath(here.called).suffix[:40] or "no suffix"
    if format_ is None:
        raise CannotRead(
            "unknown-format", f"found {suffix} and content of no known format, expected a supported format"
        )
    is_kind_of = called is not None and called.name in _CONTAINERS.get(format_.name, ())
    if format_ is called or is_kind_of or (called is None and format_ is declared):
        return format_, ()
    return format_, (f"read as {format_.name}, by its content; its name has {suffix}",)


def _pick_format(called: Format | None, sniffed: Format | None, declared: Format | None) -> Format | None:
    if sniffed is None:
        return called or declared
    if called is None:
        return declared if declared and _is_compatible(declared, sniffed) else sniffed
    return called if _is_compatible(called, sniffed) else sniffed


def _is_compatible(called: Format, sniffed: Format) -> bool:
    """Whether the content of a file named as format `called` may be detected as `sniffed`."""
    if called.shape in (formats.TABLE, formats.JSON_LINES):
        return sniffed.is_text and sniffed.name not in (
            "html",
            "rtf",
        )  # the first cell or line may look like another text format
    if called.name in ("mhtml", "mbox"):
        return sniffed.name == "eml"
    if called.name == "eml":
        return sniffed.is_text and sniffed.name not in ("rtf", "html")
    return called.name in ("html", "cda", "fhir", "svg") and sniffed.name in ("xml", "html") and called.is_text


def _answer_document(
    here: Place, format_: Format, data: bytes, extract: Extract, notes: tuple[str, ...]
) -> Iterator[Answer]:
    try:
        _check_text(extract.text, here.limits)
        yield Document(
            here.name,
            hashlib.sha256(data).hexdigest(),
            extract.text,
            format_.name,
            extract.encoding,
            extract.is_guessed,
            extract.items,
            (*notes, *extract.notes),
            _count_characters(extract.text),
            extract.sources,
        )
    except CannotRead as error:
        # A file with no text except in the files inside it, such as a PDF portfolio, is not a loss.
        if error.reason == "empty" and extract.parts and not extract.items.unread:
            yield Ignored(here.name, "only-holds-files")
        else:
            yield Rejected(here.name, error.reason, _append_unread(str(error), extract.items))
    taken = TakenNames()
    for part in extract.parts:
        yield from _answer_part(here, replace(part, name=taken.make_unique(part.name)))


def _append_unread(message: str, items: Items) -> str:
    """Append the first unread items to a rejection message."""
    more = len(items.unread) - _MAX_UNREAD_IN_MESSAGE
    named = [*items.unread[:_MAX_UNREAD_IN_MESSAGE], *([f"{more} more"] if more > 0 else [])]
    return f"{message}; not read: {'; '.join(named)}" if named else message


def _answer_part(here: Place, part: Part) -> Iterator[Answer]:
    here.budget.take_member()
    inner = here.holding(part.name, part.encoding, part.media_type)
    try:
        if isinstance(part.content, CannotRead):
            raise part.content
        _check_depth(here)
        yield from iter_answers(inner, io.BytesIO(part.content), len(part.content))
    except Exhausted:
        raise
    except CannotRead as error:
        yield Rejected(inner.name, error.reason, str(error))


def _answer_members(here: Place, format_: Format, file: BinaryIO) -> Iterator[Answer]:
    """Yield the answers for all files in an archive."""
    _check_depth(here)
    n_ignored = n_others = 0
    for member in archives.iter_members(format_.name, here.called, file, here.budget):
        for answer in _answer_member(here, member):
            yield answer
            n_ignored, n_others = n_ignored + isinstance(answer, Ignored), n_others + (not isinstance(answer, Ignored))
    if not n_others:
        content = "only ignored files" if n_ignored else "no file in the archive"
        raise CannotRead("empty", f"found {content}, expected a document")


def _answer_member(here: Place, member: archives.Member) -> Iterator[Answer]:
    inner = here.holding(member.name)
    try:
        if isinstance(member.open, Ignored):
            yield replace(member.open, document=here.name)
        elif isinstance(member.open, CannotRead) and (rule := ignored_files.find_rule(member.name)):
            yield Ignored(inner.name, rule)
        elif isinstance(member.open, CannotRead):
            raise member.open
        else:
            with member.open() as stream:
                yield from iter_answers(inner, stream, None)
    except Exhausted:
        raise
    except CannotRead as error:
        yield Rejected(inner.name, error.reason, str(error))


def _answer_records(
    here: Place, format_: Format, records: Iterable[tables.Record], encoding: str, *, is_guessed: bool = False
) -> Iterator[Answer]:
    """Yield the answers for the documents of one file."""
    is_empty = True
    for where, record in records:
        if isinstance(record, Ignored):
            yield replace(record, document=here.name)
            continue
        is_empty = False
        inner = here.holding(where)
        try:
            if isinstance(record, CannotRead):
                raise record
            extract = Extract(record, items=tables.ROW) if isinstance(record, str) else record
            if not extract.encoding:
                extract = replace(extract, encoding=encoding, is_guessed=is_guessed)
            yield from _answer_document(inner, format_, extract.text.encode("utf-8", "surrogatepass"), extract, ())
        except Exhausted:
            raise
        except CannotRead as error:
            yield Rejected(inner.name, error.reason, str(error))
    if is_empty:
        raise CannotRead("empty", "found no document, expected at least one")


def _count_characters(text: str) -> int:
    """Count characters other than white space, in chunks: splitting a whole text takes 20 times its memory."""
    return sum(sum(map(len, text[at : at + _AT_ONCE].split())) for at in range(0, len(text), _AT_ONCE))


def _read_content(file: BinaryIO, n_bytes: int | None, limits: Limits) -> bytes:
    if n_bytes is not None and n_bytes > limits.max_bytes:
        raise CannotRead("too-large", f"found {n_bytes} bytes, expected at most {limits.max_bytes}")
    data = file.read(limits.max_bytes + 1)
    if len(data) > limits.max_bytes:
        raise CannotRead("too-large", f"found more than {limits.max_bytes} bytes, expected at most that many")
    if not data.strip():
        raise CannotRead("empty", f"found {len(data)} bytes without a word, expected text")
    return data


def _extract(format_: Format, data: bytes, here: Place) -> "Extract | list[tables.Record]":
    reader = format_.reader
    read: Callable[..., Extract | list[tables.Record]] = (
        import_module(f"{_READERS}{reader}").read if isinstance(reader, str) else reader
    )
    return _run_reader(
        reader if isinstance(reader, str) else format_.name, lambda: read(data, here.limits, here.encoding)
    )


def _run_reader(reader: str, read: Callable[[], _Found]) -> _Found:
    try:
        return read()
    except (CannotRead, MemoryError):
        raise
    except Exception as error:
        # Parsers raise arbitrary exceptions on damaged files.
        kind = reader.rpartition(".")[2]
        raise CannotRead("broken", f"found {redact_error(error)}, expected a whole {kind} file") from error


def _check_text(text: str, limits: Limits) -> None:
    if len(text) > limits.max_characters:
        raise CannotRead("too-long", f"found {len(text)} characters, expected at most {limits.max_characters}")
    if not text.strip():
        raise CannotRead("empty", "found no word, expected text")
    if (half := find_surrogate(text)) is not None:
        raise CannotRead("not-text", f"found half a surrogate pair at character {half}, expected text")


def _check_depth(here: Place) -> None:
    if here.depth >= here.limits.max_depth:
        message = f"found a file nested in {here.depth + 1} files, expected at most {here.limits.max_depth}"
        raise CannotRead("too-deep", message)
