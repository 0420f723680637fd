"""Read the files of a ZIP archive as streams, with every compression method that Python supports."""

import io
import lzma
import stat
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import IO, Any, BinaryIO

from ner_tasks.documents.archives import member_names, zip_directory
from ner_tasks.documents.archives.unpacking import (
    Inflater,
    Member,
    UnpackedStream,
    Unpacker,
    UnpackingBudget,
    damage_as_broken,
    make_bzip2_unpacker,
    make_comment,
    make_opener,
    make_xz_unpacker,
)
from ner_tasks.documents.archives.zip_directory import UNIX, Entry
from ner_tasks.documents.types import CannotRead, Exhausted, Ignored

_UNICODE_PATH = 0x7075
_ENCRYPTED, _UTF8 = 0x1, 0x800
_STORED, _DEFLATED, _BZIP2, _LZMA, _XZ, _AES = 0, 8, 12, 14, 95, 99
_UNREAD_METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 20: "Zstandard", 93: "Zstandard", 98: "PPMd"}
_LZMA_HEAD, _LZMA_PROPERTIES = struct.Struct("<2xH"), struct.Struct("<BI")
_MAX_DICTIONARY_BYTES = 256 * 2**20


def iter_members(file: BinaryIO, budget: UnpackingBudget) -> Iterator[Member]:
    """Iterate over the files of a ZIP archive in the order of its directory; without one, in file order.

    Folders are skipped. Comments of the archive and its files come last, as a separate text.

    Raises:
        CannotRead: `broken`, after the last file of a truncated archive; `bomb` or `too-many`.
    """
    with damage_as_broken():
        directory = zip_directory.find_directory(file)
    found_entries = (
        zip_directory.iter_entries(file, directory) if directory else zip_directory.scan_entries(file, budget)
    )
    entries, wrong = _list_entries(found_entries, budget.limits.max_members)
    n_bytes = sum(entry.n_unpacked for entry in entries)
    if n_bytes > budget.limits.max_unpacked_bytes:
        found_bytes = f"found {n_bytes} bytes unpacked, expected at most {budget.limits.max_unpacked_bytes}"
        raise Exhausted("bomb", found_bytes)
    for name, entry in zip(_decode_names(entries), entries, strict=True):
        budget.take_member()
        if not entry.is_folder:
            yield Member(name, _find_fault(entry) or make_opener(_make_open(file, entry), budget))
    comments = _join_comments(directory.comment if directory else b"", entries)
    if comments:
        yield make_comment(comments)
    if wrong:
        raise wrong
    if directory and (directory.n_before or directory.n_behind):
        yield Member("", Ignored("", "bytes-around-archive"))


def _list_entries(found_entries: Iterator[Entry], n_most: int) -> tuple[list[Entry], CannotRead | None]:
    """Return entries, at most one more than allowed, and the damage that ended them."""
    entries: list[Entry] = []
    try:
        with damage_as_broken():
            entries.extend(islice(found_entries, n_most + 1))
    except Exhausted:
        raise
    except CannotRead as error:
        return entries, error
    return entries, None


def _decode_names(entries: Sequence[Entry]) -> list[str]:
    """Decode the names of entries; a backslash separates folders on every system but Unix."""
    undeclared = []
    for entry in entries:
        path = zip_directory.find_extra_field(entry.extra, _UNICODE_PATH)
        is_current = len(path) > 5 and path[0] == 1 and int.from_bytes(path[1:5], "little") == zlib.crc32(entry.name)
        undeclared.append(path[5:] if is_current else entry.name)
    names = member_names.decode(undeclared)
    return [
        name.replace("\\", "/") if entry.system != UNIX or "/" not in name else name
        for name, entry in zip(names, entries, strict=True)
    ]


def _join_comments(of_archive: bytes, entries: Sequence[Entry]) -> str:
    commented = [entry for entry in entries if entry.comment.strip(b"\0 \t\r\n")]
    (archive, *texts) = member_names.decode([of_archive, *(entry.comment for entry in commented)])
    names = member_names.decode([entry.name for entry in commented])
    lines = [archive, *(f"{name}: {text}" for name, text in zip(names, texts, strict=True))]
    return "\n\n".join(line.strip("\0 \t\r\n") for line in lines if line.strip("\0 \t\r\n"))


def _find_fault(entry: Entry) -> CannotRead | None:
    if entry.flags & _ENCRYPTED or entry.method == _AES:
        return CannotRead("encrypted", "found a password-protected file, expected one without a password")
    mode = stat.S_IFMT(entry.attributes >> 16)
    if entry.system == UNIX and mode not in (0, stat.S_IFREG):
        return CannotRead("not-a-file", "found a link or device, expected a file")
    if entry.method not in (_STORED, _DEFLATED, _BZIP2, _LZMA, _XZ):
        method = f"{_UNREAD_METHODS.get(entry.method, 'unknown')} ({entry.method})"
        return CannotRead("unknown-format", f"found packing method {method}, expected Deflate, BZip2, LZMA or XZ")
    return None


def _make_open(file: BinaryIO, entry: Entry) -> Callable[[], IO[bytes]]:
    def open_() -> IO[bytes]:
        section = _Section(file, zip_directory.find_data(file, entry), entry.n_packed)
        return _CheckedStream(_unpack(section, entry.method), entry)  # type: ignore[return-value]

    return open_


def _unpack(section: "_Section", method: int) -> io.RawIOBase:
    if method == _STORED:
        return section
    source: IO[bytes] = section  # type: ignore[assignment]
    if method == _LZMA:
        return UnpackedStream(source, lambda: _make_lzma_unpacker(section))
    unpackers = {_DEFLATED: lambda: Inflater(-zlib.MAX_WBITS), _BZIP2: make_bzip2_unpacker, _XZ: make_xz_unpacker}
    return UnpackedStream(source, unpackers[method])


def _make_lzma_unpacker(section: "_Section") -> Unpacker:
    """Return a decompressor for LZMA in ZIP, whose stream properties are in a separate header."""
    (n_properties,) = _LZMA_HEAD.unpack(section.read(_LZMA_HEAD.size) or b"")
    properties, n_dictionary = _LZMA_PROPERTIES.unpack((section.read(n_properties) or b"")[: _LZMA_PROPERTIES.size])
    if n_dictionary > _MAX_DICTIONARY_BYTES:
        raise CannotRead("too-large", f"found a dictionary of {n_dictionary} bytes, expected fewer")
    rest, lc = divmod(properties, 9)
    pb, lp = divmod(rest, 5)
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": max(n_dictionary, 4096), "lc": lc, "lp": lp, "pb": pb}]
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)


class _Section(io.RawIOBase):
    """A byte range of a file that is shared with other readers."""

    def __init__(self, file: BinaryIO, at: int, n_bytes: int):
        self._file, self._at, self._left = file, at, n_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._at)
        data = self._file.read(min(len(buffer), self._left))
        self._at += len(data)
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


class _CheckedStream(io.RawIOBase):
    """Content of an entry, checked against its declared size and checksum."""

    def __init__(self, source: io.RawIOBase, entry: Entry):
        self._source, self._left, self._wanted, self._crc = source, entry.n_unpacked, entry.crc, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(min(len(buffer), self._left)) if self._left else b""
        if self._left and not data:
            raise EOFError(f"found {self._left} bytes fewer than in the directory")
        data = data or b""
        self._left -= len(data)
        self._crc = zlib.crc32(data, self._crc)
        if not self._left and self._crc != self._wanted:
            raise ValueError("found a checksum other than that in the directory")
        buffer[: len(data)] = data
        return len(data)
