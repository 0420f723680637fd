"""Build a snapshot from labelled batches: validate, quarantine invalid sentences, split.

    train.csv  dev.csv  calibration.csv  test.csv    Kaggle columns, UTF-8
    origins.csv                                      batch of each sentence
    texts.csv                                        part of every text of this and earlier snapshots
    quarantined.csv                                  rows of quarantined sentences, with the reason
    validation.json                                  result of each expectation
    snapshot.json                                    counts, sources, conversions, configuration, checksums, version; written last

The bytes depend only on the source files, the previous snapshot and the configuration. If the data is rejected, no
snapshot is written, and the evidence goes to `<target>.refused/`.
"""

import csv
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ner_tasks.data import part_sizes, snapshot
from ner_tasks.data.batches import LabelledSource, rank_batches
from ner_tasks.data.corpus import LabelledSentence, open_rows, write_kaggle_csv
from ner_tasks.data.quotas import PARTS
from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.split import split_corpus
from ner_tasks.data.validation import expectations
from ner_tasks.data.validation.checks import check_batches, check_parts, check_whole, count_entities
from ner_tasks.data.validation.config import DatasetConfig
from ner_tasks.data.validation.data_docs import write_data_docs
from ner_tasks.data.validation.data_drift import Baseline
from ner_tasks.data.validation.expectations import RuleFinding
from ner_tasks.data.validation.quarantine import (
    QUARANTINE_COLUMNS,
    LabelledTable,
    RowReview,
    quarantined_rows,
    review_rows,
)
from ner_tasks.errors import DataRejected
from ner_tasks.files import atomic, schema
from ner_tasks.progress import show_progress

VALIDATION = "validation.json"
QUARANTINED = "quarantined.csv"
FORMAT = 2


def build_snapshot(
    sources: Sequence[LabelledSource],
    target: Path,
    config: DatasetConfig,
    *,
    previous: Path | None = None,
    docs: Path | None = None,
) -> dict[str, Any]:
    """Build a snapshot from labelled files, atomically.

    Args:
        sources: labelled files in the order of their arrival.
        target: folder to create or replace.
        config: requirements for the data, and settings of the split.
        previous: last accepted snapshot, whose texts keep their parts, and with which the data is compared; None for the
            first snapshot.
        docs: folder for Great Expectations' Data Docs, written whether or not the data passes; None for none.

    Returns:
        Content of `snapshot.json`.

    Raises:
        InputMissing: a source or the previous snapshot does not exist.
        DataRejected: a source is unreadable, or a rule that rejects the data was broken; `validation.json` and
            `quarantined.csv` are then in `<target>.refused/`.
        ArtifactBroken: `previous` was changed after it was written.
        StorageFull: no space left.
    """
    with show_progress("dataset", total=5, unit="steps") as steps:
        past = Baseline.read(previous) if previous else None
        steps.advance()
        table = _read_table(sources)
        if not table.n_rows:
            names = _describe_sources(sources)
            raise DataRejected(f"found no sentence, expected at least {config.min_sentences}, in {names}")
        steps.advance()
        reviewed = _review(table, sources, config)
        findings = [*reviewed.findings, *check_whole(reviewed, config), *check_batches(table, reviewed, past, config)]
        steps.advance()
        refused = target.with_name(f"{target.name}.refused")
        try:
            expectations.require_passed(findings)
            known = past.known if past else {}
            parts = _split(table, reviewed, known, config)
            steps.advance()
            with atomic.staged_folder(target) as folder:
                for part, sentences in parts.items():
                    write_kaggle_csv(folder / f"{part}.csv", sentences)
                findings += check_parts(folder, parts, reviewed.labels, config, known=known)
                expectations.require_passed(findings)
                _write_lineage(folder, parts, known)
                _write_evidence(folder, table, reviewed, findings)
                manifest = _make_manifest(folder, sources, table, reviewed, parts, config=config)
                manifest["previous"] = past.version if past else None
                atomic.write_json(folder / snapshot.MANIFEST, schema.stamp(manifest))
        except DataRejected as error:
            details = _write_refusal(refused, sources, table, reviewed, findings, refusal=str(error))
            raise DataRejected(f"{error}, {details}") from None
        finally:
            if docs:
                write_data_docs(docs, findings)
        # evidence of an earlier, rejected attempt
        shutil.rmtree(refused, ignore_errors=True)
        steps.advance()
    for line in part_sizes.describe_small_parts(manifest["parts"]):
        part_sizes.print_small_part(line)
    return manifest


def _read_table(sources: Sequence[LabelledSource]) -> LabelledTable:
    """Read all rows of all files; origins of sentences start with `batch/file`."""
    conversions = [Conversions() for _ in sources]
    opened = (open_rows(source.path, one) for source, one in zip(sources, conversions, strict=True))
    named = ((f"{source.batch}/{name}", rows) for source, (name, rows) in zip(sources, opened, strict=True))
    return LabelledTable(named, conversions)


def _review(table: LabelledTable, sources: Sequence[LabelledSource], config: DatasetConfig) -> RowReview:
    ranks = rank_batches([source.batch for source in sources])
    return review_rows(
        table,
        labels=config.labels,
        min_label_entities=config.min_label_entities,
        max_words=config.max_words,
        ranks=[ranks[source.batch] for source in sources],
    )


