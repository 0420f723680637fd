"""Files in files: zip, tar and gzip, each member handed on as a stream; nothing is ever written to disk.

What unpacks to more than an archive of its size honestly can is a bomb, and is put down before it is whole.
"""

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from ner_tasks.documents.extract import CannotRead, Limits

SUFFIXES = (".zip", ".tar", ".tgz", ".gz")
# Text packs to a tenth, seldom to a hundredth; the named bombs to a thousandth and less.
_HONEST_RATIO = 100
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, NotImplementedError, ValueError)

# A member's name in the archive, and its content or why there is none.
Member = tuple[str, "BinaryIO | CannotRead"]


class Budget:
    """What one file of the inbox may unpack to, archives in archives included."""

    def __init__(self, n_packed_bytes: int, limits: Limits):
        self.n_bytes = max(limits.max_unpacked_bytes, _HONEST_RATIO * n_packed_bytes)
        self.n_members = limits.max_members
        self.depth = limits.max_depth

    def deeper(self) -> None:
        """Open a file in a file.

        Raises:
            CannotRead: `bomb`, if there are too many within each other.
        """
        if self.depth == 0:
            raise CannotRead("bomb", "found archives within archives, too deep, expected fewer")
        self.depth -= 1

    def take(self, n_bytes: int) -> None:
        """Note that so much more was unpacked.

        Raises:
            CannotRead: `bomb`, if it was too much.
        """
        self.n_bytes -= n_bytes
        if self.n_bytes < 0:
            raise CannotRead("bomb", "found more bytes unpacked than an archive of its size can hold, expected text")

    def take_member(self) -> None:
        self.n_members -= 1
        if self.n_members < 0:
            raise CannotRead("bomb", "found too many members, expected fewer")


class _Counted(io.RawIOBase):
    """A member's content, counted against the budget as it is unpacked."""

    def __init__(self, stream: Any, budget: Budget):
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            part = self._stream.read(len(buffer))
        except _BROKEN as error:
            raise broken(error) from error
        self._budget.take(len(part))
        buffer[: len(part)] = part
        return len(part)


def broken(error: BaseException) -> CannotRead:
    return CannotRead("broken", f"found {type(error).__name__}: {str(error)[:200]}, expected a whole archive")


def members(file: BinaryIO, name: str, budget: Budget) -> Iterator[Member]:
    """Members of an archive in their order, each to be read before the next is asked for.

    Args:
        file: the archive, open at its beginning.
        name: how it is called; its suffix says what it is.
        budget: what may be unpacked.

    Raises:
        CannotRead: `broken` where the archive breaks off, `bomb`.
    """
    path = PurePosixPath(name.lower())
    try:
        if path.suffix == ".zip":
            found = _zip(file, budget)
        elif path.suffix in (".tar", ".tgz") or path.suffixes[-2:] == [".tar", ".gz"]:
            found = _tar(file, budget)
        else:
            found = _gzip(file, PurePosixPath(name).stem, budget)
        for member in found:
            budget.take_member()
            yield member
    except _BROKEN as error:
        raise broken(error) from error


def _zip(file: BinaryIO, budget: Budget) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            if entry.flag_bits & _ENCRYPTED:
                yield entry.filename, CannotRead("encrypted", "found a member with a password, expected none")
                continue
            try:
                stream = archive.open(entry)
            except _BROKEN as error:
                yield entry.filename, broken(error)
                continue
            with stream:
                yield entry.filename, _counted(stream, budget)


def _tar(file: BinaryIO, budget: Budget) -> Iterator[Member]:
    # Counted before it is looked into: a bomb may be all header.
    with tarfile.open(fileobj=_unpacked(file, budget), mode="r|", errorlevel=2) as archive:
        for entry in archive:
            if entry.isdir():
                continue
            stream = archive.extractfile(entry) if entry.isreg() else None
            if stream is None:
                yield entry.name, CannotRead("not-a-file", "found a link or a device, expected a file")
            else:
                yield entry.name, cast("BinaryIO", stream)


def _unpacked(file: BinaryIO, budget: Budget) -> BinaryIO:
    is_gzip = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return _counted(gzip.GzipFile(fileobj=file) if is_gzip else file, budget)


def _gzip(file: BinaryIO, name: str, budget: Budget) -> Iterator[Member]:
    with gzip.GzipFile(fileobj=file) as stream:
        yield name, _counted(stream, budget)


def _counted(stream: Any, budget: Budget) -> BinaryIO:
    return io.BufferedReader(_Counted(stream, budget), buffer_size=2**16)
