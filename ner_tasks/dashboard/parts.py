"""Opens the parts of a published day: those that its manifest names, or its own folder if it names none.

A part never changes. Its files are checked and looked up in the store once, then kept open; a page asks the store for
nothing but the manifest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ner_tasks import bounded_names
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.errors import ArtifactBroken, InputMissing, NerTasksError
from ner_tasks.files import atomic
from ner_tasks.files.sqlite_files import ReadOnlyDatabase
from ner_tasks.records import FileDigest, PartManifest, PartRecord, PublishedDay, read_file
from ner_tasks.store import keys
from ner_tasks.tagging.merge import MANIFEST

_ESCAPES = frozenset("\\\N{REPLACEMENT CHARACTER}")  # in the place of what is not UTF-8
N_AT_ONCE = 16  # files that are fetched at once: S3 takes a while to answer

Database = TypeVar("Database", bound=ReadOnlyDatabase)


@dataclass(frozen=True)
class DayPart:
    """A part of a published day.

    Attributes:
        day: the day, YYYY-MM-DD.
        key: its folder in the store.
        record: what the day's manifest says of it; None for the folder of a day of an earlier release.
    """

    day: str
    key: str
    record: PartRecord | None

    def key_of(self, name: str) -> str:
        """Return the key of one of its files."""
        return keys.join(self.key, name)

    @property
    def number(self) -> int | None:
        """Its number; None for the folder of a day of an earlier release."""
        return self.record["number"] if self.record else None

    def may_have(self, name: str) -> bool:
        """Return whether the file of a document may be between the first and the last one of the part.

        Args:
            name: name of the document, which begins with that of its file.
        """
        first, last = (self.record.get("first_file"), self.record.get("last_file")) if self.record else (None, None)
        if first is None or last is None or len(name) >= bounded_names.MAX_CHARACTERS or not _ESCAPES.isdisjoint(name):
            return True
        # the longest beginning of the name that is not after the last file
        n_same = next((at for at, (one, other) in enumerate(zip(name, last, strict=False)) if one != other), len(last))
        return (name if name <= last else name[:n_same]) >= first


def read_day(reader: StoreReader, day: str) -> PublishedDay:
    """Read the present manifest of a day.

    Raises:
        InputMissing: the day is not published.
        ArtifactBroken: its manifest is damaged.
    """
    key = keys.tagged_day(day, MANIFEST)
    manifest = reader.record(key, PublishedDay, is_current=True)
    if manifest is None and key in reader.unreadable:
        raise ArtifactBroken(reader.unreadable[key])
    if manifest is None:
        raise InputMissing(f"found no {MANIFEST}, expected a published day, at {reader.store.where(key)}")
    return manifest


def list_parts(day: str, manifest: PublishedDay) -> list[DayPart]:
    """List the parts of a published day, in the order of the inbox."""
    if "parts" not in manifest:
        return [DayPart(day, keys.tagged_day(day), None)]
    return [DayPart(day, part["key"], part) for part in manifest["parts"]]


def find_part(parts: Sequence[DayPart], number: int | None) -> DayPart | None:
    """Return the part of a number; one that was asked for before the day had parts is the first. None if there is none."""
    if number is None:
        return parts[0] if parts and parts[0].number in (None, 0) else None
    # the first part may have become a day's folder again, as after a day was restored from a backup
    return next((part for part in parts if (part.number or 0) == number), None)


def fetch_parts(reader: StoreReader, parts: Iterable[DayPart], name: str) -> Iterator["FetchedFile"]:
    """Fetch a file of each part; after the first one several at once, since S3 takes a while to answer.

    Args:
        reader: the store.
        parts: the parts; no more of them are taken than are fetched.
        name: name of the file.

    Yields:
        The files in order, also those that are missing or damaged: `open_part` says so.
    """
    waiting, n_next = iter(parts), 1
    while some := list(islice(waiting, n_next)):
        if len(some) == 1 or all(one.record and reader.knows(_kind(one.record), one.key_of(name)) for one in some):
            yield from (_try_fetch(reader, name, part) for part in some)
        else:
            with ThreadPoolExecutor(N_AT_ONCE) as pool:
                yield from pool.map(partial(_try_fetch, reader, name), some)
        n_next = N_AT_ONCE


@contextmanager
def open_part(
    reader: StoreReader, file: "FetchedFile", kind: Callable[[Path, int | None], Database]
) -> Iterator[Database]:
    """Open an SQLite file of a part for the block.

    Args:
        reader: the store.
        file: the file.
        kind: opens it, given its path and the number of the part.

    Raises:
        InputMissing: a day of an earlier release has no such file.
        ArtifactBroken: the file is damaged, missing in the part, or not the one that the part was published with.
    """
    if not isinstance(file.found, Path):
        raise file.found
    path, part = file.found, file.part
    if part.record is None:
        with kind(path, None) as database:
            yield database
    else:
        key = reader.store.where(), part.record["sha256"], file.key, part.number
        with reader.files.open(key, lambda: kind(path, part.number)) as database:
            yield database


@dataclass(frozen=True)
class FetchedFile:
    """A file of a part: its key, and its local path or why there is none."""

    part: DayPart
    key: str
    found: Path | NerTasksError


def _try_fetch(reader: StoreReader, name: str, part: DayPart) -> FetchedFile:
    key = part.key_of(name)
    try:
        if part.record is None:
            return FetchedFile(part, key, reader.store.fetch(key))
        fetch = partial(_fetch_checked, reader, part, part.record, name)
        # copies from a bucket are removed when nobody has used them for long
        return FetchedFile(part, key, reader.once(_kind(part.record), key, fetch, is_there=Path.is_file))
    except (InputMissing, ArtifactBroken) as error:
        return FetchedFile(part, key, error)


def _kind(record: PartRecord) -> str:
    return f"file of part {record['sha256']}"


def _fetch_checked(reader: StoreReader, part: DayPart, record: PartRecord, name: str) -> Path:
    """Fetch a file of a part for the first time, and compare its size with that in `part.json`."""
    described = part.key_of(keys.PART_MANIFEST)
    files = reader.once(_kind(record), described, lambda: _read_files(reader, part, record))
    if name not in files:
        raise ArtifactBroken(f"found no {name}, expected one, in the list of {reader.store.where(described)}")
    path, expected = _fetch(reader, part, name), files[name]["n_bytes"]
    if (found := path.stat().st_size) != expected:
        raise ArtifactBroken(
            f"found {found:,} bytes, expected {expected:,}, in {reader.store.where(part.key_of(name))}"
        )
    return path


def _read_files(reader: StoreReader, part: DayPart, record: PartRecord) -> dict[str, FileDigest]:
    path = _fetch(reader, part, keys.PART_MANIFEST)
    if (found := atomic.sha256_of(path)) != record["sha256"]:
        where = reader.store.where(part.key_of(keys.PART_MANIFEST))
        raise ArtifactBroken(f"found SHA-256 {found[:12]}, expected {record['sha256'][:12]}, in {where}")
    return read_file(path, PartManifest)["files"]


def _fetch(reader: StoreReader, part: DayPart, name: str) -> Path:
    try:
        return reader.store.fetch(part.key_of(name))
    except InputMissing:
        where = reader.store.where(part.key_of(name))
        raise ArtifactBroken(f"found nothing, expected a file of a part of {part.day}, at {where}") from None
