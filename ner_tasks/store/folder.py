"""The store in a folder, which several machines may share.

Names that begin with a dot are half-done work or not ours (`.part`, `.DS_Store`): never listed. A folder is replaced in
one step where the file system can; what is done elsewhere, as on NFS, and what is left there, says `replacement`.
"""

import heapq
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any

from ner_tasks import atomic, replacement
from ner_tasks.errors import Busy, ConfigInvalid, InputMissing
from ner_tasks.store import Result, StoredFile, checked, lines_of
from ner_tasks.store.half_done import left_behind

LOCKS = ".locks"
_NAMES_HELD = 100_000  # of one folder, at a time
_N_LOOKS = 10  # at what is just being replaced
_MOMENT_S = 10.0  # many times what writing one small file takes


class FolderStore:
    """See `Store`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def where(self, key: str = "") -> str:
        return str(self.path_of(key) if key else self.root)

    def path_of(self, key: str) -> Path:
        """Local path of what lies, or would lie, under `key`; to be read, never written to."""
        return self.root / checked(key)

    def exists(self, key: str) -> bool:
        return bool(self._look(key, Path.exists))

    def etag(self, key: str) -> str | None:
        return self._look(key, lambda path: _etag(path.stat()) if path.is_file() else None)

    def folders(self, key: str) -> list[str]:
        path = self.path_of(key)
        if not self._look(key, Path.is_dir):
            return []
        return sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))

    def files(self, key: str) -> Iterator[StoredFile]:
        """As `Store.files`; holds 100,000 names of a folder and of those above it. Links to folders are not followed."""
        key, top = checked(key), self.path_of(key)
        waiting = [_entries(top, "")]
        while waiting:
            name = next(waiting[-1], None)
            if name is None:
                waiting.pop()
            elif name.endswith("/"):
                waiting.append(_entries(top, name))
            else:
                with suppress(FileNotFoundError):  # removed since its folder was read
                    status = _located(top, name).stat()
                    yield StoredFile(f"{key}/{name}", name, status.st_size, _etag(status), status.st_mtime)

    def fetch(self, key: str) -> Path:
        path = self.path_of(key)
        if not self._look(key, Path.exists):
            raise InputMissing(f"found nothing, expected a file or a folder, at {path}")
        return path

    def read_whole(self, key: str, read: Callable[[], Result], *, marker: str) -> Result:
        return atomic.read_whole(self.path_of(key), read)

    def fetch_files(self, keys: Sequence[str], folder: Path) -> list[Path | None]:
        """As `Store.fetch_files`; the files where they lie. A path that is no text gets a link that is."""
        paths = [_located(self.root, key) for key in keys]
        folder.mkdir(parents=True, exist_ok=True)
        return [_as_text(path, folder / f"{n:06d}") if path.is_file() else None for n, path in enumerate(paths)]

    def publish(self, folder: Path, key: str, *, marker: str | None = None) -> None:
        target = self.path_of(key)
        if not folder.is_dir():
            raise InputMissing(f"found no folder at {folder}, expected one to publish as {key}")
        if marker and not (folder / marker).is_file():
            raise InputMissing(f"found no {marker} in {folder}, expected one to publish as {key}")
        with atomic.staged_folder(target) as stage:
            # it may be a day of the store, which another night replaces
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
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def remove(self, key: str, *, marker: str | None = None) -> None:
        """As `Store.remove`; out of sight in one step, so that the marker needs no care."""
        path = self.path_of(key)
        if self._look(key, Path.is_dir):
            replacement.remove(path)

    def half_done(self) -> Iterator[StoredFile]:
        return left_behind(self.root)

    def remove_half_done(self, key: str) -> None:
        path = self.root / key
        if not replacement.is_left_behind(path.name) or ".." in path.parts:
            raise ConfigInvalid(f"found key {key!r}, expected one of half-done work, in {self.root}")
        replacement.remove_left_behind(path)

    def read_bytes(self, key: str, offset: int, n_bytes: int) -> bytes:
        read = self._look(key, lambda path: _bytes_of(path, offset, n_bytes))
        if read is None:
            raise InputMissing(f"found nothing, expected a file, at {self.path_of(key)}")
        return read

    def read_json(self, key: str) -> Any:
        path = self.path_of(key)
        self._look(key, Path.exists)
        return atomic.read_json(path)

    def write_json(self, key: str, value: Any) -> None:
        atomic.write_json(self.path_of(key), value)

    def swap_json(self, key: str, value: Any, *, etag: str | None) -> None:
        with self._alone(f"{key}.swap", _MOMENT_S):
            if self.etag(key) != etag:
                raise Busy(f"found that another process has written it, expected to be alone, at {self.where(key)}")
            self.write_json(key, value)

    def read_lines(self, key: str) -> list[str]:
        path = self.path_of(key)
        return lines_of(path.read_text(encoding="utf-8")) if path.is_file() else []

    def append_line(self, key: str, line: str) -> None:
        with self._alone(f"{key}.swap", _MOMENT_S):
            lines = self.read_lines(key)
            if line not in lines:
                atomic.write_text(self.path_of(key), "".join(f"{each}\n" for each in [*lines, line]))

    @contextmanager
    def exclusive(self, key: str, *, patience_s: float = 0.0) -> Iterator[None]:
        with self._alone(f"{key}.lock", patience_s):
            yield

    def _look(self, key: str, look: Callable[[Path], Result | None]) -> Result | None:
        """What `look` sees at `key`; once more if it is nothing, and the folder was just being replaced."""
        path = self.path_of(key)
        for _ in range(_N_LOOKS):
            with suppress(FileNotFoundError, NotADirectoryError):
                seen = look(path)
                if seen is not None and seen is not False:
                    return seen
            missing = path
            while missing.parent not in (self.root, missing) and not missing.parent.exists():
                missing = missing.parent
            if not replacement.complete(missing):
                break
        return None

    @contextmanager
    def _alone(self, name: str, patience_s: float) -> Iterator[None]:
        with atomic.exclusive(self.root / LOCKS / checked(name), patience_s=patience_s):
            yield


def _copy(source: str, target: str) -> None:
    """As `shutil.copy2`; for `copytree`, which would go on behind a full disk and in the end not say that it was full."""
    with atomic.space_for(Path(target)):
        shutil.copy2(source, target)


def _copy_tree(source: Path, target: Path) -> None:
    for path in target.iterdir():  # of a try before this one
        replacement.discard(path)
    shutil.copytree(source, target, dirs_exist_ok=True, copy_function=_copy)


def _bytes_of(path: Path, offset: int, n_bytes: int) -> bytes | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(n_bytes)


def _etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"


def _entries(top: Path, below: str) -> Iterator[str]:
    """Names in one folder, as keys below `top` and in their order; those of folders end in '/'."""
    names = _unsorted(top, below)
    first = sorted(islice(names, _NAMES_HELD))
    others = []
    while run := sorted(islice(names, _NAMES_HELD)):
        others.append(_on_disk(run))
    return heapq.merge(first, *others)


def _unsorted(top: Path, below: str) -> Iterator[str]:
    home = _located(top, below.rstrip("/")) if below else top
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(home) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield f"{below}{_shown(entry.name)}/"
            elif entry.is_file():
                yield f"{below}{_shown(entry.name)}"


def _on_disk(names: Sequence[str]) -> Iterator[str]:
    """The same names, to be read again one at a time, from a file that vanishes with its reader."""
    with atomic.space_for(Path(tempfile.gettempdir(), "the names of a folder")):
        file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - its reader closes it
        # as JSON, for a name may hold a line feed
        file.writelines(json.dumps(name) + "\n" for name in names)
        file.seek(0)
    return _read_again(file)


def _read_again(file: IO[str]) -> Iterator[str]:
    with file:
        yield from map(json.loads, file)


def _shown(name: str) -> str:
    r"""A file's name as text that can be written anywhere: a byte that is no UTF-8 as `\x` and two digits.

    `_located` undoes it, for which a `\x` in the name itself is written `\x5cx`.
    """
    return os.fsencode(name.replace("\\x", "\\x5cx")).decode("utf-8", "backslashreplace")


def _as_text(path: Path, link: Path) -> Path:
    """`path`, or a link to it if it cannot be written into a JSON file."""
    if os.fsencode(path) == str(path).encode("utf-8", "replace"):
        return path
    link.unlink(missing_ok=True)
    link.symlink_to(path.absolute())
    return link


def _located(top: Path, key: str) -> Path:
    """Path of a listed key below `top`, whatever its names are made of.

    Raises:
        ConfigInvalid: it was not listed here: it could lead out of `top`, or to a hidden name.
    """
    raw = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), key.encode())
    if b"\0" in raw or any(not part or part.startswith(b".") for part in raw.split(b"/")):
        raise ConfigInvalid(f"found key {key!r}, expected one that was listed, in {top}")
    return top / os.fsdecode(raw)
