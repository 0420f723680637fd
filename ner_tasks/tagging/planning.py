"""Plans a night: lists the day's inbox and divides it into shards."""

import gc
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from json.encoder import encode_basestring_ascii as quote
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ner_tasks import fingerprint
from ner_tasks.enrichment.policy import EntityPolicy
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic
from ner_tasks.store import StoredFile
from ner_tasks.tagging.arrivals import encode_state
from ner_tasks.tagging.kept_parts import PartRanges

if TYPE_CHECKING:
    from ner_tasks.documents import Limits

MAX_SHARDS = 64
# Modules that an answer depends on, for `fingerprint.code_version`.
CODE = ("tagging.shard", "inference.tagger")


class ListedFile(NamedTuple):
    """A file of a day's inbox: its name, its key in the store, its size in bytes, and its ETag."""

    name: str
    key: str
    n_bytes: int
    etag: str


@dataclass(frozen=True)
class InboxSummary:
    """Content of a day's inbox at the time it was listed.

    Attributes:
        n_files: number of files.
        n_bytes: their total size.
        state: SHA-256 over the files' names and ETags.
    """

    n_files: int
    n_bytes: int
    state: str


def answers_version(
    limits: "Limits", *, keep_text: bool, language: str, policy: EntityPolicy, precision: Mapping[str, Any]
) -> str:
    """Version of all that an answer follows from besides the text and the model.

    Args:
        limits: how much of a document is read. Its `max_words` and `file_seconds` change no answer and do not count.
        keep_text: whether answers hold the text.
        language: setting of the documents' language.
        policy: which entities are given.
        precision: how the model computes, see `RuntimeConfig.precision`.
    """
    read = {name: value for name, value in asdict(limits).items() if name not in ("max_words", "file_seconds")}
    code = [fingerprint.code_version(name) for name in CODE]
    given = {"keep_text": keep_text, "language": language, "policy": policy.version}
    return fingerprint.make_version({"code": code, "limits": read, **given, "precision": precision})


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Leave what is already in memory out of garbage collection.

    Airflow's objects, searched again and again for garbage, otherwise take two fifths of a listing's time.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def write_listing(files: Iterable[StoredFile], listing: Path, ranges: PartRanges | None = None) -> InboxSummary:
    """Write the list of a day's files, and summarize it.

    The store is listed only once: listing millions of files takes hours, and two listings could differ.

    Args:
        files: the day's files, in order.
        listing: output file, see `read_listing`.
        ranges: gets each file, to be compared with the parts of the published day.

    Raises:
        StorageFull: no space left on the device.
    """
    n_files = n_bytes = 0
    state = hashlib.sha256()
    with atomic.space_for(listing), listing.open("w", encoding="utf-8") as lines:
        for file in files:
            n_files += 1
            n_bytes += file.n_bytes
            encoded = encode_state(file)
            state.update(encoded)
            if ranges is not None:
                ranges.add(file, encoded)
            # the text of `json.dumps`, as in `encode_state`
            lines.write(f"[{quote(file.name)}, {quote(file.key)}, {file.n_bytes}, {quote(file.etag)}]\n")
    return InboxSummary(n_files, n_bytes, state.hexdigest())


def read_listing(listing: Path) -> Iterator[ListedFile]:
    """Read a listing of `write_listing` one file at a time."""
    with listing.open(encoding="utf-8") as lines:
        for line in lines:
            yield ListedFile(*json.loads(line))


def format_input(file: ListedFile) -> str:
    """Return the line of a file in the list of its shard, JSON with `name` and `key`."""
    return f'{{"name": {quote(file.name)}, "key": {quote(file.key)}}}\n'


def assign_shards(
    files: Iterable[ListedFile], inbox: InboxSummary, *, shard_bytes: int, max_shards: int = MAX_SHARDS
) -> Iterator[tuple[int, ListedFile]]:
    """Assign each file to a shard: consecutive files together, shards of about equal size.

    Few shards are better than many, because loading the model takes as long as tagging many documents.

    Args:
        files: the day's files, in order.
        inbox: their summary.
        shard_bytes: minimum size of a shard in bytes, from 1.
        max_shards: maximum number of shards, 1 to 64.

    Returns:
        Each file with the number of its shard; numbers start at 0 and have no gaps.

    Raises:
        ConfigInvalid: `shard_bytes` or `max_shards` is out of bounds.
    """
    if shard_bytes < 1 or not 1 <= max_shards <= MAX_SHARDS:
        raise ConfigInvalid(
            f"found shard_bytes={shard_bytes}, max_shards={max_shards}, expected >= 1 and 1 to {MAX_SHARDS}"
        )
    n_shards = min(max_shards, max(1, inbox.n_bytes // shard_bytes), max(1, inbox.n_files))
    before, place, number = 0, -1, -1
    for file in files:
        # by the middle of the file, so that a large file does not leave neighbouring shards empty
        wanted = min(n_shards - 1, (before + file.n_bytes // 2) * n_shards // max(1, inbox.n_bytes))
        number, place = (number + 1, wanted) if wanted > place else (number, place)
        before += file.n_bytes
        yield number, file
