"""Builds the folder of a day without parts, as releases up to 0.2.0 published it."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ner_tasks.files import atomic, replacement, schema
from ner_tasks.records import ShardManifest, read_file
from ner_tasks.tagging.answer_index import INDEX, write_index
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER, AnswerLedger
from ner_tasks.tagging.entity_index import ENTITY_INDEX
from ner_tasks.tagging.entity_index.writer import write_entity_index
from ner_tasks.tagging.exports.page import write_day_page
from ner_tasks.tagging.exports.parquet import write_parquet
from ner_tasks.tagging.journal import ANSWERS, REJECTED
from ner_tasks.tagging.merge import MANIFEST, sum_manifests
from ner_tasks.tagging.publication import PAGE
from ner_tasks.tagging.statistics import STATISTICS, compute_statistics


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


def build_day(
    shards: Sequence[Path], output: Path, *, day: str, night: str, model_version: str, columns: Mapping[str, str]
) -> dict[str, Any]:
    """Merge the shards of a day and write its folder, the manifest last.

    Args:
        shards: folders made by `tag`, in order.
        output: folder to write into.
        day: YYYY-MM-DD.
        night: version of the night.
        model_version: version of the model.
        columns: `text_column` and `id_column` of csv, tsv and xlsx files.

    Returns:
        The manifest.

    Raises:
        InputMissing, ArtifactBroken: a shard is missing or damaged.
        StorageFull: no space left on the device.
    """
    sums = merge_shards(shards, output)
    manifest = {"day": day, "night": night, **sums, "model_version": model_version, "columns": dict(columns)}
    documents, rejected, parsed_day = output / DOCUMENTS, output / REJECTED, date.fromisoformat(day)
    write_parquet(documents, output, day=parsed_day)
    write_index(documents, rejected, output / INDEX)
    write_entity_index(documents, output / ENTITY_INDEX)
    write_day_page(documents, rejected, manifest, output / PAGE, day=parsed_day)
    atomic.write_json(output / STATISTICS, compute_statistics(documents, manifest))
    atomic.write_json(output / MANIFEST, schema.stamp(manifest))
    return manifest
