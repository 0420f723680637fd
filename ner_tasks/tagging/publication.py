"""The folder of a day's answers as it is published: merged shards, what is derived from them, and the manifest.

documents.jsonl rejected.jsonl ignored.jsonl ledger.sqlite      the shards' answers, one after the other
documents.parquet entities.parquet page.html                    the same for other readers
index.sqlite entities.sqlite                                    documents by name, entities by mention
statistics.json                                                 for drift detection
manifest.json                                                   last
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ner_tasks.files import atomic, schema
from ner_tasks.tagging import merge
from ner_tasks.tagging.answer_index import INDEX, write_index
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.entity_index import ENTITY_INDEX
from ner_tasks.tagging.entity_index.writer import write_entity_index
from ner_tasks.tagging.exports.page import write_day_page
from ner_tasks.tagging.exports.parquet import write_parquet
from ner_tasks.tagging.journal import REJECTED
from ner_tasks.tagging.statistics import STATISTICS, compute_statistics

PAGE = "page.html"


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
    sums = merge.merge_shards(shards, output)
    manifest = {"day": day, "night": night, **sums, "model_version": model_version, "columns": dict(columns)}
    documents, rejected, parsed_day = output / DOCUMENTS, output / REJECTED, date.fromisoformat(day)
    write_parquet(documents, output, day=parsed_day)
    write_index(documents, rejected, output / INDEX)
    write_entity_index(documents, output / ENTITY_INDEX)
    write_day_page(documents, rejected, manifest, output / PAGE, day=parsed_day)
    atomic.write_json(output / STATISTICS, compute_statistics(documents, manifest))
    atomic.write_json(output / merge.MANIFEST, schema.stamp(manifest))
    return manifest
