"""Publication of a day: its parts are checked, and what is derived from them is written; their answers are not read.

parts/<day>/<NN>-<id>/          the answers, see `part`
rejected/<day>/rejected.jsonl   rejected documents of all parts
tagged/<day>/page.html          some documents of all parts, for people
tagged/<day>/statistics.json    for drift detection
tagged/<day>/manifest.json      last: it names the parts, and makes the day visible
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from pathlib import Path
from typing import Any

from ner_tasks import display
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic
from ner_tasks.files.json_text import MAX_BYTES, parse_json
from ner_tasks.records import NightPlan, PartManifest, PartRecord, PartSample, TaggedShard, validate_record
from ner_tasks.store import Store, keys
from ner_tasks.tagging import merge
from ner_tasks.tagging.answer_index import INDEX
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER
from ner_tasks.tagging.answers import Answer, parse_answer
from ner_tasks.tagging.entity_index import ENTITY_INDEX
from ner_tasks.tagging.exports.page import write_page
from ner_tasks.tagging.file_chain import chain_names
from ner_tasks.tagging.journal import ANSWERS, REJECTED
from ner_tasks.tagging.part import N_SAMPLED, PART, SAMPLE
from ner_tasks.tagging.statistics import STATISTICS, sum_statistics

PAGE = "page.html"
# what earlier releases wrote into the day's folder, and a manifest with parts does not mean
FORMER_FILES = frozenset((*ANSWERS, LEDGER, INDEX, ENTITY_INDEX, "documents.parquet", "entities.parquet"))


@dataclass(frozen=True)
class CheckedPart:
    """A part whose `part.json` has the SHA-256 of its record.

    Attributes:
        record: the part as the day's manifest names it.
        manifest: its `part.json`.
    """

    record: PartRecord
    manifest: PartManifest

    def key(self, name: str) -> str:
        """Return the key of a file of the part."""
        return keys.join(self.record["key"], name)


def check_parts(store: Store, shards: Sequence[TaggedShard], plan: NightPlan | Mapping[str, Any]) -> list[CheckedPart]:
    """Check that each part of a night is in the store, complete, and of this night and model.

    Only `part.json` is read, and compared with the sizes of the files.

    Args:
        store: the store.
        shards: records of the night's shards, in order.
        plan: plan of the night.

    Raises:
        InputMissing: a part, or a file of it, is not there.
        ArtifactBroken: it is another one, or damaged.
    """
    parts = []
    for number, shard in enumerate(shards):
        part = check_part(store, shard["part"])
        expected = {"day": plan["day"], "model_version": plan["model"]["version"]}
        # a part that this night kept has the night and the number that it was made with
        kept_from = shard["part"].get("night")
        expected |= {"night": kept_from} if kept_from else {"night": plan["night"], "number": number}
        for name, wanted in expected.items():
            if (found := dict(part.manifest)[name]) != wanted:
                words, where = name.replace("_", " "), store.where(part.key(PART))
                raise ArtifactBroken(f"found a part of {words} {found}, expected {wanted}, in {where}")
        parts.append(part)
    return parts


def check_part(store: Store, record: PartRecord) -> CheckedPart:
    """Check that a part is in the store and complete; of its files, only `part.json` is read.

    Raises:
        InputMissing: the part, or a file of it, is not there.
        ArtifactBroken: it is another one, or damaged.
    """
    part = _read_part(store, record)
    _check_files(store, part)
    return part


def _read_part(store: Store, record: PartRecord) -> CheckedPart:
    key = keys.join(record["key"], PART)
    try:
        content = store.read_bytes(key, 0, MAX_BYTES)
    except InputMissing:
        raise InputMissing(
            f"found no {PART}, expected the part that the shard's record names, at {store.where(key)}"
        ) from None
    _check_digest(content, record["sha256"], store.where(key))
    return CheckedPart(record, validate_record(parse_json(content, store.where(key)), PartManifest, store.where(key)))


def _check_digest(content: bytes, expected: str, where: str) -> None:
    if (found := hashlib.sha256(content).hexdigest()) != expected:
        raise ArtifactBroken(f"found SHA-256 {found[:12]}, expected {expected[:12]}, in {where}")


def _check_files(store: Store, part: CheckedPart) -> None:
    missing = dict(part.manifest["files"])
    for file in store.files(part.record["key"]):
        if (digest := missing.pop(file.name, None)) and digest["n_bytes"] != file.n_bytes:
            where = store.where(part.key(file.name))
            raise ArtifactBroken(f"found {file.n_bytes:,} bytes, expected {digest['n_bytes']:,}, in {where}")
        if not missing:
            return
    for name in missing:
        raise InputMissing(f"found nothing, expected a file of the part, at {store.where(part.key(name))}")


def describe_day(parts: Sequence[CheckedPart], plan: NightPlan | Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest of a day: sums of the counts of its parts, and their records."""
    sums = merge.sum_manifests([part.manifest for part in parts])
    links = [part.manifest.get("files_sha256") for part in parts]
    told = [link for link in links if link is not None]
    return {
        "day": plan["day"],
        "night": plan["night"],
        **sums,
        **({"files_sha256": chain_names(told)} if len(told) == len(links) else {}),
        "model_version": plan["model"]["version"],
        "columns": dict(plan["columns"]),
        **{name: plan[name] for name in ("inbox_sha256", "listed_at", "settings_version") if name in plan},
        "parts": [part.record for part in parts],
    }


