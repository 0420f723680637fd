"""Streams that unpack: counted while they do, whatever a file says of its size, and their damage named."""

import bz2
import errno
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, Protocol

from ner_tasks.documents.types import CannotRead, Exhausted, Ignored, Limits
from ner_tasks.errors import redact_error

BUFFER_BYTES = 64 * 1024
_PACKED_BYTES = 16 * 1024
_MAGICS = (
    ("gz", re.compile(rb"\x1f\x8b")),
    ("bz2", re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")),
    ("xz", re.compile(rb"\xfd7zXZ\0")),
)
_MAX_DICTIONARY_BYTES = 256 * 2**20


@dataclass
class UnpackingBudget:
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
    """One file in an archive, or what else lies there.

    Attributes:
        name: its name there.
        open: opens it; or why that is not done; or that it is bytes that belong to no file.
        is_comment: whether it is no file, but what somebody noted on the archive.
    """

    name: str
    open: Callable[[], BinaryIO] | CannotRead | Ignored
    is_comment: bool = False


class Unpacker(Protocol):
    """What unpacks one stream: that of bz2 and lzma, or `Inflater`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class Inflater:
    """zlib's unpacker, used like that of bz2 and lzma.

    Args:
        window_bits: as zlib takes them: 31 for gzip, -15 for a stream without a header.
    """

    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        """Whether the stream has come to its end."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Whether it has given all that the bytes so far hold."""
        return not self._inner.unconsumed_tail and not self._inner.eof

    @property
    def unused_data(self) -> bytes:
        """Bytes behind the end of the stream."""
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Unpack, at most so many bytes; the next call goes on."""
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))


def make_gzip_unpacker() -> Unpacker:
    """Unpacks one member of a gzip file."""
    return Inflater(16 + zlib.MAX_WBITS)


def make_bzip2_unpacker() -> Unpacker:
    """Unpacks one stream of a bzip2 file."""
    return bz2.BZ2Decompressor()


def make_xz_unpacker() -> Unpacker:
    """Unpacks one stream of an xz or lzma file; one that asks for too large a dictionary is turned away."""
    return lzma.LZMADecompressor(memlimit=_MAX_DICTIONARY_BYTES)


def detect_compression(head: bytes) -> str:
    """`gz`, `bz2` or `xz` by the first bytes of a file, `tar.` in front for a tar archive in it; "" for any other file.

    Whether there is an archive shows only where the first bytes unpack.
    """
    kind = next((kind for kind, magic in _MAGICS if magic.match(head)), "")
    if not kind:
        return ""
    try:
        inner = {"gz": make_gzip_unpacker, "bz2": make_bzip2_unpacker, "xz": make_xz_unpacker}[kind]().decompress(
            head, 512
        )
    except (zlib.error, OSError, lzma.LZMAError, ValueError):
        return kind
    return f"tar.{kind}" if inner[257:262] == b"ustar" else kind


class UnpackedStream(io.RawIOBase):
    """What a compressed stream holds.

    Args:
        source: its bytes.
        unpacker: makes what unpacks one stream.
        magics: how another stream behind the first one begins; none if there is only one.

    Attributes:
        is_followed: whether bytes that belong to no stream lie behind the last one; known when that has been read.
    """

    def __init__(self, source: IO[bytes], unpacker: Callable[[], Unpacker], magics: tuple[bytes, ...] = ()):
        self._source, self._new, self._magics = source, unpacker, magics
        self._unpacker: Unpacker | None = unpacker()
        self._ahead = b""  # read, and not given to an unpacker
        self.is_followed = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._unpacker is not None:
            if self._unpacker.eof:
                self._start_next_stream()
                continue
            packed = self._read_packed() if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not packed:
                raise EOFError("found the end of the file within the packed bytes")
            if data := self._unpacker.decompress(packed, len(buffer)):
                buffer[: len(data)] = data
                return len(data)
        return 0

    def _read_packed(self) -> bytes:
        data, self._ahead = self._ahead, b""
        return data or self._source.read(_PACKED_BYTES)

    def _start_next_stream(self) -> None:
        """Go on with the stream behind this one, if there is one behind zeros that fill up a block."""
        assert self._unpacker is not None
        self._ahead = self._unpacker.unused_data + self._ahead
        self._unpacker = None
        if not self._magics:
            return
        while not (rest := self._read_packed().lstrip(b"\0")):
            if not (more := self._read_packed()):
                return
            self._ahead = more
        while len(rest) < max(map(len, self._magics)) and (more := self._read_packed()):
            rest += more
        if rest.startswith(self._magics):
            self._ahead, self._unpacker = rest, self._new()
        else:
            self.is_followed = True


def make_comment(text: str) -> Member:
    """What somebody noted on an archive, as a text of its own."""
    return Member("comment.txt", lambda: count_unpacked(io.BytesIO(text.encode()), None), is_comment=True)


def make_opener(open_: Callable[[], IO[bytes]], budget: UnpackingBudget | None) -> Callable[[], BinaryIO]:
    """How a member is opened: its bytes counted against the budget, if any, and its damage named."""

    def opened() -> BinaryIO:
        with damage_as_broken():
            return count_unpacked(open_(), budget)

    return opened


def count_unpacked(source: IO[bytes] | io.RawIOBase, budget: UnpackingBudget | None) -> BinaryIO:
    """A stream whose bytes are counted against the budget, if any, and whose damage is named."""
    return io.BufferedReader(_CountedStream(source, budget), BUFFER_BYTES)


class _CountedStream(io.RawIOBase):
    def __init__(self, source: IO[bytes] | io.RawIOBase, budget: UnpackingBudget | None):
        self._source, self._budget = source, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer: who looks at the beginning of a file sees as much as there is, however it was packed."""
        n_bytes = 0
        while n_bytes < len(buffer):
            with damage_as_broken():
                data = self._source.read(len(buffer) - n_bytes)
            if not data:
                break
            if self._budget:
                self._budget.take_bytes(len(data))
            buffer[n_bytes : n_bytes + len(data)] = data
            n_bytes += len(data)
        return n_bytes


@contextmanager
def damage_as_broken() -> Iterator[None]:
    """Turns what the libraries raise on a damaged archive into `broken`; a disk that fails stays an OSError."""
    try:
        yield
    except (CannotRead, MemoryError):
        raise
    except Exception as error:
        # Damaged numbers send a reader to impossible places (EINVAL); gzip's own complaint has no number.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise CannotRead("broken", f"found {redact_error(error)}, expected a whole archive") from error
