"""Decompress streams: count the unpacked bytes against a budget, and report damage as `broken`."""

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
    """Counts the unpacked bytes and files of one inbox file, over all archives and mails nested in it."""

    limits: Limits
    n_bytes: int = field(default=0, init=False)
    n_members: int = field(default=0, init=False)

    def take_bytes(self, n_bytes: int) -> None:
        """Count unpacked bytes.

        Raises:
            Exhausted: `bomb` if the limit is exceeded.
        """
        self.n_bytes += n_bytes
        if self.n_bytes > self.limits.max_unpacked_bytes:
            raise Exhausted(
                "bomb", f"found more than {self.limits.max_unpacked_bytes} bytes unpacked, expected at most that many"
            )

    def take_member(self) -> None:
        """Count one more file.

        Raises:
            Exhausted: `too-many` if the limit is exceeded.
        """
        self.n_members += 1
        if self.n_members > self.limits.max_members:
            raise Exhausted(
                "too-many", f"found more than {self.limits.max_members} files in it, expected at most that many"
            )


@dataclass(frozen=True)
class Member:
    """One file in an archive, or another part of it.

    Attributes:
        name: its name in the archive.
        open: function that opens it, or why it cannot be read, or `Ignored` for bytes outside of any file.
        is_comment: whether it is the comment of the archive rather than a file.
    """

    name: str
    open: Callable[[], BinaryIO] | CannotRead | Ignored
    is_comment: bool = False


class Unpacker(Protocol):
    """Decompressor of one stream: one of bz2 or lzma, or `Inflater`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class Inflater:
    """zlib's decompressor with the interface of those of bz2 and lzma.

    Args:
        window_bits: zlib's `wbits`: 31 for gzip, -15 for a stream without a header.
    """

    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was reached."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Whether it has returned all that the input so far unpacks to."""
        return not self._inner.unconsumed_tail and not self._inner.eof

    @property
    def unused_data(self) -> bytes:
        """Input behind the end of the stream."""
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Unpack at most `max_length` bytes; the next call continues."""
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))


def make_gzip_unpacker() -> Unpacker:
    """Return a decompressor for one member of a gzip file."""
    return Inflater(16 + zlib.MAX_WBITS)


def make_bzip2_unpacker() -> Unpacker:
    """Return a decompressor for one stream of a bzip2 file."""
    return bz2.BZ2Decompressor()


def make_xz_unpacker() -> Unpacker:
    """Return a decompressor for one stream of an xz or lzma file, with a bound on the size of its dictionary."""
    return lzma.LZMADecompressor(memlimit=_MAX_DICTIONARY_BYTES)


def detect_compression(head: bytes) -> str:
    """Detect the compression of a file by its first bytes.

    Returns:
        `gz`, `bz2` or `xz`, with the prefix `tar.` if the first bytes unpack to a tar archive; "" for any other file.
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
    """Content of a compressed file of one or more streams.

    Args:
        source: the compressed bytes.
        unpacker: factory of a decompressor for one stream.
        magics: magic bytes of a further stream; empty if there is only one.

    Attributes:
        is_followed: whether other bytes follow the last stream; known once it has been read.
    """

    def __init__(self, source: IO[bytes], unpacker: Callable[[], Unpacker], magics: tuple[bytes, ...] = ()):
        self._source, self._new, self._magics = source, unpacker, magics
        self._unpacker: Unpacker | None = unpacker()
        self._ahead = b""  # read, but not yet passed to a decompressor
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
                raise EOFError("found the end of the file within a compressed stream")
            if data := self._unpacker.decompress(packed, len(buffer)):
                buffer[: len(data)] = data
                return len(data)
        return 0

    def _read_packed(self) -> bytes:
        data, self._ahead = self._ahead, b""
        return data or self._source.read(_PACKED_BYTES)

    def _start_next_stream(self) -> None:
        """Continue with the next stream, if there is one after zero padding."""
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
    """Return the comment of an archive as a text file."""
    return Member("comment.txt", lambda: count_unpacked(io.BytesIO(text.encode()), None), is_comment=True)


def make_opener(open_: Callable[[], IO[bytes]], budget: UnpackingBudget | None) -> Callable[[], BinaryIO]:
    """Wrap the function that opens a member: count its bytes against the budget, if any, and report damage."""

    def opened() -> BinaryIO:
        with damage_as_broken():
            return count_unpacked(open_(), budget)

    return opened


def count_unpacked(source: IO[bytes] | io.RawIOBase, budget: UnpackingBudget | None) -> BinaryIO:
    """Wrap a stream: count its bytes against the budget, if any, and report damage."""
    return io.BufferedReader(_CountedStream(source, budget), BUFFER_BYTES)


class _CountedStream(io.RawIOBase):
    def __init__(self, source: IO[bytes] | io.RawIOBase, budget: UnpackingBudget | None):
        self._source, self._budget = source, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer completely, so that `peek` returns the same bytes however the file was compressed."""
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
    """Turn exceptions of the libraries on damaged archives into `broken`; I/O errors stay OSError."""
    try:
        yield
    except (CannotRead, MemoryError):
        raise
    except Exception as error:
        # A damaged offset causes an invalid seek (EINVAL); gzip's own OSError has no errno.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise CannotRead("broken", f"found {redact_error(error)}, expected a whole archive") from error
