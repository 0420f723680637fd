"""The store as pages read it: the same files again and again, by many people, few of which have changed."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.records import parse_records, read_record
from ner_tasks.store import Store

FRESH_S = 5.0  # a page may be this old
MAX_REMEMBERED = 4096

Shape = TypeVar("Shape")


@dataclass(frozen=True)
class _Remembered:
    """What a file held, or why that cannot be said."""

    value: Any
    etag: str | None
    seen_at: float


class RecordCache:
    """What was read of a store, for all who read it; for several threads.

    Args:
        clock: seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._remembered: OrderedDict[tuple[Any, ...], _Remembered] = OrderedDict()
        self._lock = Lock()

    def get(self, *key: Any) -> _Remembered | None:
        with self._lock:
            known = self._remembered.get(key)
            if known:
                self._remembered.move_to_end(key)
            return known

    def put(self, *key: Any, value: Any, etag: str | None = None) -> None:
        with self._lock:
            self._remembered[key] = _Remembered(value, etag, self.clock())
            self._remembered.move_to_end(key)
            while len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)


class StoreReader:
    """Reads records and folders of a store for one page; damaged files are skipped and listed in `unreadable`.

    Args:
        store: the store.
        memory: what was read of it for other pages.

    Attributes:
        unreadable: what is wrong with each damaged file, by its key.
    """

    def __init__(self, store: Store, memory: RecordCache | None = None) -> None:
        self.store, self._memory = store, memory or RecordCache()
        self.unreadable: dict[str, str] = {}

    def record(self, key: str, shape: type[Shape], *, changes: bool = True) -> Shape | None:
        """The record under `key`; None if there is none, or it is damaged. Not to be changed by the caller.

        Args:
            key: where.
            shape: what it has to be like, see `records`.
            changes: whether it may be replaced. One that never is, is read once.
        """
        sound: Shape | None = self._sound(key, self._remembered(key, shape, changes=changes))
        return sound

    def records(self, key: str, shape: type[Shape]) -> list[Shape]:
        """The records of a file that has one on each line; damaged lines are left out."""

        def read() -> Any:
            return list(parse_records(self.store.read_lines(key), shape, self.store.where(key)))

        found = self._fresh("records", key, lambda: self._attempt(read))
        return [record for record in self._sound(key, found) or [] if self._sound(key, record) is not None]

    def folders(self, key: str) -> list[str]:
        """As `Store.folders`."""
        return list(self._fresh("folders", key, lambda: self.store.folders(key)))

    def names(self, key: str) -> list[str]:
        """Names of the files below `key`, in order."""
        return list(self._fresh("names", key, lambda: [file.name for file in self.store.files(key)]))

    def _remembered(self, key: str, shape: type[Shape], *, changes: bool) -> Any:
        """What `_attempt` makes of a record, read again only if it may have changed, and has."""
        known = self._memory.get("record", key, shape)
        if known and (not changes or self._is_fresh(known)):
            return known.value
        etag = self.store.etag(key)
        if etag is None:
            return None
        value = (
            known.value if known and known.etag == etag else self._attempt(lambda: read_record(self.store, key, shape))
        )
        if value is not None:  # else removed since
            self._memory.put("record", key, shape, value=value, etag=etag)
        return value

    def report_damaged(self, key: str, error: ArtifactBroken) -> None:
        """Record in `unreadable` that a file is damaged and left out."""
        self.unreadable.setdefault(key, str(error).replace(f"{self.store.where()}/", ""))

    def _fresh(self, kind: str, key: str, read: Callable[[], Any]) -> Any:
        known = self._memory.get(kind, key)
        if known and self._is_fresh(known):
            return known.value
        value = read()
        self._memory.put(kind, key, value=value)
        return value

    def _is_fresh(self, known: _Remembered) -> bool:
        return self._memory.clock() - known.seen_at < FRESH_S

    def _attempt(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except InputMissing:
            return None
        except ArtifactBroken as error:
            return error

    def _sound(self, key: str, value: Any) -> Any:
        if isinstance(value, ArtifactBroken):
            self.report_damaged(key, value)
            return None
        return value