def sum_part_statistics(store: Store, parts: Sequence[CheckedPart], night: str) -> dict[str, Any]:
    """Return the statistics of a day, with its night, from those of its parts.

    Raises:
        InputMissing, ArtifactBroken: those of a part are missing or damaged.
    """
    return {**sum_statistics(_read_json(store, part, STATISTICS) for part in parts), "night": night}


def _read_json(store: Store, part: CheckedPart, name: str) -> Any:
    where, digest = store.where(part.key(name)), part.manifest["files"].get(name)
    if digest is None:
        raise InputMissing(f"found no {name} among its files, expected one, in {store.where(part.key(PART))}")
    content = store.read_bytes(part.key(name), 0, digest["n_bytes"])
    _check_digest(content, digest["sha256"], where)
    return parse_json(content, where)


def write_page_of_parts(
    store: Store, parts: Sequence[CheckedPart], manifest: Mapping[str, Any], rejected: Path, target: Path
) -> dict[str, int]:
    """Write the HTML page of a day of parts; a hundred documents are read, and no others.

    Args:
        store: the store.
        parts: the day's parts.
        manifest: the day's manifest.
        rejected: `rejected.jsonl` of the day.
        target: HTML file to write, atomically.

    Returns:
        Number of documents shown: `{"n_documents": ..., "n_rejected": ...}`.

    Raises:
        InputMissing, ArtifactBroken: a file of a part is missing or damaged.
        StorageFull: no space left on the device; no file is left.
    """
    chosen = [
        (part, offset, n_bytes)
        for part, n_shown in zip(parts, _share_documents([part.record["n_tagged"] for part in parts]), strict=True)
        if n_shown
        for offset, n_bytes in _choose(_read_sample(store, part), n_shown)
    ]
    day = date.fromisoformat(manifest["day"])
    return write_page(_read_answers(store, chosen), len(chosen), rejected, manifest, target, day=day)


def _share_documents(n_tagged: Sequence[int]) -> list[int]:
    """Return how many documents of each part belong to the evenly spread ones of the day."""
    ends = list(accumulate(n_tagged))
    shares = Counter[int]()
    number = 0
    for index in display.spread_indexes(ends[-1] if ends else 0, N_SAMPLED):
        while index >= ends[number]:
            number += 1
        shares[number] += 1
    return [shares[number] for number in range(len(n_tagged))]


def _read_sample(store: Store, part: CheckedPart) -> list[tuple[int, int]]:
    where = store.where(part.key(SAMPLE))
    return validate_record(_read_json(store, part, SAMPLE), PartSample, where)["documents"]


def _choose(lines: Sequence[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    return [lines[index] for index in display.spread_indexes(len(lines), most)]


def _read_answers(store: Store, chosen: Sequence[tuple[CheckedPart, int, int]]) -> Iterator[Answer]:
    for part, offset, n_bytes in chosen:
        line = store.read_bytes(part.key(DOCUMENTS), offset, n_bytes)
        yield parse_answer(line, f"{store.where(part.key(DOCUMENTS))}, byte {offset}")


def remove_former_files(store: Store, day: str) -> None:
    """Remove what earlier releases kept beside the manifest of a day that has parts now."""
    for file in list(store.files(keys.tagged_day(day))):
        if file.name in FORMER_FILES:
            store.remove_file(keys.tagged_day(day, file.name))
    store.remove(keys.rejected_day(day, "documents"))


def check_rejected(path: Path, part: CheckedPart) -> None:
    """Check the fetched `rejected.jsonl` of a part.

    Raises:
        ArtifactBroken: it is another one.
    """
    found, digest = atomic.sha256_of(path), part.manifest["files"].get(REJECTED)
    if digest is None or found != digest["sha256"]:
        expected = digest["sha256"][:12] if digest else f"that of {PART}"
        raise ArtifactBroken(f"found SHA-256 {found[:12]}, expected {expected}, in {path}")
