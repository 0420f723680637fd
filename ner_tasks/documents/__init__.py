"""A document and how it is read: a file in, text out, or the reason why not; one reader per format beside this file.

A reader takes bytes and gives an `Extract` or raises `CannotRead`; it touches neither files nor state, so that it
can run in a process of its own. What is wrong with one document never hurts another.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from ner_tasks.documents.archives.archives import UnpackingBudget
from ner_tasks.documents.detection.formats import FORMATS
from ner_tasks.documents.place import Place
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
]

_DEFAULT = Limits()


def read_documents(path: Source, name: str, limits: Limits = _DEFAULT) -> Iterator[Answer]:
    """Read one file of the inbox, which holds one document or many.

    Args:
        path: where the file lies.
        name: how it is called in answers; never used as a path.
        limits: how much is read.

    Returns:
        Its documents in order, at least one answer per file. Whatever is wrong with a document becomes a `Rejected`;
        one under the file's own name, behind documents in it, says that the rest could not be read (`<name>#rest` where
        the name is that of a document, a mail).

    Raises:
        OSError: the file cannot be read for a reason that may pass, such as a lost connection.
    """
    is_answered = False
    try:
        for answer in _read_file(path, name, limits):
            is_answered = is_answered or (isinstance(answer, Document) and answer.name == name)
            yield answer
    except CannotRead as error:
        yield Rejected(f"{name}#rest" if is_answered else name, error.reason, str(error))


def read_here(files: Iterable[tuple[str, Source]], limits: Limits = _DEFAULT) -> Iterator[tuple[int, Answer | None]]:
    """Read files in this process: `(index, document)` for each document of a file, then `(index, None)`."""
    for index, (name, path) in enumerate(files):
        for answer in read_documents(path, name, limits):
            yield index, answer
        yield index, None


def _read_file(path: Source, name: str, limits: Limits) -> Iterator[Answer]:
    called = PurePosixPath(name).name
    with _open(path) as file:
        before = os.fstat(file.fileno())
        place = Place(name, called, limits, UnpackingBudget(limits), name)
        try:
            for answer in iter_answers(place, file, before.st_size):
                _check_same(path, before)
                yield answer
        except CannotRead:
            # Half a file is rightly found broken, but that is not what is wrong with it.
            _check_same(path, before)
            raise
        _check_same(path, before)


def _open(path: Source) -> BinaryIO:
    try:
        if isinstance(path, ContainedFile):
            return path.open()
        # A pipe would be waited for, a device never ends.
        if what := describe_kind(path.stat()):
            raise NotAFile(what)
        return path.open("rb")
    except NotAFile as error:
        raise CannotRead("not-a-file", str(error)) from None
    except (FileNotFoundError, NotADirectoryError):
        raise CannotRead("missing", "found no file, expected one, at the place that was listed") from None
    except PermissionError:
        raise CannotRead(
            "not-readable", "found a file without permission to read it, expected a readable one"
        ) from None


def _check_same(path: Source, before: os.stat_result) -> None:
    try:
        after = path.stat()
    except (FileNotFoundError, NotADirectoryError, NotAFile):
        raise CannotRead("changed", "found a file that went away while it was read, expected it to stay") from None
    for what in ("st_ino", "st_size", "st_mtime_ns"):
        if getattr(after, what) != getattr(before, what):
            problem = f"found another {what} ({getattr(before, what)}, now {getattr(after, what)})"
            raise CannotRead("changed", f"{problem}, expected a file that stays as it is while it is read")
