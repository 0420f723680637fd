"""Plans a night: lists the day's inbox and divides it into shards."""

import gc
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from json.encoder import encode_basestring_ascii as quote
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ner_tasks import fingerprint
from ner_tasks.documents.detection.formats import FORMATS
from ner_tasks.documents.detection.sizes import OTHER, OTHER_RULE, SIZE_RULES
from ner_tasks.enrichment.policy import EntityPolicy
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic
from ner_tasks.records import TimeOfFormat
from ner_tasks.store import StoredFile
from ner_tasks.tagging.arrivals import encode_state
from ner_tasks.tagging.kept_parts import PartRanges
from ner_tasks.tagging.time_estimates import estimate_s, time_suffixes

if TYPE_CHECKING:
    from ner_tasks.documents import Limits

MAX_SHARDS = 64
# Modules that an answer or a rejection depends on, for `fingerprint.code_version`.
CODE = ("tagging.shard", "inference.tagger", "documents.sandbox.sandbox")
# Module that the other files of a part depend on.
PART_CODE = "tagging.part"


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
        sizes: number of files and bytes that are read, by format; see `SizeRule`.
    """

    n_files: int
    n_bytes: int
    state: str
    sizes: Mapping[str, tuple[int, int]]


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
    n_all_bytes = 0
    state = hashlib.sha256()
    sizes = {name: [0, 0] for name in (*FORMATS, OTHER)}
    counted = {suffix: (sizes[rule.format], rule.most_bytes, rule.excess_bytes) for suffix, rule in SIZE_RULES.items()}
    others = sizes[OTHER], OTHER_RULE.most_bytes, OTHER_RULE.excess_bytes
    with atomic.space_for(listing), listing.open("w", encoding="utf-8") as lines:
        for file in files:
            name, n_bytes = file.name, file.n_bytes
            n_all_bytes += n_bytes
            size, most, excess = counted.get(name[name.rfind(".") :].lower(), others)
            size[0] += 1
            size[1] += n_bytes if n_bytes <= most else excess
            encoded = encode_state(file)
            state.update(encoded)
            if ranges is not None:
                ranges.add(file, encoded)
            # the text of `json.dumps`, as in `encode_state`
            lines.write(f"[{quote(name)}, {quote(file.key)}, {n_bytes}, {quote(file.etag)}]\n")
    found = {name: (n_files, n_bytes) for name, (n_files, n_bytes) in sizes.items() if n_files}
    return InboxSummary(sum(n for n, _ in found.values()), n_all_bytes, state.hexdigest(), found)


def read_listing(listing: Path) -> Iterator[ListedFile]:
    """Read a listing of `write_listing` one file at a time."""
    with listing.open(encoding="utf-8") as lines:
        for line in lines:
            yield ListedFile(*json.loads(line))


def format_input(file: ListedFile) -> str:
    """Return the line of a file in the list of its shard, JSON with `name` and `key`."""
    return f'{{"name": {quote(file.name)}, "key": {quote(file.key)}}}\n'


def assign_shards(
    files: Iterable[ListedFile],
    sizes: Mapping[str, tuple[int, int]],
    times: Mapping[str, TimeOfFormat],
    *,
    shard_s: float,
    max_shards: int = MAX_SHARDS,
) -> Iterator[tuple[int, ListedFile]]:
    """Assign each file to a shard: consecutive files together, shards that take about equally long.

    Args:
        files: the day's files, in order.
        sizes: how many files and bytes they are, by format, see `InboxSummary`.
        times: how long files take, by format, see `time_estimates`.
        shard_s: seconds that a shard is to take, above 0; more if there would be too many shards.
        max_shards: maximum number of shards, 1 to 64.

    Returns:
        Each file with the number of its shard; numbers start at 0 and have no gaps.

    Raises:
        ConfigInvalid: `shard_s` or `max_shards` is out of bounds.
    """
    if not shard_s > 0 or not 1 <= max_shards <= MAX_SHARDS:
        raise ConfigInvalid(f"found shard_s={shard_s}, max_shards={max_shards}, expected > 0 and 1 to {MAX_SHARDS}")
    total_s, (by_suffix, others) = estimate_s(sizes, times), time_suffixes(times)
    n_files = sum(n for n, _ in sizes.values())
    n_shards = min(max_shards, max(1, round(min(max_shards, total_s / shard_s))), max(1, n_files))
    each_s = total_s / n_shards if n_shards > 1 else math.inf
    before_s, ends_s, number = 0.0, 0.0, -1
    for file in files:
        file_s, byte_s, most, excess = by_suffix.get(file.name[file.name.rfind(".") :].lower(), others)
        takes_s = file_s + byte_s * (file.n_bytes if file.n_bytes <= most else excess)
        # by the middle of the file, so that a long one does not leave neighbouring shards empty
        middle_s = before_s + takes_s / 2
        if middle_s >= ends_s and number < n_shards - 1:
            number += 1
            ends_s = each_s * (middle_s // each_s + 1)
        before_s += takes_s
        yield number, file
