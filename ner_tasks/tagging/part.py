"""A part of a day: the finished answers of a shard, which nobody changes.

documents.jsonl ignored.jsonl ledger.sqlite                     as `tag` wrote them
rejected.jsonl rejects/<n>.<suffix>                             with copies of the rejected files
documents.parquet entities.parquet                              the same for other readers
index.sqlite entities.sqlite                                    documents by name, entities by mention
statistics.json                                                 for drift detection
sample.json                                                     where documents for the day's page lie
part.json                                                       counts, and the SHA-256 of every file but the copies; last

The name of a part has the digest of its `part.json`, so that no key of the store ever has two contents. A day is
published by its manifest, which names its parts (`docs/decisions/0026-a-day-is-a-partitioned-data-set.md`).
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ner_tasks import display
from ner_tasks.errors import ArtifactBroken
from ner_tasks.files import atomic, schema
from ner_tasks.files.contained import Source
from ner_tasks.records import PartManifest, PartRecord, PublishedDay, ShardManifest, read_file
from ner_tasks.store import keys
from ner_tasks.surrogates import escape_surrogates
from ner_tasks.tagging.answer_index import INDEX, write_index
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER
from ner_tasks.tagging.day_parts import require_file
from ner_tasks.tagging.entity_index import ENTITY_INDEX
from ner_tasks.tagging.entity_index.writer import write_entity_index
from ner_tasks.tagging.inputs import iter_inputs
from ner_tasks.tagging.journal import ANSWERS, REJECTED
from ner_tasks.tagging.merge import MANIFEST
from ner_tasks.tagging.rejects import copy_rejected
from ner_tasks.tagging.statistics import STATISTICS, compute_statistics

PART, SAMPLE = "part.json", "sample.json"
N_SAMPLED = 100  # documents on the day's page
MAX_SAMPLED_BYTES = 16 * 2**20
_ID_DIGITS = 12


def write_part(
    answers: Path,
    output: Path,
    *,
    day: str,
    night: str,
    number: int,
    model_version: str,
    columns: Mapping[str, str],
    inputs: Path | None = None,
) -> PartRecord:
    """Write the part of a shard, `part.json` last.

    Args:
        answers: folder that `tag` wrote; it must not be modified while the part is used, which may share its files.
        output: folder of the part, replaced if it exists.
        day: YYYY-MM-DD.
        night: version of the night.
        number: number of the shard, 0 to 63.
        model_version: version of the model.
        columns: `text_column` and `id_column` of csv, tsv and xlsx files.
        inputs: list of the shard's files, see `inputs`; without it rejected files are not copied.

    Returns:
        The part, as the day's manifest names it.

    Raises:
        InputMissing, ArtifactBroken: the shard is missing or damaged.
        ConfigInvalid: the list of files is damaged.
        StorageFull: no space left on the device; nothing is left.
    """
    from ner_tasks.tagging.exports.parquet import write_parquet  # pyarrow is large, and only the writer needs it

    sums = read_file(answers / MANIFEST, ShardManifest)
    with atomic.staged_folder(output) as stage:
        for name in (*ANSWERS, LEDGER):
            if name != REJECTED:
                _link_or_copy(answers / name, stage / name)
        names = _Bounds(iter_inputs(inputs) if inputs else ())
        copy_rejected(answers / REJECTED, names, stage, day=day)
        names.finish()
        documents = stage / DOCUMENTS
        write_parquet(documents, stage, day=date.fromisoformat(day))
        write_index(documents, stage / REJECTED, stage / INDEX)
        write_entity_index(documents, stage / ENTITY_INDEX)
        atomic.write_json(stage / STATISTICS, compute_statistics(documents, sums))
        atomic.write_json(stage / SAMPLE, {"documents": pick_lines(documents, sums["n_tagged"])})
        described = {
            **sums,
            "day": day,
            "night": night,
            "number": number,
            "model_version": model_version,
            "columns": dict(columns),
            "first_file": names.first,
            "last_file": names.last,
            # copies of rejected files may be many, and are not needed to read the answers
            "files": {
                path.name: {"n_bytes": path.stat().st_size, "sha256": atomic.sha256_of(path)}
                for path in sorted(stage.iterdir())
                if path.is_file()
            },
        }
        atomic.write_json(stage / PART, schema.stamp(described))
    return name_part(output)


def _link_or_copy(source: Path, target: Path) -> None:
    require_file(source)
    with atomic.space_for(target):
        try:
            target.hardlink_to(source)
        except OSError:  # no links on this file system
            shutil.copyfile(source, target)


class _Bounds:
    """Iterates over files and remembers the first and last name; None for a name that JSON cannot hold, or of no files."""

    def __init__(self, files: Iterable[tuple[str, Source]]) -> None:
        self._files = iter(files)
        self.first: str | None = None
        self.last: str | None = None
        self._n = 0

    def __iter__(self) -> Iterator[tuple[str, Source]]:
        for name, source in self._files:
            named = name if escape_surrogates(name) == name else None
            self.first, self.last, self._n = self.first if self._n else named, named, self._n + 1
            yield name, source

    def finish(self) -> None:
        """Read the remaining files."""
        for _ in self:
            pass


def pick_lines(documents: Path, n_lines: int) -> list[list[int]]:
    """Return the offset and length in bytes of evenly spread lines; longer lines than a page's share are left out.

    Args:
        documents: JSON Lines.
        n_lines: their number.
    """
    wanted, picked, offset = set(display.spread_indexes(n_lines, N_SAMPLED)), list[list[int]](), 0
    for number, line in enumerate(atomic.lines_in(documents)):
        if number in wanted and len(line) <= MAX_SAMPLED_BYTES:
            picked.append([offset, len(line)])
        offset += len(line)
    return picked


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
        "first_file": described.get("first_file"),
        "last_file": described.get("last_file"),
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
    """Check a fetched part: its `part.json` by its digest, its files by their digests.

    Raises:
        InputMissing: a file is missing.
        ArtifactBroken: a file is another one.
    """
    if (found := atomic.sha256_of(part / PART)) != record["sha256"]:
        raise ArtifactBroken(f"found SHA-256 {found[:12]}, expected {record['sha256'][:12]}, in {part / PART}")
    for name, digest in read_file(part / PART, PartManifest)["files"].items():
        require_file(part / name)
        if (found := atomic.sha256_of(part / name)) != digest["sha256"]:
            raise ArtifactBroken(f"found SHA-256 {found[:12]}, expected {digest['sha256'][:12]}, in {part / name}")