def _split(
    table: LabelledTable, reviewed: RowReview, known: Mapping[str, str], config: DatasetConfig
) -> dict[str, list[LabelledSentence]]:
    files = table.files.tolist()
    begins = {at for at, file in enumerate(files) if not at or file != files[at - 1]}
    return split_corpus(table.sentences, config.split, is_sound=reviewed.is_sound, begins=begins, known=known)


def _describe_sources(sources: Sequence[LabelledSource]) -> str:
    """Return the key of a single source, or the number of files and batches."""
    if len(sources) == 1:
        return sources[0].key
    return f"{len(sources)} files of {len({source.batch for source in sources})} batches"


def _write_lineage(folder: Path, parts: Mapping[str, Sequence[LabelledSentence]], known: Mapping[str, str]) -> None:
    here = {snapshot.text_key(sentence.words): part for part in PARTS for sentence in parts[part]}
    snapshot.write_known_parts(folder / snapshot.TEXTS, {**here, **known})
    origins = {part: [sentence.origin for sentence in parts[part]] for part in PARTS}
    snapshot.write_origins(folder / snapshot.ORIGINS, origins)


def _write_evidence(
    folder: Path, table: LabelledTable, reviewed: RowReview, findings: Sequence[RuleFinding], refusal: str = ""
) -> None:
    suites: dict[str, list[dict[str, Any]]] = {}
    for finding in findings:
        suites.setdefault(finding.suite, []).append(finding.as_dict())
    validation = {
        "ok": not refusal,
        "refusal": refusal or None,
        "labels": list(reviewed.labels),
        "quarantined": _count_reasons(reviewed),
        "read": _describe_conversions(table),
        "suites": [
            {"suite": name, "ok": all(one["ok"] for one in results), "expectations": results}
            for name, results in suites.items()
        ],
    }
    atomic.write_json(folder / VALIDATION, validation)
    with (folder / QUARANTINED).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(QUARANTINE_COLUMNS)
        writer.writerows(quarantined_rows(table, reviewed))


def _write_refusal(
    refused: Path,
    sources: Sequence[LabelledSource],
    table: LabelledTable,
    reviewed: RowReview,
    findings: Sequence[RuleFinding],
    *,
    refusal: str,
) -> str:
    """Write the evidence of a refusal to `refused` and return the end of the error message."""
    with atomic.staged_folder(refused) as folder:
        _write_evidence(folder, table, reviewed, findings, refusal=refusal)
    aside = ", ".join(f"{n} {reason}" for reason, n in _count_reasons(reviewed).items()) or "none"
    return f"in {_describe_sources(sources)} (quarantined: {aside}); details in {refused}"


def _make_manifest(
    folder: Path,
    sources: Sequence[LabelledSource],
    table: LabelledTable,
    reviewed: RowReview,
    parts: Mapping[str, Sequence[LabelledSentence]],
    *,
    config: DatasetConfig,
) -> dict[str, Any]:
    """Return the content of `snapshot.json`; its counts add up to the number of sentences in the sources."""
    n_kept = sum(len(sentences) for sentences in parts.values())
    n_aside = sum(map(bool, reviewed.reasons)) + sum(reviewed.superseded)
    names = [*(f"{part}.csv" for part in PARTS), snapshot.ORIGINS, snapshot.TEXTS, QUARANTINED, VALIDATION]
    files = {name: atomic.sha256_of(folder / name) for name in names}
    return {
        "format": FORMAT,
        "version": snapshot.hash_contents(reviewed.labels, files),
        "labels": list(reviewed.labels),
        "parts": {part: _describe_part(parts[part], reviewed.labels) for part in PARTS},
        "quarantined": _count_reasons(reviewed),
        "n_rows": table.n_rows,
        "n_sentences": table.n_sentences,
        "n_superseded": sum(reviewed.superseded),
        "n_copies": table.n_sentences - n_kept - n_aside,
        "sources": _count_by_source(sources, table, reviewed),
        "read": _describe_conversions(table),
        "config": {
            **asdict(config),
            "labels": None if config.labels is None else list(config.labels),
            "batch_limits": config.batch_limits.model_dump(),
        },
        "files": files,
    }


def _describe_conversions(table: LabelledTable) -> dict[str, Any]:
    """Return what was recognized and converted in each file, by `batch/file`."""
    return {name: one.as_dict() for name, one in zip(table.names, table.conversions, strict=True)}


def _count_by_source(
    sources: Sequence[LabelledSource], table: LabelledTable, reviewed: RowReview
) -> list[dict[str, Any]]:
    files = table.files.tolist()
    n, aside, gone = Counter(files), Counter[int](), Counter[int]()
    for file, reason, superseded in zip(files, reviewed.reasons, reviewed.superseded, strict=True):
        aside[file] += bool(reason)
        gone[file] += superseded
    return [
        {
            "batch": source.batch,
            "key": source.key,
            "sha256": atomic.sha256_of(source.path),
            "n_sentences": n[file],
            "n_quarantined": aside[file],
            "n_superseded": gone[file],
        }
        for file, source in enumerate(sources)
    ]


def _describe_part(sentences: Sequence[LabelledSentence], labels: tuple[str, ...]) -> dict[str, Any]:
    entities = count_entities(sentences)
    return {
        "n_sentences": len(sentences),
        "n_words": sum(len(sentence.words) for sentence in sentences),
        "n_entities": {label: entities[label] for label in labels},
    }


def _count_reasons(reviewed: RowReview) -> dict[str, int]:
    return dict(sorted(Counter(reason for reason in reviewed.reasons if reason).items()))
