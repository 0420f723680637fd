"""A part of a day: the finished answers of a shard, which nobody changes.

documents.jsonl rejected.jsonl ignored.jsonl ledger.sqlite      as `tag` wrote them
documents.parquet entities.parquet                              the same for other readers
index.sqlite entities.sqlite                                    documents by name, entities by mention
statistics.json                                                 for drift detection
part.json                                                       counts, and the SHA-256 of every other file; last

The name of a part has the digest of its `part.json`, so that no key of the store ever has two contents. A day is
published by its manifest, which names its parts (`docs/decisions/0026-a-day-is-a-partitioned-data-set.md`).
"""

import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken
from ner_tasks.files import atomic, schema
from ner_tasks.records import PartManifest, PartRecord, PublishedDay, ShardManifest, read_file
from ner_tasks.store import keys
from ner_tasks.tagging.answer_index import INDEX, write_index
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER
from ner_tasks.tagging.entity_index import ENTITY_INDEX
from ner_tasks.tagging.entity_index.writer import write_entity_index
from ner_tasks.tagging.exports.parquet import write_parquet
from ner_tasks.tagging.journal import ANSWERS, REJECTED
from ner_tasks.tagging.merge import MANIFEST
from ner_tasks.tagging.statistics import STATISTICS, compute_statistics

PART = "part.json"
_ID_DIGITS = 12


def write_part(
    answers: Path, output: Path, *, day: str, night: str, number: int, model_version: str, columns: Mapping[str, str]
) -> PartRecord:
    """Write the part of a shard, `part.json` last.

    Args:
        answers: folder that `tag` wrote.
        output: folder of the part, replaced if it exists.
        day: YYYY-MM-DD.
        night: version of the night.
        number: number of the shard, 0 to 63.
        model_version: version of the model.
        columns: `text_column` and `id_column` of csv, tsv and xlsx files.

    Returns:
        The part, as the day's manifest names it.

    Raises:
        InputMissing, ArtifactBroken: the shard is missing or damaged.
        StorageFull: no space left on the device; nothing is left.
    """
    sums = read_file(answers / MANIFEST, ShardManifest)
    with atomic.staged_folder(output) as stage:
        for name in (*ANSWERS, LEDGER):
            with (
                atomic.open_input(answers / name) as file,
                atomic.space_for(stage / name),
                (stage / name).open("wb") as copy,
            ):
                shutil.copyfileobj(file, copy)
        documents = stage / DOCUMENTS
        write_parquet(documents, stage, day=date.fromisoformat(day))
        write_index(documents, stage / REJECTED, stage / INDEX)
        write_entity_index(documents, stage / ENTITY_INDEX)
        atomic.write_json(stage / STATISTICS, compute_statistics(documents, sums))
        described = {
            **sums,
            "day": day,
            "night": night,
            "number": number,
            "model_version": model_version,
            "columns": dict(columns),
            "files": {
                path.relative_to(stage).as_posix(): {"n_bytes": path.stat().st_size, "sha256": atomic.sha256_of(path)}
                for path in sorted(stage.rglob("*"))
                if path.is_file()
            },
        }
        atomic.write_json(stage / PART, schema.stamp(described))
    return name_part(output)


def name_part(part: Path) -> PartRecord:
    """Return a part as the manifest of its day names it.

    Args:
        part: folder that `write_part` wrote.

    Raises:
        InputMissing, ArtifactBroken: `part.json` is missing or damaged.
    """
    described, sha256 = read_file(part / PART, PartManifest), atomic.sha256_of(part / PART)
    return {
        "key": keys.part(described["day"], f"{described['number']:02d}-{sha256[:_ID_DIGITS]}"),
        "sha256": sha256,
        "number": described["number"],
        "n_tagged": described["n_tagged"],
        "n_rejected": described["n_rejected"],
        "n_entities": described["n_entities"],
    }


def list_part_keys(day: str, manifest: PublishedDay | Mapping[str, Any]) -> list[str]:
    """List the folders of the store that hold a published day's answers, in the order of the inbox.

    Args:
        day: YYYY-MM-DD.
        manifest: manifest of the day; that of an earlier release names no parts, and the day's own folder is the only one.
    """
    parts = manifest.get("parts")
    return [keys.tagged_day(day)] if parts is None else [part["key"] for part in parts]


def check_part(part: Path, record: PartRecord) -> None:
    """Check a fetched part: its `part.json` by its digest, its files by their sizes and digests.

    Raises:
        InputMissing: a file is missing.
        ArtifactBroken: a file is another one.
    """
    if (found := atomic.sha256_of(part / PART)) != record["sha256"]:
        raise ArtifactBroken(f"found SHA-256 {found[:12]}, expected {record['sha256'][:12]}, in {part / PART}")
    for name, digest in read_file(part / PART, PartManifest)["files"].items():
        atomic.check_is_file(part / name)
        if (found := atomic.sha256_of(part / name)) != digest["sha256"]:
            raise ArtifactBroken(f"found SHA-256 {found[:12]}, expected {digest['sha256'][:12]}, in {part / name}")
