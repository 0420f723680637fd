"""Files below a folder that others may write to: no link is followed, nothing but a file is opened or waited for.

A path is opened one folder at a time, each below the handle of the one before it: what is swapped for a link meanwhile is
refused. The folder itself is trusted, and may be reached through links.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

# enough to look below a folder, and possible without the right to list it
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
    """There is something else than a file; `what` says what, such as `a link`."""

    def __init__(self, what: str) -> None:
        super().__init__(f"found {what}, expected a file")
        self.what = what


@dataclass(frozen=True)
class ContainedFile:
    """A file below a folder.

    Attributes:
        root: the folder.
        name: its path below it, of plain names.
    """

    root: Path
    name: str

    @property
    def path(self) -> Path:
        return self.root / self.name

    def open(self) -> BinaryIO:
        """Open it for reading.

        Raises:
            NotAFile: it is something else, or lies behind a link.
            OSError: missing, no permission.
        """
        with open_parent(self.root, self.name) as (folder, own):
            status = os.stat(own, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):  # listed because it may not be read
                os.close(os.open(own, _LIST | os.O_NOFOLLOW, dir_fd=folder))
            _check(status)  # before it is opened, which may do something to a device
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
        """Status of what lies there, of a link itself.

        Raises:
            NotAFile: it lies behind a link.
            OSError: missing, no permission.
        """
        with open_parent(self.root, self.name) as (folder, own):
            return os.stat(own, dir_fd=folder, follow_symlinks=False)


# Where a file lies: beneath a folder, or at a path that is taken as a person gave it, links and all.
Source = Path | ContainedFile


def encode_source(source: Source) -> dict[str, str]:
    """Where a file lies, as it is written into JSON for another process; see `decode_source`."""
    return (
        {"root": str(source.root), "path": source.name} if isinstance(source, ContainedFile) else {"path": str(source)}
    )


def decode_source(place: Mapping[str, Any]) -> Source:
    """What `encode_source` has written.

    Raises:
        KeyError, TypeError: it is something else.
    """
    return ContainedFile(Path(place["root"]), str(place["path"])) if "root" in place else Path(place["path"])


@contextmanager
def open_parent(root: Path, name: str) -> Iterator[tuple[int, str]]:
    """A handle of the folder in which something lies, to look below it, and its own name there.

    Raises:
        NotAFile: it lies behind a link.
        OSError: missing, no permission.
    """
    above, _, own = name.rpartition("/")
    folder = _opened(root, above, _LOOK)
    try:
        yield folder, own
    finally:
        os.close(folder)


def open_folder(root: Path, name: str, *, is_listed: bool = True) -> int:
    """A handle of a folder, to list it or to look below it.

    Raises:
        NotAFile: it is a link, or lies behind one.
        OSError: missing, no folder, no permission.
    """
    return _opened(root, name, _LIST if is_listed else _LOOK)


def list_names(root: Path) -> Iterator[str]:
    """Path below a folder of each thing that is no folder, and of each folder that may not be listed; in no order.

    Raises:
        OSError: the folder itself may not be listed.
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
    """What has this status, in words; "" for a file."""
    return "" if stat.S_ISREG(status.st_mode) else _KINDS.get(stat.S_IFMT(status.st_mode), "something else")


def _opened(root: Path, name: str, flags: int) -> int:
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
