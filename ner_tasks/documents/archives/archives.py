"""Read archives (zip, tar, gz, bz2, xz): their files as streams, never written to disk, counted while they unpack.

Declared sizes and counts are not trusted: files and bytes are counted as they are read.
"""

import io
import struct
import tarfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, Self, cast

from ner_tasks.bounded_names import TakenNames
from ner_tasks.documents.archives import member_names, zip_files
from ner_tasks.documents.archives.unpacking import (
    BUFFER_BYTES,
    Member,
    UnpackedStream,
    Unpacker,
    UnpackingBudget,
    count_unpacked,
    damage_as_broken,
    make_bzip2_unpacker,
    make_comment,
    make_gzip_unpacker,
    make_opener,
    make_xz_unpacker,
)
from ner_tasks.documents.detection import formats
from ner_tasks.documents.types import CannotRead, Exhausted, Ignored

__all__ = ["Member", "UnpackingBudget", "iter_members"]

# By format: factory of its unpacker, magic bytes of a further stream, suffixes of its files.
_COMPRESSED: dict[str, tuple[Callable[[], Unpacker], tuple[bytes, ...], tuple[str, ...]]] = {
    "gz": (make_gzip_unpacker, (b"\x1f\x8b",), (".gz", ".tgz")),
    "bz2": (make_bzip2_unpacker, (b"BZh",), (".bz2", ".tbz2", ".tbz")),
    "xz": (make_xz_unpacker, (b"\xfd7zXZ\0",), (".xz", ".txz", ".lzma")),
}
_GZIP_HEAD = struct.Struct("<3sBI2B")
_GZIP_EXTRA, _GZIP_NAME, _GZIP_COMMENT = 4, 8, 16


def iter_members(kind: str, called: str, file: BinaryIO, budget: UnpackingBudget) -> Iterator[Member]:
    """Iterate over the files of an archive in their order; folders are skipped.

    Args:
        kind: name of its format, such as `zip`, `tar.gz` or `gz`.
        called: file name of the archive, from which the name of the file in a `gz` is derived.
        file: its content; must be seekable for a zip.
        budget: counts files and bytes.

    Yields:
        Members one by one; in a tar, the next member closes the one before.

    Raises:
        CannotRead: `broken`, before or between members; `bomb` or `too-many`.
    """
    seen = TakenNames()
    for number, member in enumerate(_iter_unchecked(kind, called, file, budget), start=1):
        # "#" separates nested files in a document's name.
        name = member.name.replace("#", "%23")
        if isinstance(member.open, Ignored):
            yield member
        elif member.is_comment:
            yield Member(seen.make_unique(name), member.open)
        elif not name:
            wrong = CannotRead("bad-name", "found a file without a name, expected one")
            yield Member(seen.make_unique(f"member-{number}"), wrong)
        elif name in seen:
            again = CannotRead("duplicate-id", f"found {name[:80]!r} again, expected each name once in an archive")
            yield Member(seen.make_unique(f"member-{number}"), again)
        else:
            seen.add(name)
            yield Member(name, member.open)


def _iter_unchecked(kind: str, called: str, file: BinaryIO, budget: UnpackingBudget) -> Iterator[Member]:
    if kind == "zip":
        yield from zip_files.iter_members(file, budget)
    elif kind in _COMPRESSED:
        yield from _iter_compressed(kind, called, file, budget)
    elif kind == "tar":
        yield from _iter_tar(count_unpacked(file, budget), budget)
    else:
        unpacker, magics, _ = _COMPRESSED[kind.removeprefix("tar.")]
        stream = UnpackedStream(file, unpacker, magics)
        yield from _iter_tar(count_unpacked(stream, budget), budget)


