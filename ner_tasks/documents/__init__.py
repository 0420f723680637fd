"""A document and how it is read: a file in, text out, or the reason why not; one reader per format beside this file.

A reader takes bytes and gives an `Extract` or raises `CannotRead`; it touches neither files nor state, so that it
can run in a process of its own, see `apart`. What is wrong with one document never hurts another.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from ner_tasks.documents.contents import FORMATS, answers_in
from ner_tasks.documents.extract import CannotRead, Document, Extract, Limits, Rejected

__all__ = ["FORMATS", "CannotRead", "Document", "Extract", "Limits", "Rejected", "read_documents", "read_here"]

_DEFAULT = Limits()


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
        with _opened(path) as file:
            before = _state(file)
            yield from answers_in(file, name, limits, n_bytes=before[0])
            if _state(file) != before:
                raise CannotRead("changed", "found the file written to while it was read, expected it whole")
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


def _state(file: BinaryIO) -> tuple[int, int]:
    """Size and time of the last change of an open file."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns
