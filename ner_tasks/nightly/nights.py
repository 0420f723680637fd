"""A night's work as a whole: dividing the day's files into shards, checking and joining the shards' answers.

The folders joined here are those that `tag` makes, see `tagging.tag_documents`. Nothing here holds a day in memory:
files are listed, and answers are read, one at a time.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ner_tasks import atomic, replacement
from ner_tasks.answers.reading import parse_file
from ner_tasks.errors import ConfigInvalid
from ner_tasks.nightly.journal import ANSWERS, Tally
from ner_tasks.nightly.ledger import DOCUMENTS, LEDGER, Ledger
from ner_tasks.records import ShardManifest, read_file
from ner_tasks.store import StoredFile

MAX_SHARDS = 64
MANIFEST = "manifest.json"
# What an answer depends on, for `lineage.code_version`.
CODE = ("nightly.tagging", "tagger.inference")
_COUNTS = ("n_documents", "n_tagged", "n_rejected", "n_reused", "n_partly_read", "n_words", "n_entities")
_TIMES = ("elapsed_s", "model_s")


class Listed(NamedTuple):
    """One file of a day's listing: its name, its key in the store, and its size."""

    name: str
    key: str
    n_bytes: int


@dataclass(frozen=True)
class Inbox:
    """What there was in a day's inbox when it was looked at.

    Attributes:
        n_files: files in it.
        n_bytes: their size.
        state: SHA-256 over names and contents, as far as the store tells contents apart without reading them.
    """

    n_files: int
    n_bytes: int
    state: str


def take_stock(files: Iterable[StoredFile], listing: Path) -> Inbox:
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
            lines.write(json.dumps(Listed(file.name, file.key, file.n_bytes)) + "\n")
    return Inbox(n_files, n_bytes, state.hexdigest())


def listed(listing: Path) -> Iterator[Listed]:
    """The files that `take_stock` wrote down, one at a time."""
    with listing.open(encoding="utf-8") as lines:
        for line in lines:
            yield Listed(*json.loads(line))


def shards_of(
    files: Iterable[Listed], inbox: Inbox, *, shard_bytes: int, max_shards: int = MAX_SHARDS
) -> Iterator[tuple[int, Listed]]:
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


def unanswered(names: Iterable[str], shard: Path) -> Iterator[str]:
    """Names of the files that a shard neither answers nor rejects nor ignores.

    Args:
        names: the shard's files, in order.
        shard: folder made by `tag`.
    """
    answers = [_Files(shard / name) for name in ANSWERS]
    for name in names:
        found = [answer.pass_by(name) for answer in answers]  # both are asked, so that both go on
        if not any(found):
            yield name


class _Files:
    """Files that answers came from, in their order."""

    def __init__(self, answers: Path):
        self._names = files_in(answers)
        self._next = next(self._names, None)

    def pass_by(self, name: str) -> bool:
        """Whether the next answers are those of this file; goes on behind them."""
        found = self._next == name
        while self._next == name:
            self._next = next(self._names, None)
        return found


def files_in(path: Path) -> Iterator[str]:
    """The file that each line of a `documents.jsonl`, `rejected.jsonl` or `ignored.jsonl` came from."""
    for number, line in enumerate(atomic.lines_in(path), start=1):
        yield parse_file(line, f"{path}, line {number}")


def join_shards(shards: Sequence[Path], output: Path) -> dict[str, Any]:
    """Write the shards' documents, rejects and what they ignored one after the other, and their ledgers as one.

    Args:
        shards: folders made by `tag`, in order.
        output: folder to write into.

    Returns:
        What the manifest says: counts added up, words per second over the time that tagging took.
    """
    output.mkdir(parents=True, exist_ok=True)
    for name in ANSWERS:
        with atomic.space_for(output / name), (output / name).open("wb") as joined:
            for shard in shards:
                with atomic.open_input(shard / name) as file:
                    shutil.copyfileobj(file, joined)
    # of a try before this one, which may be damaged, and whose rows are of other answers
    for name in (LEDGER, f"{LEDGER}-journal"):
        replacement.discard(output / name)
    with Ledger(output) as ledger:
        ledger.take_over(_with_bases(shards))
    return add_up([read_file(shard / MANIFEST, ShardManifest) for shard in shards])


def _with_bases(shards: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    base = 0
    for shard in shards:
        yield shard, base
        base += (shard / DOCUMENTS).stat().st_size


def add_up(manifests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One manifest for several; that of no documents if there are none."""
    sums: dict[str, Any] = dict.fromkeys((*_COUNTS, *_TIMES), 0)
    counters: dict[str, Counter[str]] = {name: Counter() for name in ("rejected", "ignored", "entities")}
    tally = Tally()
    for manifest in manifests:
        for name in sums:
            sums[name] += manifest[name]
        for name, counter in counters.items():
            counter.update(manifest[name])
        tally.add_items(manifest["items"])
    times = {name: round(sums[name], 3) for name in _TIMES}
    words_per_s = round(sums["n_words"] / sums["elapsed_s"], 1) if sums["elapsed_s"] else 0.0
    counted = {name: dict(counter) for name, counter in counters.items()}
    return {**sums, **times, **counted, "items": tally.items, "words_per_s": words_per_s}
