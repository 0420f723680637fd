"""Store in a bucket on S3, or on an S3-compatible service (`AWS_ENDPOINT_URL`).

boto3 finds the credentials: environment, profile, container or machine role. Keys are stored below a prefix; locks are
stored under `.locks/`, which no key can name.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ner_tasks.errors import Busy, ConfigInvalid, InputMissing, NerTasksError
from ner_tasks.files import schema
from ner_tasks.files.contained import ContainedFile
from ner_tasks.files.json_text import parse_json
from ner_tasks.store import Result, StoredFile, check_key, join_lines, split_lines
from ner_tasks.store.bucket import Bucket, ListedObject, map_parallel
from ner_tasks.store.cache import Cache
from ner_tasks.store.lease import LEASE_S, hold_lock

LOCKS = ".locks"
TIMEOUT_S = 60.0
ATTEMPTS = 6
N_TRIES = 5  # attempts while other processes write the same objects


class S3Store:
    """See `Store`.

    Args:
        bucket: name of the bucket.
        prefix: prefix of all keys; may be empty.
        cache: local folder for copies of fetched files.
        timeout_s: timeout in seconds for connecting and reading.
        attempts: maximum number of attempts before `StoreUnavailable` is raised.
        lease_s: seconds after which the lock of a killed process expires.
        patience_s: seconds to wait for another publisher of the same key, which may have been killed.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        cache: Path,
        timeout_s: float = TIMEOUT_S,
        attempts: int = ATTEMPTS,
        lease_s: float = LEASE_S,
        patience_s: float = 1.5 * LEASE_S,
    ) -> None:
        if not bucket:
            raise ConfigInvalid("found no bucket, expected one, in s3://bucket/prefix")
        self._bucket = Bucket(bucket, timeout_s=timeout_s, attempts=attempts)
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._cache, self._lease_s, self._patience_s = Cache(cache), lease_s, patience_s

    def where(self, key: str = "") -> str:
        return self._bucket.where(self._name(key) if key else self._prefix)

    def exists(self, key: str) -> bool:
        # two requests: `a` is the first name with prefix `a`, but `a-b` comes before `a/b`
        return self.etag(key) is not None or self._first(f"{self._name(key)}/") is not None

    def etag(self, key: str) -> str | None:
        # a listing, because HEAD cannot distinguish a missing bucket from a missing object
        first = self._first(self._name(key))
        return first.etag if first and first.name == self._name(key) else None

    def folders(self, key: str) -> list[str]:
        return [name for name in self._bucket.folders(f"{self._name(key)}/") if name and not name.startswith(".")]

    def files(self, key: str) -> Iterator[StoredFile]:
        """As `Store.files`; keeps a page of 1,000 in memory. Includes names that begin with a dot: no writes are hidden."""
        key = check_key(key)
        for name, listed in self._below(key):
            yield StoredFile(f"{key}/{name}", name, listed.n_bytes, listed.etag, listed.modified.timestamp())

    def fetch(self, key: str) -> Path:
        key = check_key(key)
        for _ in range(N_TRIES):
            first = self._first(self._name(key))
            if first and first.name == self._name(key):
                copies = [(key, first)]
            else:
                copies = [(f"{key}/{name}", listed) for name, listed in self._below(key)]
            if not copies:
                raise InputMissing(f"found nothing, expected a file or a folder, at {self.where(key)}")
            try:
                return self._cache.get(self.where(), copies, self._download) / key
            except (Busy, InputMissing):
                time.sleep(1)  # replaced or removed since it was listed
        raise Busy(f"found it replaced {N_TRIES} times while fetching, expected it unchanged, at {self.where(key)}")

    def fetch_fixed(self, key: str, files: Mapping[str, int | None]) -> Path:
        key = check_key(key)
        return self._cache.get_fixed(
            self.where(key), files, lambda name, path: self._bucket.download(self._name(f"{key}/{name}"), path)
        )

    def read_whole(self, key: str, read: Callable[[], Result], *, marker: str) -> Result:
        for _ in range(N_TRIES):
            before = self.etag(f"{key}/{marker}")
            if before is None:
                raise InputMissing(f"found no {marker}, expected a published folder, at {self.where(key)}")
            try:
                result = read()
            except NerTasksError:
                if self.etag(f"{key}/{marker}") == before:
                    raise
            else:
                if self.etag(f"{key}/{marker}") == before:
                    return result
        raise Busy(f"found it replaced {N_TRIES} times while reading, expected it unchanged, at {self.where(key)}")

    def fetch_files(self, keys: Sequence[str], folder: Path) -> list[ContainedFile | None]:
        folder.mkdir(parents=True, exist_ok=True)

        def fetch(numbered: tuple[int, str]) -> ContainedFile | None:
            index, key = numbered
            file = ContainedFile(folder, f"{index:06d}")
            try:
                self._bucket.download(f"{self._prefix}{key}", file.path)
            except InputMissing:
                file.path.unlink(missing_ok=True)
                return None
            return file

        return map_parallel(fetch, enumerate(keys))

    def publish(self, folder: Path, key: str, *, marker: str | None = None, once: bool = False) -> None:
        """As `Store.publish`. Without a marker, readers may see a mixture of old and new files."""
        key = check_key(key)
        if not folder.is_dir():
            raise InputMissing(f"found no folder at {folder}, expected one to publish as {key}")
        if marker and not (folder / marker).is_file():
            raise InputMissing(f"found no {marker} in {folder}, expected one to publish as {key}")
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        last = {f"{self._name(key)}/{marker}": files[marker]} if marker else {}
        lock = f"{self._prefix}{LOCKS}/{key}.publish"
        with hold_lock(self._bucket, lock, patience_s=self._patience_s, lease_s=self._lease_s) as lease:
            if once and marker and self.etag(f"{key}/{marker}") is not None:
                return
            self._bucket.delete(last)
            self._bucket.upload({f"{self._name(key)}/{name}": files[name] for name in files if name != marker})
            self._bucket.delete(listed.name for name, listed in self._below(key) if name not in files)
            lease.renew()
            self._bucket.upload(last)

    def put_file(self, file: Path, key: str) -> None:
        if not file.is_file():
            raise InputMissing(f"found no file at {file}, expected one to store as {key}")
        self._bucket.upload({self._name(key): file})

    def remove(self, key: str, *, marker: str | None = None) -> None:
        if marker:
            self._bucket.delete([f"{self._name(key)}/{marker}"])
        self._bucket.delete(listed.name for _, listed in self._below(key))

    def remove_file(self, key: str) -> None:
        self._bucket.delete([self._name(key)])

    def half_done(self) -> Iterator[StoredFile]:
        return iter(())

    def remove_half_done(self, key: str) -> None:
        raise ConfigInvalid(f"found key {key!r}, expected none: S3 has no hidden writes, at {self.where()}")

    def read_bytes(self, key: str, offset: int, n_bytes: int) -> bytes:
        return self._bucket.get(self._name(key), part=(offset, n_bytes)).body

    def read_json(self, key: str) -> Any:
        try:
            record = parse_json(self._bucket.get(self._name(key)).body, self.where(key))
        except InputMissing:
            raise InputMissing(f"found nothing at {self.where(key)}, expected a JSON file") from None
        return schema.open_record(record, self.where(key))

    def write_json(self, key: str, value: Any) -> None:
        self._bucket.put(self._name(key), _to_json(value))

    def swap_json(self, key: str, value: Any, *, etag: str | None) -> None:
        self._bucket.swap(self._name(key), _to_json(value), etag=etag)

    def read_lines(self, key: str) -> list[str]:
        try:
            return split_lines(self._bucket.get(self._name(key)).body)
        except InputMissing:
            return []

    def append_line(self, key: str, line: str) -> None:
        for _ in range(N_TRIES):
            # read the ETag first: a line added between the two requests makes the swap fail
            etag = self.etag(key)
            lines = self.read_lines(key)
            if line in lines:
                return
            try:
                self._bucket.swap(self._name(key), join_lines([*lines, line]), etag=etag)
            except Busy:
                time.sleep(1)
            else:
                return
        raise Busy(f"found it written {N_TRIES} times by others, expected to append a line, at {self.where(key)}")

    @contextmanager
    def exclusive(self, key: str, *, patience_s: float = 0.0) -> Iterator[None]:
        lock = f"{self._prefix}{LOCKS}/{check_key(key)}.lock"
        with hold_lock(self._bucket, lock, patience_s=patience_s, lease_s=self._lease_s):
            yield

    def _name(self, key: str) -> str:
        return f"{self._prefix}{check_key(key)}"

    def _first(self, prefix: str) -> ListedObject | None:
        return next(self._bucket.list(prefix, n_at_once=1), None)

    def _below(self, key: str) -> Iterator[tuple[str, ListedObject]]:
        """Iterate over the objects below a key with their relative names; skips the S3 console's empty folder objects."""
        prefix = f"{self._name(key)}/"
        for listed in self._bucket.list(prefix):
            if listed.n_bytes or not listed.name.endswith("/"):
                yield listed.name.removeprefix(prefix), listed

    def _download(self, listed: ListedObject, path: Path) -> None:
        self._bucket.download(listed.name, path, etag=listed.etag)


def _to_json(value: Any) -> bytes:
    return (json.dumps(schema.stamp(value), ensure_ascii=False, indent=2) + "\n").encode("utf-8")
