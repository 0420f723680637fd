"""Archives (zip, tar, gz): each file in them as a stream, never written to disk, counted while it unpacks.

What an archive says of itself is never believed: its files are counted, and their bytes are as they come out.
"""

import errno
import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, Self, cast

from ner_tasks.documents.types import CannotRead, Exhausted, Limits, free_name
from ner_tasks.errors import without_words

_MAX_NAME = 1_000
_BUFFER_BYTES = 64 * 1024
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass
class Budget:
    """What one file of the inbox may still unpack, shared by all archives and mails in it."""

    limits: Limits
    n_bytes: int = field(default=0, init=False)
    n_members: int = field(default=0, init=False)

    def take_bytes(self, n_bytes: int) -> None:
        """Count what was unpacked.

        Raises:
            Exhausted: `bomb` if it was too much.
        """
        self.n_bytes += n_bytes
        if self.n_bytes > self.limits.max_unpacked_bytes:
            raise Exhausted(
                "bomb", f"found more than {self.limits.max_unpacked_bytes} bytes unpacked, expected at most that many"
            )

    def take_member(self) -> None:
        """Count one more file.

        Raises:
            Exhausted: `too-many` if it was one too many.
        """
        self.n_members += 1
        if self.n_members > self.limits.max_members:
            raise Exhausted(
                "too-many", f"found more than {self.limits.max_members} files in it, expected at most that many"
            )


@dataclass(frozen=True)
class Member:
    """One file in an archive: its name there, and how to open it or why that is not done."""

    name: str
    open: Callable[[], BinaryIO] | CannotRead


