"""A labelled file becomes a snapshot: checked, its bad sentences set aside, split, never changed again.

    train.csv  dev.csv  calibration.csv  test.csv    Kaggle columns, UTF-8
    quarantined.csv                                  every row of a sentence set aside, with the reason
    validation.json                                  what each expectation found
    snapshot.json                                    counts, configuration, checksums; written last

The bytes follow from the source file and the configuration alone. Data that is refused leaves no snapshot;
what was found lies beside it in `<target>.refused/`.
"""

import csv
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ner_tasks import atomic, expectations
from ner_tasks.corpus import KAGGLE_COLUMNS, LabelledSentence, open_rows, write_kaggle_csv
from ner_tasks.errors import ConfigInvalid, DataRejected
from ner_tasks.expectations import Finding
from ner_tasks.labels import LabelSet
from ner_tasks.progress import progress
from ner_tasks.quarantine import QUARANTINE_COLUMNS, LabelledTable, Review, quarantined_rows, review
from ner_tasks.split import PARTS, SplitConfig, split

MANIFEST = "snapshot.json"
VALIDATION = "validation.json"
QUARANTINED = "quarantined.csv"
FORMAT = 1


@dataclass(frozen=True)
class DatasetConfig:
    """What labelled data must be like, and how it is split.

    Attributes:
        labels: the labels that may occur, in the order of the model's tag ids; None takes those of the data.
        max_quarantined_share: largest share of sentences that may be set aside, 0 to 1.
        min_label_entities: least entities of each label. A label of the data with fewer is taken for a typing
            error and its sentences are set aside; a label that was given and has fewer refuses the data.
        min_sentences: least sentences in the file.
        max_words: longest sentence, in words. Longer ones are lists or lost line breaks.
        max_label_share_difference: how far a label's share of the entities may differ between train and test.
        seed: of the split.
        block_sentences: mean length of the blocks that are split, in sentences.
    """

    labels: tuple[str, ...] | None = None
    max_quarantined_share: float = 0.02
    min_label_entities: int = 5
    min_sentences: int = 10
    max_words: int = 512
    max_label_share_difference: float = 0.15
    seed: int = 0
    block_sentences: int = 32

    def __post_init__(self) -> None:
        if self.labels is not None:
            LabelSet(tuple(self.labels))
        for name in ("max_quarantined_share", "max_label_share_difference"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigInvalid(f"found {name}={getattr(self, name)}, expected 0 to 1")
        for name in ("min_label_entities", "min_sentences", "max_words", "block_sentences"):
            if getattr(self, name) < 1:
                raise ConfigInvalid(f"found {name}={getattr(self, name)}, expected at least 1")


def build_snapshot(source: Path, target: Path, config: DatasetConfig) -> dict[str, Any]:
    """Make the snapshot folder `target` of a labelled file, whole or not at all.

    Args:
        source: Kaggle CSV, its zip, or CoNLL.
        target: replaced if it is there.
        config: what the data must be like.

    Returns:
        The content of `snapshot.json`.

    Raises:
        InputMissing: no source.
        DataRejected: the source cannot be read, or an expectation that refuses was not met; then
            `validation.json` and `quarantined.csv` lie in `<target>.refused/`.
        StorageFull: no room for the snapshot.
    """
    with progress("dataset", total=4, unit="steps") as steps:
        table = LabelledTable(*open_rows(source))
        if not table.n_rows:
            raise DataRejected(f"found no sentence, expected at least {config.min_sentences}, in {source}")
        steps.advance()
        reviewed = review(
            table, labels=config.labels, min_label_entities=config.min_label_entities, max_words=config.max_words
        )
        findings = [*reviewed.findings, *_check_file(reviewed, config)]
        steps.advance()
        refused = target.with_name(f"{target.name}.refused")
        try:
            expectations.require(findings)
            is_sound = [not reason for reason in reviewed.reasons]
            split_config = SplitConfig(seed=config.seed, block_sentences=config.block_sentences)
            parts = split(table.sentences, split_config, is_sound=is_sound)
            steps.advance()
            with atomic.staged_folder(target) as folder:
                for part, sentences in parts.items():
                    write_kaggle_csv(folder / f"{part}.csv", sentences)
                findings += _check_parts(folder, parts, reviewed.labels, config)
                expectations.require(findings)
                _write_evidence(folder, table, reviewed, findings)
                manifest = _manifest(source, folder, table, reviewed, parts, config=config)
                atomic.write_json(folder / MANIFEST, manifest)
        except DataRejected as error:
            with atomic.staged_folder(refused) as folder:
                _write_evidence(folder, table, reviewed, findings, refusal=str(error))
            aside = ", ".join(f"{n} {reason}" for reason, n in _by_reason(reviewed).items()) or "none"
            raise DataRejected(f"{error}, in {source} (quarantined: {aside}); details in {refused}") from None
        # What an earlier, refused attempt left behind is no longer true.
        shutil.rmtree(refused, ignore_errors=True)
        steps.advance()
    return manifest


def _check_file(reviewed: Review, config: DatasetConfig) -> list[Finding]:
    """The suites over the file as a whole: enough of it, not too much set aside, no label too rare."""
    sentences = pd.DataFrame({"reason": pd.Series(reviewed.reasons, dtype="str")})
    file_rules = expectations.file_rules(
        min_sentences=config.min_sentences, max_quarantined_share=config.max_quarantined_share
    )
    labels = pd.DataFrame({"label": reviewed.labels, "n_entities": list(reviewed.n_entities.values())})
    label_rules = expectations.label_rules(min_label_entities=config.min_label_entities)
    return [
        *expectations.validate("sentences", sentences, file_rules),
        *expectations.validate("labels", labels.astype({"n_entities": "int64"}), label_rules, named_by="label"),
    ]


def _check_parts(
    folder: Path, parts: Mapping[str, Sequence[LabelledSentence]], labels: tuple[str, ...], config: DatasetConfig
) -> list[Finding]:
    """The strict suites, over the files as they lie on disk: read back by pandas, not by our own reader."""
    frames = [
        pd.read_csv(folder / f"{part}.csv", dtype="str", keep_default_na=False, encoding="utf-8").assign(part=part)
        for part in PARTS
    ]
    written = pd.concat(frames, ignore_index=True)
    number = ((written["Sentence #"] != "").cumsum() - 1).tolist()
    columns = (written[name].tolist() for name in ("Word", "POS", "Tag"))
    rows = ((line, *row, "") for line, row in enumerate(zip(number, *columns, strict=True)))
    table = LabelledTable("snapshot", rows)  # type: ignore[arg-type]
    judged = pd.concat([written, table.frame().drop(columns=["problem"])], axis=1)
    texts = pd.DataFrame({"text": pd.Series(["\x1f".join(s.words) for s in table.sentences], dtype="str")})
    n_rows = sum(len(sentence.words) for part in PARTS for sentence in parts[part])
    row_rules = expectations.snapshot_row_rules(
        LabelSet(labels).tags, KAGGLE_COLUMNS, n_rows=n_rows, max_words=config.max_words
    )
    balance = expectations.balance_rules(max_label_share_difference=config.max_label_share_difference)
    return [
        *expectations.validate("snapshot rows", judged, row_rules),
        *expectations.validate("snapshot sentences", texts, expectations.leak_rules()),
        *expectations.validate("snapshot labels", _balance(parts, labels), balance, named_by="label"),
    ]


def _balance(parts: Mapping[str, Sequence[LabelledSentence]], labels: tuple[str, ...]) -> pd.DataFrame:
    train, test = (_entities(parts[part]) for part in ("train", "test"))
    n_train, n_test = max(train.total(), 1), max(test.total(), 1)
    difference = [abs(train[label] / n_train - test[label] / n_test) for label in labels]
    return pd.DataFrame(
        {"label": labels, "n_train": [train[label] for label in labels], "share_difference": difference}
    )


def _entities(sentences: Sequence[LabelledSentence]) -> Counter[str]:
    return Counter(tag[2:] for sentence in sentences for tag in sentence.tags if tag.startswith("B-"))


def _write_evidence(
    folder: Path, table: LabelledTable, reviewed: Review, findings: Sequence[Finding], refusal: str = ""
) -> None:
    suites: dict[str, list[dict[str, Any]]] = {}
    for finding in findings:
        suites.setdefault(finding.suite, []).append(finding.as_dict())
    said = {
        "ok": not refusal,
        "refusal": refusal or None,
        "labels": list(reviewed.labels),
        "quarantined": _by_reason(reviewed),
        "suites": [
            {"suite": name, "ok": all(one["ok"] for one in found), "expectations": found}
            for name, found in suites.items()
        ],
    }
    atomic.write_json(folder / VALIDATION, said)
    with (folder / QUARANTINED).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(QUARANTINE_COLUMNS)
        writer.writerows(quarantined_rows(table, reviewed))


def _manifest(
    source: Path,
    folder: Path,
    table: LabelledTable,
    reviewed: Review,
    parts: Mapping[str, Sequence[LabelledSentence]],
    *,
    config: DatasetConfig,
) -> dict[str, Any]:
    """Content of `snapshot.json`; every sentence of the source is in a part, in quarantine, or a copy of another."""
    n_kept = sum(len(sentences) for sentences in parts.values())
    n_quarantined = sum(map(bool, reviewed.reasons))
    names = [*(f"{part}.csv" for part in PARTS), QUARANTINED, VALIDATION]
    return {
        "format": FORMAT,
        "labels": list(reviewed.labels),
        "parts": {part: _part(parts[part], reviewed.labels) for part in PARTS},
        "quarantined": _by_reason(reviewed),
        "n_rows": table.n_rows,
        "n_sentences": table.n_sentences,
        "n_copies": table.n_sentences - n_kept - n_quarantined,
        "source": {"name": source.name, "sha256": atomic.sha256_of(source)},
        "config": {**asdict(config), "labels": None if config.labels is None else list(config.labels)},
        "files": {name: atomic.sha256_of(folder / name) for name in names},
    }


def _part(sentences: Sequence[LabelledSentence], labels: tuple[str, ...]) -> dict[str, Any]:
    entities = _entities(sentences)
    return {
        "n_sentences": len(sentences),
        "n_words": sum(len(sentence.words) for sentence in sentences),
        "n_entities": {label: entities[label] for label in labels},
    }


def _by_reason(reviewed: Review) -> dict[str, int]:
    return dict(sorted(Counter(reason for reason in reviewed.reasons if reason).items()))
