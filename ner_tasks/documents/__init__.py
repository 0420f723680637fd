"""Read files into documents: text with a source map, or the reason why a file cannot be read.

Each format has a reader: a function that takes bytes and returns an `Extract` or raises `CannotRead`. Readers touch
neither files nor global state, so they can run in a sandbox process. A defect in one document never affects another.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from ner_tasks.documents.archives.archives import UnpackingBudget
from ner_tasks.documents.detection.formats import FORMATS
from ner_tasks.documents.place import OriginalFound, Place
from ner_tasks.documents.reading import iter_answers
from ner_tasks.documents.types import Answer, CannotRead, Document, Ignored, Limits, Rejected
from ner_tasks.files.contained import ContainedFile, NotAFile, Source, describe_kind

__all__ = [
    "FORMATS",
    "Answer",
    "CannotRead",
    "Document",
    "Ignored",
    "Limits",
    "Rejected",
    "read_documents",
    "read_here",
    "read_original",
]

_DEFAULT = Limits()


def read_documents(path: Source, name: str, limits: Limits = _DEFAULT) -> Iterator[Answer]:
    """Read the documents of one inbox file.

    Args:
        path: path of the file.
        name: name of the file in the answers; never used as a path.
        limits: limits on its size, time and contents.

    Returns:
        Its documents in order, at least one answer per file. A document that cannot be read yields a `Rejected`. A
        `Rejected` with the name of the file itself, after some of its documents, means that the rest was not read; it
        is named `<name>#rest` where the file is itself a document, such as a mail.

    Raises:
        OSError: a transient error, such as a lost connection.
    """
    is_answered = False
    try:
        for answer in _read_file(path, name, limits):
            is_answered = is_answered or (isinstance(answer, Document) and answer.name == name)
            yield answer
    except CannotRead as error:
        yield Rejected(f"{name}#rest" if is_answered else name, error.reason, str(error))


def read_here(files: Iterable[tuple[str, Source]], limits: Limits = _DEFAULT) -> Iterator[tuple[int, Answer | None]]:
    """Read files in this process; yields `(index, answer)` per answer, and `(index, None)` at the end of each file."""
    for index, (name, path) in enumerate(files):
        for answer in read_documents(path, name, limits):
            yield index, answer
        yield index, None


def read_original(path: Source, name: str, document: str, limits: Limits) -> tuple[str, bytes]:
    """Find the bytes of a document: the inbox file itself, or a file in it, at any depth, without reading the others.

    Args:
        path: path of the inbox file.
        name: its name in the answers.
        document: name of the document; neither is used as a path.
        limits: limits on its size and on what is unpacked; `ocr` as when the document was read, since it decides which
            pictures in a file are documents.

    Returns:
        Name of its format, and its bytes.

    Raises:
        CannotRead: `missing` if the inbox file is gone or has no such document; or why it cannot be reached.
        OSError: a transient error.
    """
    try:
        for answer in _read_file(path, name, limits, sought=document):
            if isinstance(answer, Rejected) and answer.document == document:
                raise CannotRead(answer.reason, answer.message)
    except OriginalFound as found:
        return found.format, found.data
    except CannotRead as error:
        if error.reason != "empty" or document == name:  # a file of which nothing was read
            raise
    raise CannotRead("missing", f"found no {document[:200]!r} in {name[:200]!r}, expected the document in its file")


def _read_file(path: Source, name: str, limits: Limits, *, sought: str = "") -> Iterator[Answer]:
    called = PurePosixPath(name).name
    with _open(path) as file:
        before = os.fstat(file.fileno())
        place = Place(name, called, limits, UnpackingBudget(limits), name, sought=sought)
        try:
            for answer in iter_answers(place, file, before.st_size):
                _check_same(path, before)
                yield answer
        except CannotRead:
            # A file that is still being written may look broken; report that it changed instead.
            _check_same(path, before)
            raise
        _check_same(path, before)


def _open(path: Source) -> BinaryIO:
    try:
        if isinstance(path, ContainedFile):
            return path.open()
        # Reading a pipe may block, and a device has no end.
        if what := describe_kind(path.stat()):
            raise NotAFile(what)
        return path.open("rb")
    except NotAFile as error:
        raise CannotRead("not-a-file", str(error)) from None
    except (FileNotFoundError, NotADirectoryError):
        raise CannotRead("missing", "found no file at the listed path, expected one") from None
    except PermissionError:
        raise CannotRead("not-readable", "found a file without read permission, expected a readable one") from None


def _check_same(path: Source, before: os.stat_result) -> None:
    try:
        after = path.stat()
    except (FileNotFoundError, NotADirectoryError, NotAFile):
        raise CannotRead("changed", "found that the file was removed during reading, expected it to stay") from None
    for what in ("st_ino", "st_size", "st_mtime_ns"):
        if getattr(after, what) != getattr(before, what):
            problem = f"found {what} changed from {getattr(before, what)} to {getattr(after, what)}"
            raise CannotRead("changed", f"{problem}, expected no change during reading")
