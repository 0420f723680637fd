"""Read the directory of a ZIP archive, with other bytes before or after it, or rebuild a lost one.

Python's `zipfile` rejects a whole archive for one invalid name; this module reads entry by entry.

Source: PKWARE, APPNOTE.TXT, .ZIP File Format Specification 6.3.10, sections 4.3.7 to 4.5.3.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from ner_tasks.documents.archives.unpacking import UnpackingBudget
from ner_tasks.documents.types import CannotRead

_LOCAL, _CENTRAL, _END, _DESCRIPTOR = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x07\x08"
# Signature, version, flags, method, time, date, CRC, packed, unpacked, lengths of name and extra field.
_LOCAL_HEAD = struct.Struct("<4s5H3I2H")
# Signature, made by, needed, flags, method, time, date, CRC, packed, unpacked, lengths of name, extra field and
# comment, disk, two kinds of attributes, offset.
_CENTRAL_HEAD = struct.Struct("<4s6H3I5H2I")
# Signature, this disk, the directory's disk, entries here, entries, bytes, offset, length of the comment.
_END_HEAD = struct.Struct("<4s4H2IH")
_END64_HEAD, _LOCATOR = struct.Struct("<4sQ2H2I4Q"), struct.Struct("<4sIQI")
_END64_MARK, _LOCATOR_MARK = b"PK\x06\x06", b"PK\x06\x07"
_ZIP64 = 0x0001
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_HAS_DESCRIPTOR, _DEFLATED = 0x8, 8
UNIX = 3
# Bytes at the end of the file that are searched for the end record: the comment, and bytes appended to the archive.
_TAIL_BYTES = 1_100_000
_MAX_CANDIDATES = 1_000
_READ_BYTES = 64 * 1024


@dataclass(frozen=True)
class Entry:
    """One entry of an archive's directory.

    Attributes:
        name: name as stored.
        system: system on which it was made, 3 for Unix.
        at: offset of its local header in the file.
    """

    name: bytes
    system: int
    flags: int
    method: int
    crc: int
    n_packed: int
    n_unpacked: int
    at: int
    attributes: int = 0
    extra: bytes = b""
    comment: bytes = b""

    @property
    def is_folder(self) -> bool:
        """Whether the entry is a folder."""
        by_name = self.name.endswith(b"/") or (self.system != UNIX and self.name.endswith(b"\\"))
        return by_name and self.n_unpacked == 0


@dataclass(frozen=True)
class Directory:
    """Position of the directory, and bytes around the archive.

    Attributes:
        start, end: byte range `[start, end)` of the directory in the file.
        n_before: number of bytes before the archive, by which its offsets are too small.
        n_behind: number of bytes behind the archive.
        comment: comment of the archive.
    """

    start: int
    end: int
    n_before: int
    n_behind: int
    comment: bytes


def find_directory(file: BinaryIO) -> Directory | None:
    """Find the directory of an archive; None if it is lost.

    Raises:
        CannotRead: the archive is one part of several.
    """
    n_bytes = file.seek(0, 2)
    tail_at = max(0, n_bytes - _TAIL_BYTES)
    file.seek(tail_at)
    tail = file.read()
    at = len(tail)
    for _ in range(_MAX_CANDIDATES):
        at = tail.rfind(_END, 0, at + len(_END) - 1) if at else -1
        if at < 0:
            break
        if directory := _parse_end(file, tail_at + at, tail[at:]):
            return directory
    return None


def _parse_end(file: BinaryIO, at: int, tail: bytes) -> Directory | None:
    if len(tail) < _END_HEAD.size:
        return None
    _, disk, first_disk, _, n_entries, n_directory, offset, n_comment = _END_HEAD.unpack_from(tail)
    end = at
    if _MAX16 in (disk, n_entries) or _MAX32 in (n_directory, offset):
        end, disk, first_disk, n_directory, offset = _parse_zip64_end(file, at) or (
            at,
            disk,
            first_disk,
            n_directory,
            offset,
        )
    if disk != first_disk or disk not in (0, _MAX16):
        raise CannotRead("broken", f"found the last of {disk + 1} parts of an archive, expected a whole one")
    comment = tail[_END_HEAD.size : _END_HEAD.size + n_comment]
    n_behind = len(tail) - _END_HEAD.size - len(comment)
    # Bytes before the archive shift its offsets; bytes between the directory and the end record do not.
    for start in (end - n_directory, offset):
        if start >= 0 and (n_directory == 0 or _read_at(file, start, len(_CENTRAL)) == _CENTRAL):
            return Directory(start, start + n_directory, max(start - offset, 0), n_behind, comment)
    return None


def _parse_zip64_end(file: BinaryIO, at: int) -> tuple[int, int, int, int, int] | None:
    raw = _read_at(file, at - _LOCATOR.size, _LOCATOR.size) if at >= _LOCATOR.size else b""
    if len(raw) < _LOCATOR.size or not raw.startswith(_LOCATOR_MARK):
        return None
    for start in (at - _LOCATOR.size - _END64_HEAD.size, _LOCATOR.unpack(raw)[2]):
        head = _read_at(file, start, _END64_HEAD.size) if start >= 0 else b""
        if len(head) == _END64_HEAD.size and head.startswith(_END64_MARK):
            _, _, _, _, disk, first_disk, _, _, n_directory, offset = _END64_HEAD.unpack(head)
            return start, disk, first_disk, n_directory, offset
    return None


def iter_entries(file: BinaryIO, directory: Directory) -> Iterator[Entry]:
    """Iterate over the entries of a directory.

    Raises:
        CannotRead: the directory is damaged after the entries so far.
    """
    at = directory.start
    while at < directory.end:
        raw = _read_at(file, at, _CENTRAL_HEAD.size)
        if len(raw) < _CENTRAL_HEAD.size or not raw.startswith(_CENTRAL):
            raise CannotRead("broken", f"found no directory entry at byte {at}, expected one")
        (_, made_by, _, flags, method, _, _, crc, n_packed, n_unpacked, n_name, n_extra, n_comment, *rest) = (
            _CENTRAL_HEAD.unpack(raw)
        )
        texts = file.read(n_name + n_extra + n_comment)
        extra = texts[n_name : n_name + n_extra]
        entry = Entry(
            texts[:n_name],
            made_by >> 8,
            flags,
            method,
            crc,
            n_packed,
            n_unpacked,
            rest[-1],
            rest[-2],
            extra,
            texts[n_name + n_extra :],
        )
        entry = _apply_zip64(entry)
        yield replace(entry, at=entry.at + directory.n_before)
        at += len(raw) + len(texts)


def scan_entries(file: BinaryIO, budget: UnpackingBudget) -> Iterator[Entry]:
    """Iterate over the entries of an archive without a directory, by their consecutive local headers.

    Raises:
        CannotRead: `broken`, always, after the last entry: what follows is lost.
    """
    at = max(_read_at(file, 0, _TAIL_BYTES).find(_LOCAL), 0)
    while len(raw := _read_at(file, at, _LOCAL_HEAD.size)) == _LOCAL_HEAD.size and raw.startswith(_LOCAL):
        _, _, flags, method, _, _, crc, n_packed, n_unpacked, n_name, n_extra = _LOCAL_HEAD.unpack(raw)
        name, extra = file.read(n_name), file.read(n_extra)
        entry = Entry(name, UNIX, flags, method, crc, n_packed, n_unpacked, at, 0, extra)
        entry = _apply_zip64(entry)
        data_at = at + len(raw) + n_name + n_extra
        if flags & _HAS_DESCRIPTOR and not entry.n_packed:
            if method != _DEFLATED or (measured_entry := _measure_entry(file, data_at, entry, budget)) is None:
                yield entry
                break
            entry = measured_entry
        yield entry
        at = data_at + entry.n_packed
        if flags & _HAS_DESCRIPTOR:
            at += max(_read_at(file, at, 2 * _LOCAL_HEAD.size).find(_LOCAL), 0)
    raise CannotRead("broken", f"found no directory, and no further file at byte {at}, expected a whole archive")


def _measure_entry(file: BinaryIO, at: int, entry: Entry, budget: UnpackingBudget) -> Entry | None:
    """Return an entry with its sizes, by unpacking it: they are stored behind its data. None if it is truncated."""
    inflater, crc, n_unpacked, n_read = zlib.decompressobj(-zlib.MAX_WBITS), 0, 0, 0
    file.seek(at)
    packed = b""
    try:
        while not inflater.eof:
            if not packed:
                packed = file.read(_READ_BYTES)
                n_read += len(packed)
                if not packed:
                    return None
            data = inflater.decompress(packed, _READ_BYTES)
            packed = inflater.unconsumed_tail
            budget.take_bytes(len(data))
            crc, n_unpacked = zlib.crc32(data, crc), n_unpacked + len(data)
    except zlib.error:
        return None
    return replace(entry, crc=crc, n_unpacked=n_unpacked, n_packed=n_read - len(inflater.unused_data))


def _apply_zip64(entry: Entry) -> Entry:
    """Return an entry with sizes and offset from its ZIP64 field, if it has one."""
    wanted = [name for name in ("n_unpacked", "n_packed", "at") if getattr(entry, name) == _MAX32]
    if not wanted:
        return entry
    data = find_extra_field(entry.extra, _ZIP64)
    values = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data) - 7, 8)]
    return replace(entry, **dict(zip(wanted, values, strict=False)))  # type: ignore[arg-type]


def find_extra_field(extra: bytes, wanted: int) -> bytes:
    """Return the data of an extra field by its id; empty if there is none."""
    at = 0
    while at + 4 <= len(extra):
        kind, n_bytes = struct.unpack_from("<HH", extra, at)
        if kind == wanted:
            return extra[at + 4 : at + 4 + n_bytes]
        at += 4 + n_bytes
    return b""


def find_data(file: BinaryIO, entry: Entry) -> int:
    """Return the offset of an entry's data, which its local header determines.

    Raises:
        CannotRead: there is no such header.
    """
    raw = _read_at(file, entry.at, _LOCAL_HEAD.size)
    if len(raw) < _LOCAL_HEAD.size or not raw.startswith(_LOCAL):
        raise CannotRead("broken", f"found no file at byte {entry.at}, expected one listed in the directory")
    *_, n_name, n_extra = _LOCAL_HEAD.unpack(raw)
    return entry.at + len(raw) + int(n_name) + int(n_extra)


def _read_at(file: BinaryIO, at: int, n_bytes: int) -> bytes:
    file.seek(at)
    return file.read(n_bytes)
