"""Lists a folder of the store as a stream: regular files, and any other entries, so that none is lost silently."""

import heapq
import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import IO

from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic, contained
from ner_tasks.files.contained import ContainedFile, NotAFile
from ner_tasks.store import StoredFile

_NAMES_HELD = 100_000  # names of one folder in memory at a time


def iter_files(root: Path, key: str) -> Iterator[StoredFile]:
    """Iterate over the files below a folder in the order of their names.

    Entries that are not regular files, and folders that cannot be read, are listed as well; opening them fails.

    Args:
        root: folder of the store.
        key: the folder to list.

    Raises:
        ConfigInvalid: the folder itself is a link, or cannot be read.
    """
    waiting = [_entries(root, key, "")]
    with closing(_LastFolder(root)) as last:
        while waiting:
            name = next(waiting[-1], None)
            if name is None:
                waiting.pop()
            elif name.endswith("/"):
                waiting.append(_entries(root, key, name))
            elif stored := _stat_file(f"{key}/{name}", name, last):
                yield stored


def file_etag(status: os.stat_result) -> str:
    """Return an ETag made of a file's modification time, size and inode."""
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"


class _LastFolder:
    """Keeps the handle of the last folder open, because its files are listed one after the other."""

    def __init__(self, root: Path) -> None:
        self._root, self._name, self._handle = root, "", -1

    def open(self, name: str) -> int:
        """Return a handle of the folder."""
        if self._handle < 0 or name != self._name:
            self.close()
            self._name, self._handle = name, contained.open_folder(self._root, name, is_listed=False)
        return self._handle

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _stat_file(key: str, name: str, last: _LastFolder) -> StoredFile | None:
    above, _, own = raw_path(key).rpartition("/")
    try:
        status = os.stat(own, dir_fd=last.open(above), follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError, NotAFile):
        return None  # removed or replaced since the folder was listed
    except OSError:
        return StoredFile(key, name, 0, "")
    n_bytes = 0 if contained.describe_kind(status) else status.st_size
    return StoredFile(key, name, n_bytes, file_etag(status), status.st_mtime)


def exists(file: ContainedFile) -> bool:
    """Return whether a file exists; also True for an entry that cannot be opened."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, NotAFile):
        return True  # opening it raises the error
    return True


def _entries(root: Path, key: str, below: str) -> Iterator[str]:
    """List the names in one folder as sorted keys relative to `key`; names of folders end in '/'."""
    names = _scan(root, key, below)
    first = sorted(islice(names, _NAMES_HELD))
    others = []
    while run := sorted(islice(names, _NAMES_HELD)):
        others.append(_spill(run))
    return heapq.merge(first, *others)


def _scan(root: Path, key: str, below: str) -> Iterator[str]:
    home = f"{key}/{below}".rstrip("/")
    try:
        folder = contained.open_folder(root, raw_path(home))
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, NotAFile) as error:
        if not below:
            reason = error if isinstance(error, NotAFile) else f"found {error.strerror}"
            raise ConfigInvalid(f"{reason}, expected a readable folder, at {root / home}") from None
        if not isinstance(error, NotAFile):
            yield below.rstrip("/")  # not readable: list the folder itself
        return
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield f"{below}{_encode_name(entry.name)}{'/' if entry.is_dir(follow_symlinks=False) else ''}"
    finally:
        os.close(folder)


def _spill(names: Sequence[str]) -> Iterator[str]:
    """Write sorted names to a temporary file and iterate over them from there."""
    with atomic.space_for(Path(tempfile.gettempdir(), "the names of a folder")):
        file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - its reader closes it
        # as JSON, because a name may contain a line feed
        file.writelines(json.dumps(name) + "\n" for name in names)
        file.seek(0)
    return _read_again(file)


def _read_again(file: IO[str]) -> Iterator[str]:
    with file:
        yield from map(json.loads, file)


def _encode_name(name: str) -> str:
    r"""Encode a file's name as valid text: a byte that is not UTF-8 becomes `\x` and two digits.

    `raw_path` decodes it; therefore a `\x` in the name itself becomes `\x5cx`.
    """
    return os.fsencode(name.replace("\\x", "\\x5cx")).decode("utf-8", "backslashreplace")


def raw_path(key: str) -> str:
    """Convert a listed key to its path relative to the store, restoring bytes that are not UTF-8.

    Raises:
        ConfigInvalid: the key could leave the store or contains a hidden name, so it was not listed.
    """
    raw = re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), key.encode())
    if b"\0" in raw or any(not part or part.startswith(b".") for part in raw.split(b"/")):
        raise ConfigInvalid(f"found key {key!r}, expected a listed one")
    return os.fsdecode(raw)
