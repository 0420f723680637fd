"""Cached reads of the store for pages, which read the same files again and again."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files.sqlite_files import ReadOnlyPool
from ner_tasks.records import parse_records, read_record
from ner_tasks.store import Store

FRESH_S = 5.0  # maximum age of cached data, in seconds
MAX_REMEMBERED = 16384  # records, and places of files: a month of days with 64 parts has 2,000 of each
MAX_OPEN = 256  # files of parts that are kept open

Shape = TypeVar("Shape")
Result = TypeVar("Result")


@dataclass(frozen=True)
class _CachedValue:
    """Content of a file, or the error of reading it."""

    value: Any
    etag: str | None
    seen_at: float


class RecordCache:
    """Thread-safe cache of what was read from a store, shared by all pages.

    Args:
        clock: returns seconds.

    Attributes:
        files: files of parts that are kept open, which never change.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.files = clock, ReadOnlyPool(MAX_OPEN)
        self._values: OrderedDict[tuple[Any, ...], _CachedValue] = OrderedDict()
        self._lock = Lock()

    def get(self, *key: Any) -> _CachedValue | None:
        with self._lock:
            known = self._values.get(key)
            if known:
                self._values.move_to_end(key)
            return known

    def put(self, *key: Any, value: Any, etag: str | None = None) -> None:
        with self._lock:
            self._values[key] = _CachedValue(value, etag, self.clock())
            self._values.move_to_end(key)
            while len(self._values) > MAX_REMEMBERED:
                self._values.popitem(last=False)


class StoreReader:
    """Reads records and folders of a store for one page; damaged files are skipped and listed in `unreadable`.

    Args:
        store: the store.
        memory: cache shared with other pages.

    Attributes:
        unreadable: error message of each damaged file, by key.
    """

    def __init__(self, store: Store, memory: RecordCache | None = None) -> None:
        self.store, self._memory = store, memory or RecordCache()
        self.unreadable: dict[str, str] = {}

    @property
    def files(self) -> ReadOnlyPool:
        """Files of parts that are kept open, shared with other pages."""
        return self._memory.files

    def record(self, key: str, shape: type[Shape], *, changes: bool = True, is_current: bool = False) -> Shape | None:
        """Read a record; None if it is missing or damaged. The caller must not modify it.

        Args:
            key: key of the record.
            shape: expected type, see `ner_tasks.records`.
            changes: whether the record may be replaced; False reads it only once.
            is_current: whether it must be the present one, and not one that was read a few seconds ago.
        """
        value = self._read_cached(key, shape, changes=changes, is_current=is_current)
        record: Shape | None = self._drop_damaged(key, value)
        return record

    def once(
        self, kind: str, key: str, make: Callable[[], Result], *, is_there: Callable[[Result], bool] = lambda _: True
    ) -> Result:
        """Return what `make` returned before for the same kind and key: something that never changes.

        Args:
            kind, key: what it is.
            make: makes it.
            is_there: whether it still exists; otherwise it is made again.
        """
        known = self._memory.get(kind, key)
        if known and is_there(known.value):
            result: Result = known.value
            return result
        result = make()
        self._memory.put(kind, key, value=result)
        return result

    def knows(self, kind: str, key: str) -> bool:
        """Return whether `once` has made something."""
        return self._memory.get(kind, key) is not None

    def records(self, key: str, shape: type[Shape]) -> list[Shape]:
        """Read the records of a file with one record per line, without damaged lines."""

        def read() -> Any:
            return list(parse_records(self.store.read_lines(key), shape, self.store.where(key)))

        records = self._read_fresh("records", key, lambda: self._attempt(read))
        return [
            record for record in self._drop_damaged(key, records) or [] if self._drop_damaged(key, record) is not None
        ]

    def folders(self, key: str) -> list[str]:
        """List the folders under `key`, as `Store.folders`."""
        return list(self._read_fresh("folders", key, lambda: self.store.folders(key)))

    def names(self, key: str) -> list[str]:
        """List the names of the files below `key`, in order."""
        return list(self._read_fresh("names", key, lambda: [file.name for file in self.store.files(key)]))

    def _read_cached(self, key: str, shape: type[Shape], *, changes: bool, is_current: bool) -> Any:
        """Read a record through the cache; read the file again only if its ETag has changed."""
        known = self._memory.get("record", key, shape)
        if known and (not changes or (not is_current and self._is_fresh(known))):
            return known.value
        etag = self.store.etag(key)
        if etag is None:
            return None
        value = (
            known.value if known and known.etag == etag else self._attempt(lambda: read_record(self.store, key, shape))
        )
        if value is not None:  # None: removed in the meantime
            self._memory.put("record", key, shape, value=value, etag=etag)
        return value

    def report_damaged(self, key: str, error: ArtifactBroken) -> None:
        """Record in `unreadable` that a file is damaged and left out."""
        self.unreadable.setdefault(key, str(error).replace(f"{self.store.where()}/", ""))

    def _read_fresh(self, kind: str, key: str, read: Callable[[], Any]) -> Any:
        known = self._memory.get(kind, key)
        if known and self._is_fresh(known):
            return known.value
        value = read()
        self._memory.put(kind, key, value=value)
        return value

    def _is_fresh(self, known: _CachedValue) -> bool:
        return self._memory.clock() - known.seen_at < FRESH_S

    def _attempt(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except InputMissing:
            return None
        except ArtifactBroken as error:
            return error

    def _drop_damaged(self, key: str, value: Any) -> Any:
        if isinstance(value, ArtifactBroken):
            self.report_damaged(key, value)
            return None
        return value
