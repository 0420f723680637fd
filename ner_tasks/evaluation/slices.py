"""The same figures of a part of the sentences or mentions: by length, by batch, and by what training has shown."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.entities import WordSpan, bio_to_spans
from ner_tasks.errors import ArtifactBroken
from ner_tasks.evaluation.entity_counts import EntityCounts

# words of a sentence, from and to; the mean of GMB is 22
_LENGTHS = ((1, 10), (11, 20), (21, 30), (31, 50), (51, None))


def score_by_length(counts: EntityCounts, n_words: Sequence[int]) -> dict[str, Any]:
    """Entity F1 by the number of words in the sentence."""
    lengths = np.asarray(n_words)
    names = {(low, high): f"{low}-{high} words" if high else f"{low} words and more" for low, high in _LENGTHS}
    chosen = {names[low, high]: (lengths >= low) & (lengths <= (high or np.inf)) for low, high in _LENGTHS}
    return {name: _figures(counts, where) for name, where in chosen.items() if where.any()}


def score_by_batch(counts: EntityCounts, batches: Sequence[str]) -> dict[str, Any]:
    """Entity F1 by the labelled batch that a sentence is from."""
    names = np.asarray(batches)
    return {name: _figures(counts, names == name) for name in sorted(set(batches))}


def recall_by_seen(
    sentences: Sequence[LabelledSentence], predicted: Sequence[Sequence[str]], train: Iterable[LabelledSentence]
) -> dict[str, Any]:
    """Recall of mentions that training has shown with this label, with another one only, and not at all.

    A wrong answer is no mention, so there is no precision to give.
    """
    shown: dict[str, set[str]] = {}
    for sentence in train:
        for span in bio_to_spans(sentence.tags):
            shown.setdefault(_mention(sentence.words, span), set()).add(span.label)
    found = {name: [0, 0] for name in ("seen", "seen under another label", "unseen")}
    for sentence, tags in zip(sentences, predicted, strict=True):
        guessed = set(bio_to_spans(tags))
        for span in bio_to_spans(sentence.tags):
            labels = shown.get(_mention(sentence.words, span))
            name = "unseen" if labels is None else "seen" if span.label in labels else "seen under another label"
            found[name][0] += 1
            found[name][1] += span in guessed
    return {name: {"n_gold": n, "n_correct": right, "recall": right / n} for name, (n, right) in found.items() if n}


def read_batches(snapshot: Path, part: str, n_sentences: int) -> list[str] | None:
    """The batch of each sentence of a snapshot's part; None for a snapshot that does not tell.

    Raises:
        ArtifactBroken: the list does not fit the part.
    """
    path = snapshot / "origins.csv"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("part") == part]
    try:
        told = {int(row["number"]): row["batch"] for row in rows}
    except (KeyError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
        raise ArtifactBroken(f"found {found}, expected the columns part,number,batch,origin, in {path}") from None
    if set(told) != set(range(1, n_sentences + 1)):
        raise ArtifactBroken(f"found {len(told)} sentences of {part}, expected {n_sentences}, in {path}")
    return [told[number] for number in range(1, n_sentences + 1)]


def _figures(counts: EntityCounts, chosen: Any) -> dict[str, Any]:
    score = counts.score(chosen)
    sizes = {"n_sentences": int(chosen.sum()), "n_gold": score.n_gold}
    return {**sizes, "precision": score.precision, "recall": score.recall, "f1": score.f1}


def _mention(words: Sequence[str], span: WordSpan) -> str:
    return " ".join(words[span.start : span.end]).lower()
