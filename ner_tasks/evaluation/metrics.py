"""Entity-level precision, recall and F1: an entity counts when its bounds and its label are exactly right.

Words outside entities and padding count for nothing here: a model that tags every word `O` scores 0.

Source: conlleval.pl of CoNLL-2000; the figures equal seqeval's default mode, which the tests hold them to.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ner_tasks.entities import bio_to_spans


@dataclass(frozen=True)
class Score:
    """Figures of one label or of all; the three shares are 0 where there is nothing to divide by.

    Attributes:
        precision: share of the predicted entities that are right, 0 to 1.
        recall: share of the gold entities that were found, 0 to 1.
        f1: harmonic mean of the two, 0 to 1.
    """

    precision: float
    recall: float
    f1: float
    n_gold: int
    n_predicted: int
    n_correct: int

    @classmethod
    def of_counts(cls, n_gold: int, n_predicted: int, n_correct: int) -> "Score":
        precision = n_correct / n_predicted if n_predicted else 0.0
        recall = n_correct / n_gold if n_gold else 0.0
        f1 = 2 * n_correct / (n_gold + n_predicted) if n_correct else 0.0
        return cls(precision, recall, f1, n_gold, n_predicted, n_correct)


@dataclass(frozen=True)
class Scores:
    """`overall` is the micro average: every entity weighs the same, whatever its label."""

    overall: Score
    by_label: dict[str, Score]

    def as_dict(self) -> dict[str, Any]:
        """The figures for a report: `{"overall": {...}, "labels": {label: {...}}}`."""
        return {"overall": asdict(self.overall), "labels": {label: asdict(of) for label, of in self.by_label.items()}}


def score_tags(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Scores:
    """Compare predicted tags with gold tags, sentence by sentence.

    Args:
        gold: BIO tags of each sentence.
        predicted: as many sentences, each with as many tags. They may break BIO: an `I-` that continues
            nothing opens an entity, as conlleval reads it.

    Raises:
        ValueError: the two do not have the same shape.
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
        overall=Score.of_counts(n_gold.total(), n_predicted.total(), n_correct.total()),
        by_label={label: Score.of_counts(n_gold[label], n_predicted[label], n_correct[label]) for label in labels},
    )