def members(kind: str, called: str, file: BinaryIO, budget: Budget) -> Iterator[Member]:
    """The files of an archive in the order in which they lie there; folders are none.

    Args:
        kind: `zip`, `tar`, `tar.gz` or `gz`.
        called: the archive's file name, after which the one file of a `gz` is called.
        file: its bytes; a zip's can seek.
        budget: counts files and bytes.

    Returns:
        One by one; the next member of a tar closes the one before.

    Raises:
        CannotRead: `broken`, before or between its members; `bomb` or `too-many`.
    """
    if kind == "zip":
        found = _of_zip(file, budget)
    elif kind == "tar.gz":
        found = _of_tar(_measured(cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb")), budget), budget)
    elif kind == "gz":
        found = _of_gzip(called[: -len(".gz")] if called.lower().endswith(".gz") else called, file, budget)
    else:
        found = _of_tar(_measured(file, budget), budget)
    seen: set[str] = set()
    for number, member in enumerate(found, start=1):
        # A document's name tells by its "#" which file lies in which.
        name = member.name.replace("#", "%23")
        if len(name) > _MAX_NAME or not name:
            wrong = CannotRead("bad-name", f"found a name of {len(name)} characters, expected 1 to {_MAX_NAME}")
            yield Member(free_name(f"member-{number}", seen), wrong)
        elif name in seen:
            again = CannotRead("duplicate-id", f"found {name[:80]!r} again, expected each name once in an archive")
            yield Member(free_name(f"member-{number}", seen), again)
        else:
            seen.add(name)
            yield Member(name, member.open)


def check_parts(data: bytes, limits: Limits) -> list[str]:
    """Unpack a packed document (xlsx) once, bytes thrown away, so that a parser which trusts it can be let at it.

    Returns:
        Names of its parts.

    Raises:
        CannotRead: `too-large`; `broken` if a part is damaged or longer than it says.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        n_bytes = 0
        for entry in entries:
            n_bytes += _n_unpacked(archive, entry, limits.max_unpacked_bytes - n_bytes)
    return [entry.filename for entry in entries]


def _n_unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> int:
    # Read as long as it goes on, not as long as it says.
    unlimited, n_bytes = copy(entry), 0
    unlimited.file_size = most + 2 * _BUFFER_BYTES
    with archive.open(unlimited) as part:
        while data := part.read(_BUFFER_BYTES):
            n_bytes += len(data)
            if n_bytes > most:
                raise CannotRead("too-large", "found more bytes unpacked than max_unpacked_bytes, expected fewer")
    if n_bytes != entry.file_size:
        raise CannotRead("broken", f"found a part of {n_bytes} bytes, expected {entry.file_size} as it says of itself")
    return n_bytes


def _of_zip(file: BinaryIO, budget: Budget) -> Iterator[Member]:
    with _damage():
        archive = zipfile.ZipFile(file)
    n_bytes = sum(entry.file_size for entry in archive.infolist())
    if n_bytes > budget.limits.max_unpacked_bytes:
        found = f"found {n_bytes} bytes unpacked, expected at most {budget.limits.max_unpacked_bytes}"
        raise Exhausted("bomb", found)
    for entry in archive.infolist():
        budget.take_member()
        if not entry.is_dir():
            yield Member(entry.filename, _wrong_in_zip(entry) or _opener(archive.open, entry, budget))


def _wrong_in_zip(entry: zipfile.ZipInfo) -> CannotRead | None:
    if entry.flag_bits & _ENCRYPTED:
        return CannotRead("encrypted", "found a file that asks for a password, expected one that opens")
    mode = stat.S_IFMT(entry.external_attr >> 16)
    if mode not in (0, stat.S_IFREG):
        return CannotRead("not-a-file", "found a link or device, expected a file")
    if entry.compress_type not in _METHODS:
        return CannotRead("unknown-format", f"found packing method {entry.compress_type}, expected stored or deflated")
    return None


def _of_tar(file: BinaryIO, budget: Budget) -> Iterator[Member]:
    with _damage():
        archive = tarfile.TarFile.open(fileobj=file, mode="r|", errors="replace", tarinfo=_Entry)
    while True:
        with _damage():
            entry = archive.next()
        if entry is None:
            return
        budget.take_member()
        # The next entry is looked for behind this one, at an end that may never come.
        if not 0 <= entry.size <= budget.limits.max_unpacked_bytes:
            found = f"found an entry of {entry.size} bytes"
            raise Exhausted("bomb", f"{found}, expected 0 to {budget.limits.max_unpacked_bytes}")
        if entry.isdir():
            continue
        if not entry.isreg() or entry.issparse():
            what = CannotRead("not-a-file", "found a link, device or file with holes, expected a file")
            yield Member(entry.name, what)
        else:
            # Its bytes were counted when the archive around it was read.
            yield Member(entry.name, _opener(archive.extractfile, entry, None))


class _Entry(tarfile.TarInfo):
    """Takes only the blocks that mark it for the end of an archive, where tarfile takes any damage for it."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error} at byte {archive.offset}") from error


def _of_gzip(name: str, file: BinaryIO, budget: Budget) -> Iterator[Member]:
    budget.take_member()
    yield Member(name, _opener(lambda packed: gzip.GzipFile(fileobj=packed, mode="rb"), file, budget))


def _opener(open_: Callable[[Any], Any], what: Any, budget: Budget | None) -> Callable[[], BinaryIO]:
    def opened() -> BinaryIO:
        with _damage():
            return _measured(open_(what), budget)

    return opened


def _measured(source: IO[bytes], budget: Budget | None) -> BinaryIO:
    return io.BufferedReader(_Measured(source, budget), _BUFFER_BYTES)


class _Measured(io.RawIOBase):
    """A stream that counts its bytes, and says of damage what it is."""

    def __init__(self, source: IO[bytes], budget: Budget | None):
        self._source, self._budget = source, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _damage():
            data = self._source.read(len(buffer))
        if self._budget:
            self._budget.take_bytes(len(data))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _damage() -> Iterator[None]:
    """Turns what the libraries raise on a damaged archive into `broken`; a disk that fails stays an OSError."""
    try:
        yield
    except (CannotRead, MemoryError):
        raise
    except Exception as error:
        # Damaged numbers send a reader to impossible places (EINVAL); gzip's own complaint has no number.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise CannotRead("broken", f"found {without_words(error)}, expected a whole archive") from error
