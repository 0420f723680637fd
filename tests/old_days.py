"""Merges shards into one folder, as releases up to 0.2.0 published a day."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ner_tasks.files import atomic, replacement
from ner_tasks.records import ShardManifest, read_file
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER, AnswerLedger
from ner_tasks.tagging.journal import ANSWERS
from ner_tasks.tagging.merge import MANIFEST, sum_manifests


def merge_shards(shards: Sequence[Path], output: Path) -> dict[str, Any]:
    """Concatenate the documents, rejected documents and ignored files of all shards, and merge their ledgers.

    Args:
        shards: folders written by `tag`, in order.
        output: output folder.

    Returns:
        Manifest of the merged answers: sums of all counts, and words per second of tagging time.
    """
    output.mkdir(parents=True, exist_ok=True)
    for name in ANSWERS:
        with atomic.space_for(output / name), (output / name).open("wb") as merged:
            for shard in shards:
                with atomic.open_input(shard / name) as file:
                    shutil.copyfileobj(file, merged)
    # delete the ledger of a previous attempt: it may be damaged, and points to other offsets
    for name in (LEDGER, f"{LEDGER}-journal"):
        replacement.discard(output / name)
    with AnswerLedger(output) as ledger:
        ledger.merge(_with_offsets(shards))
    return sum_manifests([read_file(shard / MANIFEST, ShardManifest) for shard in shards])


def _with_offsets(shards: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    base = 0
    for shard in shards:
        yield shard, base
        base += (shard / DOCUMENTS).stat().st_size
