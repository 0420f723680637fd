"""SQLite files: what SQLite raises, in errors of ours."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ner_tasks.errors import ArtifactBroken, Busy, ConfigInvalid, NerTasksError, redact_error
from ner_tasks.files import atomic

_PRIMARY = 0xFF  # an error's code without what is more exact
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DENIED = (sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH)
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
# may have other reasons than a full disk
_NO_ROOM_PERHAPS = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


@contextmanager
def translate_errors(path: Path, expected: str) -> Iterator[None]:
    """Turn what SQLite raises inside the block into an error of ours about the file `path`.

    Args:
        path: the file.
        expected: what it should be, such as "a ledger".

    Raises:
        StorageFull: no room to write.
        Busy: another process holds it.
        ConfigInvalid: it may not be written to.
        ArtifactBroken: it is damaged, no SQLite file, or holds other tables.
    """
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # ours, not the file's
    except sqlite3.Error as error:
        raise _our_error(error, path, expected) from error


def open_writable(path: Path) -> sqlite3.Connection:
    """Open a file to be written to, or make it.

    Raises:
        ArtifactBroken: something else lies there.
    """
    _check(path)
    return sqlite3.connect(path)


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a file that does not change any more, and whose folder may not be writable.

    Raises:
        ArtifactBroken: something else lies there.
    """
    _check(path)
    # a relative name would be looked up anew, wherever the process is by then
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _check(path: Path) -> None:
    with suppress(FileNotFoundError):  # SQLite makes it, or says so
        atomic.check_is_file(path)  # at a pipe SQLite cannot even be interrupted


def _our_error(error: sqlite3.Error, path: Path, expected: str) -> NerTasksError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    primary = code & _PRIMARY
    # without a code it is Python's own message, which may quote what a column holds
    found = str(error) if hasattr(error, "sqlite_errorcode") else redact_error(error)
    if code in _NO_ROOM or (primary in _NO_ROOM_PERHAPS and _is_full(path.parent)):
        return atomic.storage_full(path)
    if primary in _BUSY:
        return Busy(f"found {found}, expected to be alone, on {path}")
    if primary in _DENIED:
        return ConfigInvalid(f"found {found}, expected the right to write {expected}, at {path}")
    return ArtifactBroken(f"found {found}, expected {expected}, at {path}")


def _is_full(folder: Path) -> bool:
    """Whether a disk has no block or no file left to give."""
    with suppress(OSError):
        status = os.statvfs(folder)
        return status.f_bavail == 0 or (status.f_files > 0 and status.f_favail == 0)
    return False
