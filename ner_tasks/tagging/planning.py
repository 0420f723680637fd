"""Planning a night: what the day's inbox holds, and its division into shards, one file at a time."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic
from ner_tasks.store import StoredFile

MAX_SHARDS = 64
# What an answer depends on, for `fingerprint.code_version`.
CODE = ("tagging.shard", "inference.tagger")


class ListedFile(NamedTuple):
    """One file of a day's listing: its name, its key in the store, and its size."""

    name: str
    key: str
    n_bytes: int


@dataclass(frozen=True)
class InboxSummary:
    """What there was in a day's inbox when it was looked at.

    Attributes:
        n_files: files in it.
        n_bytes: their size.
        state: SHA-256 over names and contents, as far as the store tells contents apart without reading them.
    """

    n_files: int
    n_bytes: int
    state: str


def write_listing(files: Iterable[StoredFile], listing: Path) -> InboxSummary:
    """Write down a day's files, count them, and sum up which they are.

    The store is looked at once: a look takes hours where there are millions of files, and two of them would differ.

    Args:
        files: the day's, in their order.
        listing: file to make, see `listed`.

    Raises:
        StorageFull: no room for the listing.
    """
    n_files = n_bytes = 0
    state = hashlib.sha256()
    with atomic.space_for(listing), listing.open("w", encoding="utf-8") as lines:
        for file in files:
            n_files += 1
            n_bytes += file.n_bytes
            state.update(json.dumps([file.name, file.etag]).encode())
            lines.write(json.dumps(ListedFile(file.name, file.key, file.n_bytes)) + "\n")
    return InboxSummary(n_files, n_bytes, state.hexdigest())


def read_listing(listing: Path) -> Iterator[ListedFile]:
    """The files that `write_listing` wrote down, one at a time."""
    with listing.open(encoding="utf-8") as lines:
        for line in lines:
            yield ListedFile(*json.loads(line))


def assign_shards(
    files: Iterable[ListedFile], inbox: InboxSummary, *, shard_bytes: int, max_shards: int = MAX_SHARDS
) -> Iterator[tuple[int, ListedFile]]:
    """The shard of each file: neighbours together, the shards about equally large, the order that of `files`.

    Few shards are better than many: each loads the model once, which takes as long as many documents.

    Args:
        files: the day's files, as they were written down.
        inbox: what they are in all.
        shard_bytes: a shard is not made smaller than this without need, at least 1.
        max_shards: upper bound of their number, 1 to 64.

    Returns:
        Files with their shards' numbers, which go from 0 up without a gap.
    """
    if shard_bytes < 1 or not 1 <= max_shards <= MAX_SHARDS:
        raise ConfigInvalid(
            f"found shard_bytes={shard_bytes}, max_shards={max_shards}, expected >= 1 and 1 to {MAX_SHARDS}"
        )
    n_shards = min(max_shards, max(1, inbox.n_bytes // shard_bytes), max(1, inbox.n_files))
    before, place, number = 0, -1, -1
    for file in files:
        # by the middle of the file, so that a large one does not leave its neighbours empty-handed
        wanted = min(n_shards - 1, (before + file.n_bytes // 2) * n_shards // max(1, inbox.n_bytes))
        number, place = (number + 1, wanted) if wanted > place else (number, place)
        before += file.n_bytes
        yield number, file
