"""Validation suites over all labelled data, over each batch, and over the written parts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ner_tasks.data.corpus import KAGGLE_COLUMNS, LabelledSentence
from ner_tasks.data.quotas import PARTS
from ner_tasks.data.readers.rows import LabelledRow
from ner_tasks.data.snapshot import text_key
from ner_tasks.data.validation import expectations
from ner_tasks.data.validation.config import DatasetConfig
from ner_tasks.data.validation.data_drift import Baseline, compare_labels, make_batch_frames
from ner_tasks.data.validation.expectations import RuleFinding
from ner_tasks.data.validation.quarantine import LabelledTable, RowReview
from ner_tasks.labels import LabelSet


def check_whole(reviewed: RowReview, config: DatasetConfig) -> list[RuleFinding]:
    """Check the number of sentences, the quarantined share, and the number of entities of each label."""
    sentences = pd.DataFrame({"reason": pd.Series(reviewed.reasons, dtype="str")})
    file_rules = expectations.file_rules(
        min_sentences=config.min_sentences, max_quarantined_share=config.max_quarantined_share
    )
    labels = pd.DataFrame({"label": reviewed.labels, "n_entities": list(reviewed.n_entities.values())})
    label_rules = expectations.label_rules(min_label_entities=config.min_label_entities)
    return [
        *expectations.run_suite("sentences", sentences, file_rules),
        *expectations.run_suite("labels", labels.astype({"n_entities": "int64"}), label_rules, named_by="label"),
    ]


def check_batches(
    table: LabelledTable, reviewed: RowReview, past: Baseline | None, config: DatasetConfig
) -> list[RuleFinding]:
    """Check each batch by itself, so that a small bad batch cannot hide among good ones, and the labels against `past`.

    Args:
        table: rows of all batches.
        reviewed: result of the quarantine.
        past: last accepted snapshot, None for the first snapshot.
        config: requirements for the data.
    """
    findings = []
    frames = make_batch_frames(table, reviewed, past)
    for rule in expectations.batch_rules(config.batch_limits, may_change=config.accept_drift):
        findings += expectations.run_suite(f"batches: {rule.name}", frames[rule.name], [rule], named_by="batch")
    if past and config.labels is None:
        rules = expectations.known_label_rules(may_change=config.accept_drift)
        findings += expectations.run_suite(
            "labels before", compare_labels(table, reviewed, past), rules, named_by="label"
        )
    return findings


def check_parts(
    folder: Path,
    parts: Mapping[str, Sequence[LabelledSentence]],
    labels: tuple[str, ...],
    config: DatasetConfig,
    *,
    known: Mapping[str, str],
) -> list[RuleFinding]:
    """Check the written files, read back with pandas instead of our own reader.

    Args:
        folder: folder with the CSV files.
        parts: sentences of each part.
        labels: labels of the snapshot.
        config: requirements for the data.
        known: part of each text in earlier snapshots, by `text_key`.
    """
    frames = [
        pd.read_csv(folder / f"{part}.csv", dtype="str", keep_default_na=False, encoding="utf-8").assign(part=part)
        for part in PARTS
    ]
    written = pd.concat(frames, ignore_index=True)
    number = ((written["Sentence #"] != "").cumsum() - 1).tolist()
    columns = (written[name].tolist() for name in ("Word", "POS", "Tag"))
    every = enumerate(zip(number, *columns, strict=True))
    rows = (LabelledRow(line, sentence, word, pos, tag, "") for line, (sentence, word, pos, tag) in every)
    table = LabelledTable([("snapshot", rows)])
    judged = pd.concat([written, table.frame().drop(columns=["problem", "span_problem"])], axis=1)
    keys = [text_key(sentence.words) for sentence in table.sentences]
    part_of = written["part"].to_numpy()[table.starts].tolist()
    was = [known.get(key, part) for key, part in zip(keys, part_of, strict=True)]
    moves = ["" if old == new else f"{old} -> {new}" for old, new in zip(was, part_of, strict=True)]
    texts = pd.DataFrame({"text": pd.Series(keys, dtype="str"), "moved": pd.Series(moves, dtype="str")})
    n_rows = sum(len(sentence.words) for part in PARTS for sentence in parts[part])
    row_rules = expectations.snapshot_row_rules(
        LabelSet(labels).tags, KAGGLE_COLUMNS, n_rows=n_rows, max_words=config.max_words
    )
    balance = expectations.balance_rules(max_label_share_difference=config.max_label_share_difference)
    return [
        *expectations.run_suite("snapshot rows", judged, row_rules),
        *expectations.run_suite("snapshot sentences", texts, expectations.leak_rules(), named_by="text"),
        *expectations.run_suite("snapshot labels", _compare_shares(parts, labels), balance, named_by="label"),
    ]


def count_entities(sentences: Sequence[LabelledSentence]) -> Counter[str]:
    """Count the entities of each label in sentences with valid BIO tags."""
    return Counter(tag[2:] for sentence in sentences for tag in sentence.tags if tag.startswith("B-"))


def _compare_shares(parts: Mapping[str, Sequence[LabelledSentence]], labels: tuple[str, ...]) -> pd.DataFrame:
    train, test = (count_entities(parts[part]) for part in ("train", "test"))
    n_train, n_test = max(train.total(), 1), max(test.total(), 1)
    difference = [abs(train[label] / n_train - test[label] / n_test) for label in labels]
    return pd.DataFrame(
        {"label": labels, "n_train": [train[label] for label in labels], "share_difference": difference}
    )
