"""Adds up the manifests of a night's shards, and finds the files that a shard did not answer.

Shards are the folders that `shard.tag_documents` writes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ner_tasks.files import atomic
from ner_tasks.records import PlannedShard, ShardManifest
from ner_tasks.tagging.answers import parse_file_name
from ner_tasks.tagging.journal import ANSWERS
from ner_tasks.tagging.tally import COUNTERS, Tally

MANIFEST = "manifest.json"
_COUNTS = ("n_documents", "n_tagged", "n_rejected", "n_reused", "n_partly_read", "n_words", "n_entities")
_LATER_COUNTS = ("n_files", "n_words_new", "n_words_repeated")  # shards of releases up to 0.2.0 have none
_TIMES = ("elapsed_s", "model_s")


def has_answered(planned: PlannedShard, shard: ShardManifest) -> bool:
    """Return whether a shard has dealt with exactly its files, by their number and digest; False if it does not say.

    Args:
        planned: the files of the shard.
        shard: manifest written by `tag`.
    """
    told = shard.get("n_files"), shard.get("files_sha256")
    return told == (planned["n_files"], planned["files_sha256"])


def find_unanswered(names: Iterable[str], shard: Path) -> Iterator[str]:
    """Find the files that a shard neither answered nor rejected nor ignored.

    Args:
        names: names of the shard's files, in order.
        shard: folder written by `tag`.
    """
    answers = [_AnsweredFiles(shard / name) for name in ANSWERS]
    for name in names:
        matches = [answer.skip_file(name) for answer in answers]  # a list: every one has to advance
        if not any(matches):
            yield name


class _AnsweredFiles:
    """Iterates over the files that a shard's answers came from, in order."""

    def __init__(self, answers: Path):
        self._names = iter_files(answers)
        self._next = next(self._names, None)

    def skip_file(self, name: str) -> bool:
        """Skip the answers of a file; return whether there were any."""
        is_next = self._next == name
        while self._next == name:
            self._next = next(self._names, None)
        return is_next


def iter_files(path: Path) -> Iterator[str]:
    """Yield the file name of each line of a `documents.jsonl`, `rejected.jsonl` or `ignored.jsonl`."""
    for number, line in enumerate(atomic.lines_in(path), start=1):
        yield parse_file_name(line, f"{path}, line {number}")


def sum_manifests(manifests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum several manifests; all counts are 0 if there are none."""
    sums: dict[str, Any] = dict.fromkeys((*_COUNTS, *_LATER_COUNTS, *_TIMES), 0)
    counters: dict[str, Counter[str]] = {name: Counter() for name in COUNTERS}
    tally = Tally()
    for manifest in manifests:
        for name in sums:
            sums[name] += manifest.get(name, 0) if name in _LATER_COUNTS else manifest[name]
        for name, counter in counters.items():
            counter.update(manifest.get(name, {}))
        tally.add_items(manifest["items"])
        tally.add_formats(manifest.get("formats", {}))
    times = {name: round(sums[name], 3) for name in _TIMES}
    words_per_s = round(sums["n_words"] / sums["elapsed_s"], 1) if sums["elapsed_s"] else 0.0
    counted = {name: dict(counter) for name, counter in counters.items()}
    rates = {"words_per_s": words_per_s, "repeated_share": share_of(sums["n_words_repeated"], sums["n_words"])}
    return {**sums, **times, **counted, "items": tally.items, "formats": tally.formats, **rates}


def share_of(part: int, whole: int) -> float:
    """Return a share rounded to four digits; 0 of nothing."""
    return round(part / whole, 4) if whole else 0.0
