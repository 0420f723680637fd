"""Store in a folder, which several machines may share.

Names that begin with a dot are incomplete writes or foreign files (`.part`, `.DS_Store`) and are never listed. Links are
not followed, because senders of documents could create them; the store's own folder may be a link. A folder is replaced
in one step if the file system supports it; `files/replacement.py` describes what happens otherwise, as on NFS.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken, Busy, ConfigInvalid, InputMissing
from ner_tasks.files import atomic, contained, replacement, schema
from ner_tasks.files.contained import ContainedFile
from ner_tasks.store import Result, StoredFile, check_key, join_lines, listing, split_lines
from ner_tasks.store.half_done import find_left_behind

LOCKS = ".locks"
_N_LOOKS = 10  # attempts while a folder is being replaced
_MOMENT_S = 10.0  # much longer than writing one small file takes


class FolderStore:
    """See `Store`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def where(self, key: str = "") -> str:
        return str(self.path_of(key) if key else self.root)

    def path_of(self, key: str) -> Path:
        """Return the local path of `key`, which need not exist and must not be written to.

        Raises:
            ConfigInvalid: the path contains a link.
        """
        path = self.root
        for name in check_key(key).split("/"):
            path = path / name
            if path.is_symlink():
                raise ConfigInvalid(f"found a link, expected none within the store, at {path}")
        return path

    def exists(self, key: str) -> bool:
        return bool(self._look(key, Path.exists))

    def etag(self, key: str) -> str | None:
        return self._look(key, lambda path: listing.file_etag(path.stat()) if path.is_file() else None)

    def folders(self, key: str) -> list[str]:
        if not self._look(key, Path.is_dir):
            return []
        with os.scandir(self.path_of(key)) as entries:
            names = (entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
            return sorted(name for name in names if not name.startswith("."))

    def files(self, key: str) -> Iterator[StoredFile]:
        """As `Store.files`; keeps at most 100,000 names per folder level in memory.

        Entries that are not regular files, and folders that cannot be read, are listed as well; opening them fails.

        Raises:
            ConfigInvalid: the folder itself is a link, or cannot be read.
        """
        self._look(key, os.path.lexists)
        return listing.iter_files(self.root, check_key(key))

    def fetch(self, key: str) -> Path:
        path = self.path_of(key)
        if not self._look(key, Path.exists):
            raise InputMissing(f"found nothing, expected a file or a folder, at {path}")
        return path

    def fetch_fixed(self, key: str, files: Mapping[str, int | None]) -> Path:
        return self.fetch(key)

    def read_whole(self, key: str, read: Callable[[], Result], *, marker: str) -> Result:
        return atomic.read_whole(self.path_of(key), read, marker=marker)

    def fetch_files(self, keys: Sequence[str], folder: Path) -> list[ContainedFile | None]:
        """As `Store.fetch_files`; returns the original files without copying."""
        files = [ContainedFile(self.root, listing.raw_path(key)) for key in keys]
        return [file if listing.exists(file) else None for file in files]

    def publish(self, folder: Path, key: str, *, marker: str | None = None, once: bool = False) -> None:
        target = self.path_of(key)
        if not folder.is_dir():
            raise InputMissing(f"found no folder at {folder}, expected one to publish as {key}")
        if marker and not (folder / marker).is_file():
            raise InputMissing(f"found no {marker} in {folder}, expected one to publish as {key}")
        if once and marker and (target / marker).is_file():
            return
        with atomic.staged_folder(target) as stage:
            # the folder may be a day of the store, which another night may replace
            atomic.read_whole(folder, lambda: _copy_tree(folder, stage))

    def put_file(self, file: Path, key: str) -> None:
        target = self.path_of(key)
        if not file.is_file():
            raise InputMissing(f"found no file at {file}, expected one to store as {key}")
        target.parent.mkdir(parents=True, exist_ok=True)
        part = replacement.staging_path(target)
        try:
            with atomic.space_for(target):
                shutil.copyfile(file, part)
            atomic.replace_file(part, target)
        finally:
            part.unlink(missing_ok=True)

    def remove(self, key: str, *, marker: str | None = None) -> None:
        """As `Store.remove`; renames the folder first, so that the marker does not matter."""
        path = self.path_of(key)
        if self._look(key, Path.is_dir):
            replacement.remove_folder(path)

    def remove_file(self, key: str) -> None:
        path = self.path_of(key)
        if path.is_file():
            path.unlink(missing_ok=True)

    def half_done(self) -> Iterator[StoredFile]:
        return find_left_behind(self.root)

    def remove_half_done(self, key: str) -> None:
        path = self.root / key
        if not replacement.is_left_behind(path.name) or ".." in path.parts:
            raise ConfigInvalid(f"found key {key!r}, expected an entry of half_done(), in {self.root}")
        replacement.remove_left_behind(path)

    def read_bytes(self, key: str, offset: int, n_bytes: int) -> bytes:
        read = self._look(key, lambda path: _read_range(path, offset, n_bytes))
        if read is None:
            raise InputMissing(f"found nothing, expected a file, at {self.path_of(key)}")
        return read

    def read_json(self, key: str) -> Any:
        path = self.path_of(key)
        self._look(key, Path.exists)
        return schema.open_record(atomic.read_json(path), str(path))

    def write_json(self, key: str, value: Any) -> None:
        atomic.write_json(self.path_of(key), schema.stamp(value))

    def swap_json(self, key: str, value: Any, *, etag: str | None) -> None:
        with self._alone(f"{key}.swap", _MOMENT_S):
            if self.etag(key) != etag:
                raise Busy(f"found the file changed by another process, expected to be alone, at {self.where(key)}")
            self.write_json(key, value)

    def read_lines(self, key: str) -> list[str]:
        return self._look(key, lambda path: split_lines(atomic.read_small(path)) if path.is_file() else None) or []

    def append_line(self, key: str, line: str) -> None:
        with self._alone(f"{key}.swap", _MOMENT_S):
            lines = self.read_lines(key)
            if line not in lines:
                atomic.write_bytes(self.path_of(key), join_lines([*lines, line]))

    @contextmanager
    def exclusive(self, key: str, *, patience_s: float = 0.0) -> Iterator[None]:
        with self._alone(f"{key}.lock", patience_s):
            yield

    def _look(self, key: str, look: Callable[[Path], Result | None]) -> Result | None:
        """Return the result of `look` at `key`; looks again if nothing is there because a folder is being replaced."""
        path = self.path_of(key)
        for _ in range(_N_LOOKS):
            with suppress(FileNotFoundError, NotADirectoryError):
                seen = look(path)
                if seen is not None and seen is not False:
                    return seen
            missing = path
            while missing.parent not in (self.root, missing) and not missing.parent.exists():
                missing = missing.parent
            if not replacement.complete_replacement(missing):
                break
        return None

    @contextmanager
    def _alone(self, name: str, patience_s: float) -> Iterator[None]:
        with atomic.exclusive(self.root / LOCKS / check_key(name), patience_s=patience_s):
            yield


def _copy_tree(source: Path, target: Path) -> None:
    """Copy a folder of files and folders.

    Raises:
        ArtifactBroken: it contains something else, such as a link, which could point anywhere.
        StorageFull: no space left on the device.
    """
    for path in target.iterdir():  # left by a previous attempt
        replacement.discard(path)
    _copy_entries(source, target)


def _copy_entries(source: Path, target: Path) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            copy = target / entry.name
            if entry.is_dir(follow_symlinks=False):
                copy.mkdir()
                _copy_entries(Path(entry.path), copy)
            elif kind := contained.describe_kind(entry.stat(follow_symlinks=False)):
                raise ArtifactBroken(f"found {kind}, expected a file or a folder, at {entry.path}")
            else:
                with atomic.space_for(copy):
                    shutil.copy2(entry.path, copy, follow_symlinks=False)


def _read_range(path: Path, offset: int, n_bytes: int) -> bytes | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        left = os.fstat(file.fileno()).st_size - offset
        if left <= 0:  # the offset in a damaged index may be any number
            return b""
        file.seek(offset)
        return file.read(min(n_bytes, left))
