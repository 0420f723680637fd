"""The store as pages read it: the same files again and again, by many people, few of which have changed."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from ner_tasks.errors import InputMissing
from ner_tasks.store import Store

FRESH_S = 5.0  # a page may be this old
MAX_REMEMBERED = 4096


@dataclass(frozen=True)
class _Remembered:
    value: Any
    etag: str | None
    seen_at: float


class Reader:
    """JSON files and folders of a store, remembered; for several threads.

    Args:
        store: the store.
        clock: seconds.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.store, self._clock = store, clock
        self._remembered: OrderedDict[tuple[str, str], _Remembered] = OrderedDict()
        self._lock = Lock()

    def json(self, key: str, *, changes: bool = True) -> Any | None:
        """Value of a JSON file, None if there is none; not to be changed by the caller.

        Args:
            key: where.
            changes: whether it may be replaced. One that never is, is read once.
        """
        now = self._clock()
        known = self._known("json", key)
        if known and known.value is not None and (not changes or now - known.seen_at < FRESH_S):
            return known.value
        etag = self.store.etag(key)
        if etag is None:
            return None
        if known and known.etag == etag:
            value = known.value
        else:
            try:
                value = self.store.read_json(key)
            except InputMissing:  # removed since
                return None
        self._remember("json", key, _Remembered(value, etag, now))
        return value

    def folders(self, key: str) -> list[str]:
        """As `Store.folders`."""
        return list(self._fresh("folders", key, lambda: self.store.folders(key)))

    def names(self, key: str) -> list[str]:
        """Names of the files below `key`, in order."""
        return list(self._fresh("names", key, lambda: [file.name for file in self.store.files(key)]))

    def lines(self, key: str) -> list[str]:
        """As `Store.read_lines`."""
        return list(self._fresh("lines", key, lambda: self.store.read_lines(key)))

    def _fresh(self, kind: str, key: str, read: Callable[[], Any]) -> Any:
        known, now = self._known(kind, key), self._clock()
        if known is None or now - known.seen_at >= FRESH_S:
            known = _Remembered(read(), None, now)
            self._remember(kind, key, known)
        return known.value

    def _known(self, kind: str, key: str) -> _Remembered | None:
        with self._lock:
            known = self._remembered.get((kind, key))
            if known:
                self._remembered.move_to_end((kind, key))
            return known

    def _remember(self, kind: str, key: str, found: _Remembered) -> None:
        with self._lock:
            self._remembered[kind, key] = found
            self._remembered.move_to_end((kind, key))
            while len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
