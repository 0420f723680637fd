"""Scores of slices: by sentence length, by labelled batch, and by whether the train part contains the mention."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.entities import WordSpan, bio_to_spans
from ner_tasks.errors import ArtifactBroken
from ner_tasks.evaluation.entity_counts import EntityCounts

# minimum and maximum number of words; the mean of GMB is 22
_LENGTHS = ((1, 10), (11, 20), (21, 30), (31, 50), (51, None))


def score_by_length(counts: EntityCounts, n_words: Sequence[int]) -> dict[str, Any]:
    """Score the sentences by length.

    Args:
        counts: entity counts.
        n_words: number of words of each sentence.

    Returns:
        Scores of each range of lengths that occurs, by its name.
    """
    lengths = np.asarray(n_words)
    names = {(low, high): f"{low}-{high} words" if high else f"{low} words and more" for low, high in _LENGTHS}
    masks = {names[low, high]: (lengths >= low) & (lengths <= (high or np.inf)) for low, high in _LENGTHS}
    return {name: _score_slice(counts, mask) for name, mask in masks.items() if mask.any()}


def score_by_batch(counts: EntityCounts, batches: Sequence[str]) -> dict[str, Any]:
    """Score the sentences by labelled batch.

    Args:
        counts: entity counts.
        batches: batch of each sentence.
    """
    names = np.asarray(batches)
    return {name: _score_slice(counts, names == name) for name in sorted(set(batches))}


def recall_by_seen(
    sentences: Sequence[LabelledSentence], predicted: Sequence[Sequence[str]], train: Iterable[LabelledSentence]
) -> dict[str, Any]:
    """Compute the recall of mentions that the train part has with the same label, only with another label, and not at all.

    There is no precision, since a wrong prediction belongs to no slice.

    Args:
        sentences: labelled sentences.
        predicted: predicted BIO tags of these sentences.
        train: labelled sentences of the train part.
    """
    seen: dict[str, set[str]] = {}
    for sentence in train:
        for span in bio_to_spans(sentence.tags):
            seen.setdefault(_mention_text(sentence.words, span), set()).add(span.label)
    counts = {name: [0, 0] for name in ("seen", "seen under another label", "unseen")}
    for sentence, tags in zip(sentences, predicted, strict=True):
        guessed = set(bio_to_spans(tags))
        for span in bio_to_spans(sentence.tags):
            labels = seen.get(_mention_text(sentence.words, span))
            name = "unseen" if labels is None else "seen" if span.label in labels else "seen under another label"
            counts[name][0] += 1
            counts[name][1] += span in guessed
    return {name: {"n_gold": n, "n_correct": right, "recall": right / n} for name, (n, right) in counts.items() if n}


def read_batches(snapshot: Path, part: str, n_sentences: int) -> list[str] | None:
    """Read the batch of each sentence of a part of a snapshot.

    Args:
        snapshot: snapshot folder.
        part: name of the part.
        n_sentences: number of sentences in the part.

    Returns:
        Batch of each sentence; None if the snapshot has no `origins.csv`.

    Raises:
        ArtifactBroken: the list does not match the part.
    """
    path = snapshot / "origins.csv"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("part") == part]
    try:
        batches = {int(row["number"]): row["batch"] for row in rows}
    except (KeyError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ArtifactBroken(f"found {reason}, expected the columns part,number,batch,origin, in {path}") from None
    if set(batches) != set(range(1, n_sentences + 1)):
        raise ArtifactBroken(f"found {len(batches)} sentences of {part}, expected {n_sentences}, in {path}")
    return [batches[number] for number in range(1, n_sentences + 1)]


def _score_slice(counts: EntityCounts, mask: Any) -> dict[str, Any]:
    score = counts.score(mask)
    sizes = {"n_sentences": int(mask.sum()), "n_gold": score.n_gold}
    return {**sizes, "precision": score.precision, "recall": score.recall, "f1": score.f1}


def _mention_text(words: Sequence[str], span: WordSpan) -> str:
    return " ".join(words[span.start : span.end]).lower()
