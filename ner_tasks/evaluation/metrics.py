"""Entity-level precision, recall and F1: an entity is correct if its bounds and its label are exactly right.

Words outside entities do not count: a model that tags every word `O` scores 0.

Source: conlleval.pl of CoNLL-2000; equal to seqeval's default mode, which the tests compare with.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ner_tasks.entities import bio_to_spans


@dataclass(frozen=True)
class Score:
    """Scores of one label or of all labels; 0 where the denominator is 0.

    Attributes:
        precision: share of the predicted entities that are correct, 0 to 1.
        recall: share of the gold entities that are predicted correctly, 0 to 1.
        f1: harmonic mean of precision and recall, 0 to 1.
        n_gold: number of gold entities.
        n_predicted: number of predicted entities.
        n_correct: number of correct entities.
    """

    precision: float
    recall: float
    f1: float
    n_gold: int
    n_predicted: int
    n_correct: int

    @classmethod
    def from_counts(cls, n_gold: int, n_predicted: int, n_correct: int) -> "Score":
        """Compute the scores from entity counts."""
        precision = n_correct / n_predicted if n_predicted else 0.0
        recall = n_correct / n_gold if n_gold else 0.0
        f1 = 2 * n_correct / (n_gold + n_predicted) if n_correct else 0.0
        return cls(precision, recall, f1, n_gold, n_predicted, n_correct)


@dataclass(frozen=True)
class Scores:
    """Scores overall (micro average) and by label."""

    overall: Score
    by_label: dict[str, Score]

    def as_dict(self) -> dict[str, Any]:
        """Return the scores for a report: `{"overall": {...}, "labels": {label: {...}}}`."""
        labels = {label: asdict(score) for label, score in self.by_label.items()}
        return {"overall": asdict(self.overall), "labels": labels}


def score_tags(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Scores:
    """Score predicted tags against gold tags.

    Args:
        gold: BIO tags of each sentence.
        predicted: predicted tags of the same sentences. An `I-` without an entity to continue starts one, as in
            conlleval.

    Raises:
        ValueError: `gold` and `predicted` differ in the number of sentences or of tags.
    """
    if len(gold) != len(predicted):
        raise ValueError(f"found {len(predicted)} predicted sentences, expected {len(gold)}")
    n_gold, n_predicted, n_correct = Counter[str](), Counter[str](), Counter[str]()
    for index, (right, guess) in enumerate(zip(gold, predicted, strict=True)):
        if len(right) != len(guess):
            raise ValueError(f"found {len(guess)} predicted tags, expected {len(right)}, in sentence {index}")
        right_spans, guessed_spans = set(bio_to_spans(right)), set(bio_to_spans(guess))
        n_gold.update(span.label for span in right_spans)
        n_predicted.update(span.label for span in guessed_spans)
        n_correct.update(span.label for span in right_spans & guessed_spans)
    labels = sorted(n_gold.keys() | n_predicted.keys())
    return Scores(
        overall=Score.from_counts(n_gold.total(), n_predicted.total(), n_correct.total()),
        by_label={label: Score.from_counts(n_gold[label], n_predicted[label], n_correct[label]) for label in labels},
    )
