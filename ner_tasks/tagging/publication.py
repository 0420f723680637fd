"""The folder of a day's answers as it is published: merged shards, what is derived from them, and the manifest.

documents.jsonl rejected.jsonl ignored.jsonl ledger.sqlite      the shards' answers, one after the other
documents.parquet entities.parquet index.sqlite page.html       the same for other readers
statistics.json                                                 for drift detection
manifest.json                                                   last
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

from ner_tasks.files import atomic
from ner_tasks.records import ShardManifest, read_file
from ner_tasks.tagging import merge
from ner_tasks.tagging.answer_index import INDEX, write_index
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.exports.conll import write_conll
from ner_tasks.tagging.exports.page import write_day_page
from ner_tasks.tagging.exports.parquet import write_parquet
from ner_tasks.tagging.journal import REJECTED
from ner_tasks.tagging.statistics import STATISTICS, compute_statistics

PAGE = "page.html"
Format = Literal["parquet", "conll", "page"]


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
    write_day_page(documents, rejected, manifest, output / PAGE, day=parsed_day)
    atomic.write_json(output / STATISTICS, compute_statistics(documents, manifest))
    atomic.write_json(output / merge.MANIFEST, manifest)
    return manifest


def convert_answers(answers: Path, output: Path, *, to: Format) -> dict[str, Any]:
    """Convert a folder of answers; read it again if it is replaced meanwhile.

    Args:
        answers: folder made by `tag` or `build_day`.
        output: file to write; for Parquet, a folder.
        to: the format.

    Returns:
        What was written, counted.

    Raises:
        InputMissing, ArtifactBroken: there are no answers, or they are damaged.
        StorageFull: no space left on the device.
    """
    return atomic.read_whole(answers, lambda: _convert(answers, output, to))


def _convert(answers: Path, output: Path, to: Format) -> dict[str, Any]:
    documents = answers / DOCUMENTS
    if to == "conll":
        return dict(write_conll(documents, output))
    if to == "page":
        manifest = read_file(answers / merge.MANIFEST, ShardManifest)
        return dict(write_day_page(documents, answers / REJECTED, manifest, output))
    return dict(write_parquet(documents, output))