def _iter_tar(file: BinaryIO, budget: UnpackingBudget) -> Iterator[Member]:
    with damage_as_broken():
        archive = _Archive.open(fileobj=file, mode="r|", errors="surrogateescape", tarinfo=_TarEntry, ignore_zeros=True)
    while True:
        try:
            with damage_as_broken():
                entry = archive.next()
        except CannotRead:
            if not archive.has_ended:
                raise
            yield Member("", Ignored("", "bytes-around-archive"))
            return
        if entry is None:
            return
        archive.has_ended = False  # another archive follows the end of the one before
        budget.take_member()
        # tarfile seeks the next entry behind this one, so a false size would make it read on without end.
        if not 0 <= entry.size <= budget.limits.max_unpacked_bytes:
            problem = f"found an entry of {entry.size} bytes"
            raise Exhausted("bomb", f"{problem}, expected 0 to {budget.limits.max_unpacked_bytes}")
        if entry.isdir():
            continue
        (name,) = member_names.decode([entry.name.encode("utf-8", "surrogateescape")])
        if not entry.isreg():
            yield Member(name, CannotRead("not-a-file", "found a link or device, expected a file"))
        else:
            # Its bytes were counted when the archive was read, but not the holes of a sparse file.
            yield Member(name, make_opener(_make_extractor(archive, entry), budget if entry.issparse() else None))


class _Archive(tarfile.TarFile):
    """A tar archive that may continue behind its end mark.

    Attributes:
        has_ended: whether the last blocks read were an end mark.
    """

    has_ended = False


def _make_extractor(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Callable[[], BinaryIO]:
    return lambda: cast(BinaryIO, archive.extractfile(entry))


class _TarEntry(tarfile.TarInfo):
    """Ends an archive only at its end mark; tarfile also takes a damaged header for the end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError) as error:  # type: ignore[attr-defined]
            assert isinstance(archive, _Archive)
            archive.has_ended = archive.has_ended or isinstance(error, tarfile.EOFHeaderError)  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error} at byte {archive.offset}") from error


def _iter_compressed(kind: str, called: str, file: BinaryIO, budget: UnpackingBudget) -> Iterator[Member]:
    """Yield the file in a gz, bz2 or xz, and the comment of a gz."""
    budget.take_member()
    unpacker, magics, suffixes = _COMPRESSED[kind]
    suffix = PurePosixPath(called).suffix
    format_by_name = formats.find_by_suffix(called)
    is_packed = suffix.lower() in suffixes or (format_by_name is not None and format_by_name.shape == formats.ARCHIVE)
    name = called[: -len(suffix)] if is_packed else called
    stored, comment = _read_gzip_header(file) if kind == "gz" else ("", "")
    if not formats.find_by_suffix(name) and formats.find_by_suffix(stored):
        name = stored
    stream = UnpackedStream(file, unpacker, magics)
    yield Member(name, make_opener(lambda: cast(BinaryIO, stream), budget))
    if comment.strip():
        yield make_comment(comment)
    if stream.is_followed:
        yield Member("", Ignored("", "bytes-around-archive"))


def _read_gzip_header(file: BinaryIO) -> tuple[str, str]:
    """Return name and comment in the header of a gzip file, without consuming it.

    Source: RFC 1952, section 2.3.
    """
    if file.seekable():
        head = file.read(BUFFER_BYTES)
        file.seek(0)
    else:
        head = cast(io.BufferedReader, file).peek(BUFFER_BYTES)
    if len(head) < _GZIP_HEAD.size:
        return "", ""
    flags, at = head[3], _GZIP_HEAD.size
    if flags & _GZIP_EXTRA:
        at += 2 + int.from_bytes(head[at : at + 2], "little")
    fields = []
    for flag in (_GZIP_NAME, _GZIP_COMMENT):
        raw, end, _ = head[at:].partition(b"\0") if flags & flag else (b"", b"", b"")
        at += len(raw) + len(end)
        fields.append(member_names.decode([raw])[0])
    return PurePosixPath(fields[0].replace("\\", "/")).name, fields[1]
