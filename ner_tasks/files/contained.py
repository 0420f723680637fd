"""Open files below a folder that others may write to: follows no links, opens only regular files, never blocks.

A path is opened one folder at a time, relative to the handle of its parent, so that a folder replaced by a link in the
meantime is refused. The root folder itself is trusted and may be reached through links.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

# Enough to open something below a folder; does not require permission to list it.
_LOOK = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotAFile(Exception):
    """Something other than a regular file was found; `what` describes it, such as `a link`."""

    def __init__(self, what: str) -> None:
        super().__init__(f"found {what}, expected a file")
        self.what = what


@dataclass(frozen=True)
class ContainedFile:
    """A file below a folder.

    Attributes:
        root: path of the folder.
        name: path of the file below it, without `..` and empty names.
    """

    root: Path
    name: str

    @property
    def path(self) -> Path:
        return self.root / self.name

    def open(self) -> BinaryIO:
        """Open the file for reading.

        Raises:
            NotAFile: it is not a regular file, or its path contains a link.
            OSError: it does not exist, or permission is denied.
        """
        with open_parent(self.root, self.name) as (folder, own):
            status = os.stat(own, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):  # `list_names` yields folders without read permission
                os.close(os.open(own, _LIST | os.O_NOFOLLOW, dir_fd=folder))
            _check(status)  # first, since opening a device may have side effects
            try:
                file = os.open(own, _READ, dir_fd=folder)
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise NotAFile(_KINDS[stat.S_IFLNK]) from None
                raise
        try:
            _check(os.fstat(file))
        except BaseException:
            os.close(file)
            raise
        return os.fdopen(file, "rb")

    def stat(self) -> os.stat_result:
        """Return the status of the file; of a link, that of the link itself.

        Raises:
            NotAFile: a folder of its path is a link.
            OSError: it does not exist, or permission is denied.
        """
        with open_parent(self.root, self.name) as (folder, own):
            return os.stat(own, dir_fd=folder, follow_symlinks=False)


# Location of a file: below a root folder, or a trusted path, in which links are followed.
Source = Path | ContainedFile


def encode_source(source: Source) -> dict[str, str]:
    """Return the location of a file as JSON values for another process; see `decode_source`."""
    return (
        {"root": str(source.root), "path": source.name} if isinstance(source, ContainedFile) else {"path": str(source)}
    )


def decode_source(place: Mapping[str, Any]) -> Source:
    """Return the location that `encode_source` wrote.

    Raises:
        KeyError, TypeError: the values are not such a location.
    """
    return ContainedFile(Path(place["root"]), str(place["path"])) if "root" in place else Path(place["path"])


@contextmanager
def open_parent(root: Path, name: str) -> Iterator[tuple[int, str]]:
    """Open the parent folder of a path; yields its handle and the last name of the path.

    Raises:
        NotAFile: the path of the folder contains a link.
        OSError: it does not exist, or permission is denied.
    """
    above, _, own = name.rpartition("/")
    folder = _open_below(root, above, _LOOK)
    try:
        yield folder, own
    finally:
        os.close(folder)


def open_folder(root: Path, name: str, *, is_listed: bool = True) -> int:
    """Open a folder, to list it or to open something below it; returns its handle.

    Raises:
        NotAFile: its path contains a link.
        OSError: it does not exist or is not a folder, or permission is denied.
    """
    return _open_below(root, name, _LIST if is_listed else _LOOK)


def list_names(root: Path) -> Iterator[str]:
    """Yield the paths below a folder of everything but folders, and of folders that cannot be listed; in no order.

    Raises:
        OSError: the root folder cannot be listed.
    """
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(root / below) as entries:
                for entry in entries:
                    name = f"{below}/{entry.name}" if below else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(name)
                    else:
                        yield name
        except OSError:
            if not below:
                raise
            yield below


def describe_kind(status: os.stat_result) -> str:
    """Describe what has this status, such as `a link`; "" for a regular file."""
    return "" if stat.S_ISREG(status.st_mode) else _KINDS.get(stat.S_IFMT(status.st_mode), "something else")


def _open_below(root: Path, name: str, flags: int) -> int:
    parts = name.split("/") if name else []
    if not {"", ".", ".."}.isdisjoint(parts):
        raise NotAFile("a path that leads elsewhere")
    folder = os.open(root, _LOOK if parts else flags)
    for index, part in enumerate(parts):
        try:
            inner = os.open(part, (flags if index == len(parts) - 1 else _LOOK) | os.O_NOFOLLOW, dir_fd=folder)
        except NotADirectoryError:
            if stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
                raise NotAFile(_KINDS[stat.S_IFLNK]) from None
            raise
        finally:
            os.close(folder)
        folder = inner
    return folder


def _check(status: os.stat_result) -> None:
    if what := describe_kind(status):
        raise NotAFile(what)
