"""Open SQLite files, and translate SQLite's exceptions into those of this package."""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self, TypeVar

from ner_tasks.errors import ArtifactBroken, Busy, ConfigInvalid, InputMissing, NerTasksError, redact_error
from ner_tasks.files import atomic

_PRIMARY = 0xFF  # mask of the primary result code
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DENIED = (sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH)
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
# may have other causes than a full disk
_NO_ROOM_PERHAPS = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


@contextmanager
def translate_errors(path: Path, expected: str) -> Iterator[None]:
    """Translate SQLite's exceptions in the block into those of this package.

    Args:
        path: path of the file, for the message.
        expected: description of the file, such as "a ledger", for the message.

    Raises:
        StorageFull: the disk is full.
        Busy: another process has locked it.
        ConfigInvalid: write permission is denied.
        ArtifactBroken: it is damaged, not an SQLite file, or has other tables.
    """
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a bug, not a defect of the file
    except sqlite3.Error as error:
        raise _our_error(error, path, expected) from error


def open_writable(path: Path) -> sqlite3.Connection:
    """Open a file for writing, or create it.

    Raises:
        ArtifactBroken: the path is not a regular file.
    """
    return sqlite3.connect(_check(path).absolute().as_uri(), uri=True)


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a file that no longer changes, in a folder that may not be writable.

    Raises:
        ArtifactBroken: the path is not a regular file.
    """
    return sqlite3.connect(_read_only(_check(path)), uri=True)


class ReadOnlyDatabase:
    """An SQLite file that no longer changes, open until the end of a `with` block.

    Args:
        path: the file.
        expected: description of the file, for messages.

    Raises:
        InputMissing: there is no such file.
        ArtifactBroken: it is damaged, or another file; raised by any method.
    """

    def __init__(self, path: Path, expected: str) -> None:
        if not path.is_file():
            raise InputMissing(f"found nothing at {path}, expected {expected}")
        self.path, self.expected = path, expected
        with translate_errors(path, expected):
            # one thread at a time, but not always the same one, see `ReadOnlyPool`
            self._db = sqlite3.connect(_read_only(_check(path)), uri=True, check_same_thread=False)
        try:
            self.check()
        except BaseException:
            self.close()
            raise

    def check(self) -> None:
        """Check that it is the file described; a subclass says how."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def fetch(self, query: str, values: Any = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with translate_errors(self.path, self.expected):
            return self._db.execute(query, values).fetchall()

    def stream(self, query: str, values: Any = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query as they are found, so that one who needs a few does not wait for all."""
        with translate_errors(self.path, self.expected):
            for row in self._db.execute(query, values):  # noqa: UP028 - would close the cursor of a closed file
                yield row


Database = TypeVar("Database", bound=ReadOnlyDatabase)


class ReadOnlyPool:
    """Keeps files open that never change, for the next who reads them; shared by threads.

    Args:
        most: maximum number of files that are kept open while nobody reads them; the least recently used is closed.
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._idle: OrderedDict[int, tuple[Hashable, ReadOnlyDatabase]] = OrderedDict()
        self._by_key: dict[Hashable, list[int]] = {}
        self._n_kept = 0

    @contextmanager
    def open(self, key: Hashable, make: Callable[[], Database]) -> Iterator[Database]:
        """Open a file for the block, or take it over; the block has it for itself.

        Args:
            key: names the content; another content has another key.
            make: opens the file.
        """
        database: Any = self._take(key) or make()
        try:
            yield database
        except BaseException:
            database.close()  # it may be damaged
            raise
        self._keep(key, database)

    def _take(self, key: Hashable) -> ReadOnlyDatabase | None:
        with self._lock:
            numbers = self._by_key.get(key)
            if not numbers:
                return None
            number = numbers.pop()
            if not numbers:
                del self._by_key[key]
            return self._idle.pop(number)[1]

    def _keep(self, key: Hashable, database: ReadOnlyDatabase) -> None:
        closed = list[ReadOnlyDatabase]()
        with self._lock:
            self._n_kept += 1
            self._idle[self._n_kept] = key, database
            self._by_key.setdefault(key, []).append(self._n_kept)
            while len(self._idle) > self._most:
                number, (other, oldest) = self._idle.popitem(last=False)
                self._by_key[other].remove(number)
                if not self._by_key[other]:
                    del self._by_key[other]
                closed.append(oldest)
        for oldest in closed:
            oldest.close()


def attach_read_only(database: sqlite3.Connection, path: Path, name: str) -> None:
    """Attach a file that no longer changes to an open one, as the schema `name`.

    Raises:
        ArtifactBroken: the path is not a regular file.
    """
    _check(path)
    database.execute(f"ATTACH ? AS {name}", (_read_only(path),))


def _read_only(path: Path) -> str:
    # absolute, since SQLite resolves the path again later
    return f"{path.absolute().as_uri()}?mode=ro&immutable=1"


def _check(path: Path) -> Path:
    with suppress(FileNotFoundError):  # SQLite creates the file, or reports it
        atomic.check_is_file(path)  # opening a pipe blocks SQLite, and cannot be interrupted
    return path


def _our_error(error: sqlite3.Error, path: Path, expected: str) -> NerTasksError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    primary = code & _PRIMARY
    # without a code it is a message of Python, which may quote a value
    found = str(error) if hasattr(error, "sqlite_errorcode") else redact_error(error)
    if code in _NO_ROOM or (primary in _NO_ROOM_PERHAPS and atomic.is_full(path.parent)):
        return atomic.storage_full(path)
    if primary in _BUSY:
        return Busy(f"found {found}, expected to be alone, on {path}")
    if primary in _DENIED:
        return ConfigInvalid(f"found {found}, expected the right to write {expected}, at {path}")
    return ArtifactBroken(f"found {found}, expected {expected}, at {path}")
