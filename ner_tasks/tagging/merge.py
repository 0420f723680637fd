"""Merging the answers of a night's shards, one at a time: nothing here holds a day in memory.

The folders merged here are those that `tag` makes, see `shard.tag_documents`.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ner_tasks.files import atomic, replacement
from ner_tasks.records import ShardManifest, read_file
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER, AnswerLedger
from ner_tasks.tagging.answers import parse_file
from ner_tasks.tagging.journal import ANSWERS, Tally

MANIFEST = "manifest.json"
_COUNTS = ("n_documents", "n_tagged", "n_rejected", "n_reused", "n_partly_read", "n_words", "n_entities")
_TIMES = ("elapsed_s", "model_s")


def find_unanswered(names: Iterable[str], shard: Path) -> Iterator[str]:
    """Names of the files that a shard neither answers nor rejects nor ignores.

    Args:
        names: the shard's files, in order.
        shard: folder made by `tag`.
    """
    answers = [_AnsweredFiles(shard / name) for name in ANSWERS]
    for name in names:
        found = [answer.pass_by(name) for answer in answers]  # both are asked, so that both go on
        if not any(found):
            yield name


class _AnsweredFiles:
    """Files that answers came from, in their order."""

    def __init__(self, answers: Path):
        self._names = iter_files(answers)
        self._next = next(self._names, None)

    def pass_by(self, name: str) -> bool:
        """Whether the next answers are those of this file; goes on behind them."""
        found = self._next == name
        while self._next == name:
            self._next = next(self._names, None)
        return found


def iter_files(path: Path) -> Iterator[str]:
    """The file that each line of a `documents.jsonl`, `rejected.jsonl` or `ignored.jsonl` came from."""
    for number, line in enumerate(atomic.lines_in(path), start=1):
        yield parse_file(line, f"{path}, line {number}")


def merge_shards(shards: Sequence[Path], output: Path) -> dict[str, Any]:
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
    with AnswerLedger(output) as ledger:
        ledger.take_over(_with_bases(shards))
    return sum_manifests([read_file(shard / MANIFEST, ShardManifest) for shard in shards])


def _with_bases(shards: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    base = 0
    for shard in shards:
        yield shard, base
        base += (shard / DOCUMENTS).stat().st_size


def sum_manifests(manifests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
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
