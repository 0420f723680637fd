"""What scores are worth: precision and recall by threshold and label, and how often entities with a score are right."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ner_tasks.entities import bio_to_spans
from ner_tasks.evaluation.metrics import Score
from ner_tasks.inference.tagger import TaggedSentence

THRESHOLDS = tuple(round(tenth / 10, 1) for tenth in range(10))  # 0 to 0.9


def tabulate_scores(gold: Sequence[Sequence[str]], answers: Sequence[TaggedSentence]) -> dict[str, Any]:
    """Tabulate the scores of predicted entities.

    Args:
        gold: BIO tags of each sentence.
        answers: predictions for the same sentences; an entity is right if bounds and label are.

    Returns:
        `overall` and `labels` by name: a row for each threshold with `min_score`, `n_given` (entities with at least this
        score), `precision`, `recall` and `f1`. `reliability`: for each tenth of the scores with entities, `from`, `to`, `n`,
        `mean_score` and `precision`.
    """
    labels, scores, are_right = list[str](), list[float](), list[bool]()
    n_gold = Counter[str]()
    for tags, answer in zip(gold, answers, strict=True):
        right = set(bio_to_spans(tags))
        n_gold.update(span.label for span in right)
        labels += [span.label for span, _ in answer.entities]
        scores += [score for _, score in answer.entities]
        are_right += [span in right for span, _ in answer.entities]
    of_label, values, right_ones = np.array(labels, str), np.array(scores), np.array(are_right, bool)  # [entities]
    by_label = {
        label: _rows(values[of_label == label], right_ones[of_label == label], n_gold[label])
        for label in sorted({*n_gold, *labels})
    }
    overall = _rows(values, right_ones, n_gold.total())
    return {"overall": overall, "labels": by_label, "reliability": _tenths(values, right_ones)}


def _rows(scores: Any, right: Any, n_gold: int) -> list[dict[str, Any]]:
    """Score the entities from each threshold on; `scores` and `right` are arrays [entities]."""
    rows = []
    for threshold in THRESHOLDS:
        given = scores >= threshold
        score = Score.from_counts(n_gold, int(given.sum()), int(right[given].sum()))
        figures = {"precision": score.precision, "recall": score.recall, "f1": score.f1}
        rows.append({"min_score": threshold, "n_given": int(given.sum()), **figures})
    return rows


def _tenths(scores: Any, right: Any) -> list[dict[str, Any]]:
    bins = np.minimum((scores * 10).astype(int), 9)
    return [
        {
            "from": tenth / 10,
            "to": (tenth + 1) / 10,
            "n": int(here.sum()),
            "mean_score": float(scores[here].mean()),
            "precision": float(right[here].mean()),
        }
        for tenth in range(10)
        if (here := bins == tenth).any()
    ]
