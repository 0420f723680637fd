"""The store: everything that outlives a run, under keys such as `models/4f2a9c/int8`.

`store/keys.py` has its layout. It lies in a folder or on S3, and what uses it need not know where. A key of ours is made of plain names. A document's
key may be anything that its sender chose: it is only ever handed back to the store that listed it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
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
    """One file of the store.

    Attributes:
        key: its full key.
        name: its key below the one that was listed.
        n_bytes: its size.
        etag: changes when its content does; to be compared with another of the same store only.
        modified_s: when it was written, in seconds since 1970; infinite, as if it were new, where nobody knows.
    """

    key: str
    name: str
    n_bytes: int
    etag: str
    modified_s: float = math.inf


class Store(Protocol):
    """Where things lie. Every method that takes a key refuses one that is not made of plain names (`checked`).

    Any method may raise `ConfigInvalid` (no bucket, no right to it), `StoreUnavailable` (S3 does not answer)
    or `StorageFull` (no room to write, here or there).
    """

    def where(self, key: str = "") -> str:
        """Where `key` lies, for people."""
        ...

    def exists(self, key: str) -> bool:
        """Whether there is a file, or anything at all below it, under `key`."""
        ...

    def etag(self, key: str) -> str | None:
        """What changes when the file under `key` does; None if there is no such file."""
        ...

    def folders(self, key: str) -> list[str]:
        """Names of the folders directly under `key`, in order; none if there is nothing."""
        ...

    def files(self, key: str) -> Iterator[StoredFile]:
        """All files below `key`, at any depth, one at a time, in the order of their names (by code point)."""
        ...

    def fetch(self, key: str) -> Path:
        """A local path of the file or folder under `key`, whole; to be read, never written to.

        Raises:
            InputMissing: there is nothing.
        """
        ...

    def read_whole(self, key: str, read: Callable[[], Result], *, marker: str) -> Result:
        """What `read` makes of several files of the folder under `key`, all of one publication.

        Args:
            key: the folder.
            read: reads it; again if the folder was replaced meanwhile.
            marker: as for `publish`.

        Raises:
            InputMissing: there is no such folder; on S3 also while it is being replaced.
            Busy: it is replaced again and again.
        """
        ...

    def fetch_files(self, keys: Sequence[str], folder: Path) -> list[ContainedFile | None]:
        """Where many files lie on this machine, in the order of `keys`; to be read, never written to.

        Args:
            keys: as `files` gave them, which may be names that no key of ours could be.
            folder: where copies may be put, named by their place in `keys`. It is made if need be; a copy that
                an earlier call left there is not trusted.

        Returns:
            The place for each key, None where the file has been removed since it was listed. In a folder, what was listed
            need not be a file: it is refused when it is opened.
        """
        ...

    def publish(self, folder: Path, key: str, *, marker: str | None = None) -> None:
        """Make a copy of `folder` visible under `key`; what was there is replaced as a whole.

        Args:
            folder: what to publish.
            key: under which name.
            marker: name of the file in it that says "this is whole": readers take a key without it for
                nothing. A folder is replaced in one step; S3 has no such step, so that there the marker goes
                first and comes last.

        Raises:
            InputMissing: there is no such folder, or no marker in it.
            Busy: another process is publishing under the same key.
        """
        ...

    def put_file(self, file: Path, key: str) -> None:
        """Make a copy of `file` visible under `key`, in one step.

        Raises:
            InputMissing: there is no such file.
        """
        ...

    def remove(self, key: str, *, marker: str | None = None) -> None:
        """Remove the folder under `key`, if it is there; its `marker` first, so that nobody reads the rest."""
        ...

    def half_done(self) -> Iterator[StoredFile]:
        """What killed processes, and those still at work, have written and not made visible, and what they replaced.

        `modified_s` is when the last of it was changed. On S3 there is nothing: an upload becomes visible when it is
        whole, and the bucket's lifecycle rule drops what is not.
        """
        ...

    def remove_half_done(self, key: str) -> None:
        """Remove something that `half_done` gave; a replacement that was cut off half-way is completed."""
        ...

    def read_bytes(self, key: str, offset: int, n_bytes: int) -> bytes:
        """The bytes `[offset, offset + n_bytes)` of the file under `key`, fewer where it ends.

        Raises:
            InputMissing: no such file.
        """
        ...

    def read_json(self, key: str) -> Any:
        """Value of the JSON file under `key`.

        Raises:
            InputMissing: no such file.
            ArtifactBroken: not JSON.
        """
        ...

    def write_json(self, key: str, value: Any) -> None:
        """Replace the file under `key` by `value` as JSON, in one step."""
        ...

    def swap_json(self, key: str, value: Any, *, etag: str | None) -> None:
        """Replace the file under `key` if it is still the one that had `etag`; None: if there is still none.

        Raises:
            Busy: somebody else has written it.
        """
        ...

    def read_lines(self, key: str) -> list[str]:
        """Lines of the text file under `key`; none if there is no such file."""
        ...

    def append_line(self, key: str, line: str) -> None:
        """Add a line to the text file under `key`, in one step; one that stands there already is not added again.

        Raises:
            Busy: somebody else keeps writing it.
        """
        ...

    def exclusive(self, key: str, *, patience_s: float = 0.0) -> AbstractContextManager[None]:
        """Be the only one to hold `key` while the block runs; the lock is let go when its holder dies.

        On S3 that takes a minute, there being no kernel to tell. Nothing is written under `key` itself.

        Args:
            key: what to hold.
            patience_s: how long to wait for another holder.

        Raises:
            Busy: another process holds it, or has taken it over from this one, which did not answer.
        """
        ...


def check_key(key: str) -> str:
    """`key`, once it is known to be made of plain names joined by '/'.

    Raises:
        ConfigInvalid: it could lead out of the store, or to a hidden name.
    """
    parts = PurePosixPath(key).parts
    if not parts or key.startswith("/") or "\0" in key or "\\" in key or any(part.startswith(".") for part in parts):
        raise ConfigInvalid(f"found key {key!r}, expected names joined by '/', none beginning with a dot")
    return "/".join(parts)


def split_lines(text: bytes) -> list[str]:
    """Lines that hold something. Only a line feed ends one: `splitlines` would cut JSON at a U+2028.

    A byte that is no UTF-8 spoils its own line only, and is written back by `join_lines` as it was.
    """
    return [line for line in text.decode("utf-8", "surrogateescape").split("\n") if line]


def join_lines(lines: Sequence[str]) -> bytes:
    """What `split_lines` reads."""
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def open_store(where: str, *, cache: Path) -> Store:
    """The store at `where`.

    Args:
        where: a folder, or `s3://bucket/prefix`.
        cache: a local folder for what is fetched from S3; may be lost without harm.

    Raises:
        ConfigInvalid: it is neither.
    """
    if where.startswith(S3):
        from ner_tasks.store.s3 import S3Store  # boto3 takes half a second to import

        bucket, _, prefix = where.removeprefix(S3).partition("/")
        return S3Store(bucket, prefix, cache=cache)
    if "://" in where or not where:
        raise ConfigInvalid(f"found store {where!r}, expected a folder or s3://bucket/prefix")
    from ner_tasks.store.folder import FolderStore

    return FolderStore(Path(where))
