"""The store: everything that outlives a run, under keys such as `models/4f2a9c/int8`.

`store/keys.py` defines the layout. The store is a folder or a bucket on S3; code that uses it does not depend on which.
The project's own keys are made of plain names. A document's key may be any text that its sender chose, and is only
passed back to the store that listed it.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, TypeVar

from ner_tasks.errors import ConfigInvalid
from ner_tasks.files.contained import ContainedFile

S3 = "s3://"
Result = TypeVar("Result")


@dataclass(frozen=True)
class StoredFile:
    """A file of the store.

    Attributes:
        key: full key.
        name: key relative to the listed folder.
        n_bytes: size in bytes.
        etag: changes with the content; comparable within one store only.
        modified_s: Unix time of the last change in seconds; infinite, as for a new file, if unknown.
    """

    key: str
    name: str
    n_bytes: int
    etag: str
    modified_s: float = math.inf


class Store(Protocol):
    """Interface of a store. Methods refuse keys that are not made of plain names, see `check_key`.

    Any method may raise `ConfigInvalid` (no such bucket, or access denied), `StoreUnavailable` (S3 does not answer) or
    `StorageFull` (no space left locally or in the store).
    """

    def where(self, key: str = "") -> str:
        """Return the location of `key` for messages."""
        ...

    def exists(self, key: str) -> bool:
        """Return whether `key` is a file or a non-empty folder."""
        ...

    def etag(self, key: str) -> str | None:
        """Return the ETag of the file under `key`, which changes with its content; None if there is no such file."""
        ...

    def folders(self, key: str) -> list[str]:
        """List the names of the folders directly under `key`, in order."""
        ...

    def files(self, key: str) -> Iterator[StoredFile]:
        """Iterate over all files below `key`, at any depth, in the order of their names (by code point)."""
        ...

    def fetch(self, key: str) -> Path:
        """Return a local path of the complete file or folder under `key`, which must not be modified.

        Raises:
            InputMissing: there is no such file or folder.
        """
        ...

    def fetch_fixed(self, key: str, files: Mapping[str, int | None]) -> Path:
        """Return a local path of the folder under `key`, which never changes, with at least these of its files.

        On S3 a file that was fetched before costs no request, and one whose copy has another size is fetched again.

        Args:
            key: the folder.
            files: size of each file in bytes, by name; None if it is not known. The caller checks it.

        Raises:
            InputMissing: there is no such folder; on S3 also if a file is missing.
        """
        ...

    def read_whole(self, key: str, read: Callable[[], Result], *, marker: str) -> Result:
        """Read several files of a folder consistently, all from the same publication.

        Args:
            key: the folder.
            read: reads the files; called again if the folder was replaced in the meantime.
            marker: as for `publish`.

        Returns:
            The result of `read`.

        Raises:
            InputMissing: there is no such folder; on S3 also while it is being replaced.
            Busy: the folder keeps being replaced.
        """
        ...

    def fetch_files(self, keys: Sequence[str], folder: Path) -> list[ContainedFile | None]:
        """Make many files available locally; they must not be modified.

        Args:
            keys: keys from `files`, which may be names that `check_key` refuses.
            folder: folder for copies, named by their index in `keys`; created if needed. Existing copies are
                overwritten.

        Returns:
            Location of each file, in the order of `keys`; None if it was removed since it was listed. In a folder store
            an entry may not be a regular file: opening it then fails.
        """
        ...

    def publish(self, folder: Path, key: str, *, marker: str | None = None, once: bool = False) -> None:
        """Publish a copy of `folder` under `key`, replacing what was there.

        Args:
            folder: local folder.
            key: target key.
            marker: file in the folder that marks it as complete; readers ignore a folder without it. A folder store
                replaces the folder in one step. S3 cannot, so that the marker is deleted first and written last.
            once: the content under a key never changes: a folder that has its marker already is left as it is.

        Raises:
            InputMissing: there is no such folder, or no marker in it.
            Busy: another process is publishing under the same key.
        """
        ...

    def put_file(self, file: Path, key: str) -> None:
        """Store a copy of `file` under `key`, atomically.

        Raises:
            InputMissing: there is no such file.
        """
        ...

    def remove(self, key: str, *, marker: str | None = None) -> None:
        """Remove the folder under `key` if it exists; its `marker` first, so that nobody reads an incomplete folder."""
        ...

    def remove_file(self, key: str) -> None:
        """Remove the file under `key` if it exists."""
        ...

    def half_done(self) -> Iterator[StoredFile]:
        """List hidden files and folders of writes that are in progress or were killed, and of replaced folders.

        `modified_s` is the time of the last change below each. On S3 there are none: an upload becomes visible when it
        is complete, and the bucket's lifecycle rule deletes incomplete ones.
        """
        ...

    def remove_half_done(self, key: str) -> None:
        """Remove an entry of `half_done`; an interrupted replacement is completed."""
        ...

    def read_bytes(self, key: str, offset: int, n_bytes: int) -> bytes:
        """Read the bytes `[offset, offset + n_bytes)` of the file under `key`; fewer at its end.

        Raises:
            InputMissing: there is no such file.
        """
        ...

    def read_json(self, key: str) -> Any:
        """Read the JSON file under `key`, without the schema version of a record.

        Raises:
            InputMissing: there is no such file.
            ArtifactBroken: it is not JSON.
            SchemaTooNew: a newer release wrote it.
        """
        ...

    def write_json(self, key: str, value: Any) -> None:
        """Write `value` as JSON to the file under `key`, atomically; an object gets the schema version."""
        ...

    def swap_json(self, key: str, value: Any, *, etag: str | None) -> None:
        """Write a JSON file if its ETag is still `etag` (compare and swap); None: if the file still does not exist.

        Raises:
            Busy: another process has written it.
        """
        ...

    def read_lines(self, key: str) -> list[str]:
        """Read the lines of the text file under `key`; empty if there is no such file."""
        ...

    def append_line(self, key: str, line: str) -> None:
        """Append a line to the text file under `key`, atomically, unless the file has the same line already.

        Raises:
            Busy: other processes keep writing it.
        """
        ...

    def exclusive(self, key: str, *, patience_s: float = 0.0) -> AbstractContextManager[None]:
        """Hold an exclusive lock on `key`; it is released if the process dies, on S3 after a minute.

        Nothing is written under `key` itself.

        Args:
            key: key to lock.
            patience_s: seconds to wait for another holder.

        Raises:
            Busy: another process holds the lock, or has taken it over because this one did not renew it.
        """
        ...


def check_key(key: str) -> str:
    """Check that a key is made of plain names joined by '/', and return it normalized.

    Raises:
        ConfigInvalid: the key could leave the store, or contains a hidden name.
    """
    parts = PurePosixPath(key).parts
    if not parts or key.startswith("/") or "\0" in key or "\\" in key or any(part.startswith(".") for part in parts):
        raise ConfigInvalid(f"found key {key!r}, expected names joined by '/', none beginning with a dot")
    return "/".join(parts)


def split_lines(text: bytes) -> list[str]:
    """Split into non-empty lines at line feeds only; `splitlines` would split JSON at U+2028.

    Bytes that are not UTF-8 damage only their own line, and `join_lines` restores them.
    """
    return [line for line in text.decode("utf-8", "surrogateescape").split("\n") if line]


def join_lines(lines: Sequence[str]) -> bytes:
    """Join lines into text that `split_lines` reads."""
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def open_store(where: str, *, cache: Path) -> Store:
    """Open the store at `where`.

    Args:
        where: a folder, or `s3://bucket/prefix`.
        cache: local folder for copies fetched from S3; may be deleted at any time.

    Raises:
        ConfigInvalid: `where` is neither.
    """
    if where.startswith(S3):
        from ner_tasks.store.s3 import S3Store  # boto3 takes half a second to import

        bucket, _, prefix = where.removeprefix(S3).partition("/")
        return S3Store(bucket, prefix, cache=cache)
    if "://" in where or not where:
        raise ConfigInvalid(f"found store {where!r}, expected a folder or s3://bucket/prefix")
    from ner_tasks.store.folder import FolderStore

    return FolderStore(Path(where))
