"""What lies below a folder of the store, one name at a time: files, and whatever else is there, so that none gets lost."""

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

_NAMES_HELD = 100_000  # of one folder, at a time


def files_below(root: Path, key: str) -> Iterator[StoredFile]:
    """Each file below a folder, in the order of their names; what is no file, and a folder that may not be read, is listed, too.

    Raises:
        ConfigInvalid: the folder itself is a link, or may not be read.
    """
    waiting = [_entries(root, key, "")]
    with closing(_LastFolder(root)) as last:
        while waiting:
            name = next(waiting[-1], None)
            if name is None:
                waiting.pop()
            elif name.endswith("/"):
                waiting.append(_entries(root, key, name))
            elif stored := _stored(f"{key}/{name}", name, last):
                yield stored


def file_etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"


class _LastFolder:
    """A handle of the folder that was looked into last, since its files come one after the other."""

    def __init__(self, root: Path) -> None:
        self._root, self._name, self._handle = root, "", -1

    def of(self, name: str) -> int:
        if self._handle < 0 or name != self._name:
            self.close()
            self._name, self._handle = name, contained.open_folder(self._root, name, is_listed=False)
        return self._handle

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _stored(key: str, name: str, last: _LastFolder) -> StoredFile | None:
    above, _, own = raw_path(key).rpartition("/")
    try:
        status = os.stat(own, dir_fd=last.of(above), follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError, NotAFile):
        return None  # removed or replaced since its folder was read
    except OSError:
        return StoredFile(key, name, 0, "")
    n_bytes = 0 if contained.describe_kind(status) else status.st_size
    return StoredFile(key, name, n_bytes, file_etag(status), status.st_mtime)


def is_there(file: ContainedFile) -> bool:
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, NotAFile):
        return True  # whoever opens it says what is wrong
    return True


def _entries(root: Path, key: str, below: str) -> Iterator[str]:
    """Names in one folder, as keys below `key` and in their order; those of folders end in '/'."""
    names = _unsorted(root, key, below)
    first = sorted(islice(names, _NAMES_HELD))
    others = []
    while run := sorted(islice(names, _NAMES_HELD)):
        others.append(_on_disk(run))
    return heapq.merge(first, *others)


def _unsorted(root: Path, key: str, below: str) -> Iterator[str]:
    home = f"{key}/{below}".rstrip("/")
    try:
        folder = contained.open_folder(root, raw_path(home))
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, NotAFile) as error:
        if not below:
            found = error if isinstance(error, NotAFile) else f"found {error.strerror}"
            raise ConfigInvalid(f"{found}, expected a folder that may be read, at {root / home}") from None
        if not isinstance(error, NotAFile):
            yield below.rstrip("/")  # another user's: listed itself
        return
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield f"{below}{_shown(entry.name)}{'/' if entry.is_dir(follow_symlinks=False) else ''}"
    finally:
        os.close(folder)


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


def raw_path(key: str) -> str:
    """Path below the store of a listed key, whatever its names are made of.

    Raises:
        ConfigInvalid: it was not listed here: it could lead out of the store, or to a hidden name.
    """
    raw = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), key.encode())
    if b"\0" in raw or any(not part or part.startswith(b".") for part in raw.split(b"/")):
        raise ConfigInvalid(f"found key {key!r}, expected one that was listed")
    return os.fsdecode(raw)
