"""Agreement of two reviewers: Cohen's kappa over words, and exact-span F1 by label.

Only first decisions count, which each reviewer made without seeing the other's; later ones are made to agree.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from ner_tasks.labels import OUTSIDE
from ner_tasks.records import PairRecord, QueuedSentence, ReviewedEntity, SentenceDecision
from ner_tasks.segmentation import iter_sentences


@dataclass
class PairCounts:
    """Counts of two reviewers over the sentences that both decided.

    Attributes:
        n_sentences: number of these sentences.
        words: number of words by the label that one gave and the label that the other gave; `O` for none.
        spans: by label, number of entities of one, of the other, and of both with the same bounds.
    """

    n_sentences: int = 0
    words: Counter[tuple[str, str]] = field(default_factory=Counter)
    spans: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def add(self, sentence: QueuedSentence, one: SentenceDecision, other: SentenceDecision) -> None:
        """Add a sentence."""
        self.n_sentences += 1
        words = [word for words in iter_sentences(sentence["text"], sentence["language"]) for word in words]
        labels = (_label_words(words, decision["entities"]) for decision in (one, other))
        self.words.update(zip(*labels, strict=True))
        left, right = (
            {(entity["start"], entity["end"], entity["label"]) for entity in decision["entities"]}
            for decision in (one, other)
        )
        for label in {label for *_, label in left | right}:
            counts = tuple(sum(span[2] == label for span in spans) for spans in (left, right, left & right))
            self.add_spans(label, counts)

    def add_spans(self, label: str, counts: Sequence[int]) -> None:
        """Add numbers of entities of one label: of one reviewer, of the other, of both."""
        before = self.spans.get(label, (0, 0, 0))
        self.spans[label] = (before[0] + counts[0], before[1] + counts[1], before[2] + counts[2])

    def add_record(self, record: PairRecord) -> None:
        """Add the counts of a day."""
        self.n_sentences += record["n_sentences"]
        for one, other, n in record["words"]:
            self.words[one, other] += n
        for label, counts in record["spans"].items():
            self.add_spans(label, counts)

    def count_spans(self, label: str | None = None) -> tuple[int, int, int]:
        """Return the number of entities of one label, or of all: of one reviewer, of the other, of both."""
        chosen = [counts for name, counts in self.spans.items() if label in (None, name)]
        one, other, both = (sum(counts[column] for counts in chosen) for column in range(3))
        return one, other, both

    def f1(self, label: str | None = None) -> float | None:
        """Return F1 of exact spans, which is the same whichever reviewer is taken for the reference.

        Returns:
            0 to 1; None if neither has an entity.

        Source: G. Hripcsak, A. S. Rothschild, Agreement, the F-Measure, and Reliability in Information Retrieval, 2005.
        """
        one, other, both = self.count_spans(label)
        return 2 * both / (one + other) if one + other else None

    def kappa(self, label: str | None = None) -> float | None:
        """Return Cohen's kappa over words; with `label`, of whether a word has this label.

        Returns:
            -1 to 1; None if it is not defined, since both gave one and the same label to every word.
        """
        if label is None:
            return cohen_kappa(self.words)
        binary = Counter[tuple[str, str]]()
        for (one, other), n in self.words.items():
            binary[str(one == label), str(other == label)] += n
        return cohen_kappa(binary)


def count_pairs(
    sentences: Iterable[tuple[QueuedSentence, Mapping[str, SentenceDecision]]],
) -> dict[tuple[str, str], PairCounts]:
    """Count for each pair of reviewers, in alphabetical order, what both decided first.

    Args:
        sentences: sentences with the first decision of each reviewer.
    """
    pairs: dict[tuple[str, str], PairCounts] = {}
    for sentence, first in sentences:
        for one, other in combinations(sorted(first), 2):
            pairs.setdefault((one, other), PairCounts()).add(sentence, first[one], first[other])
    return pairs


def cohen_kappa(counts: Mapping[tuple[str, str], int]) -> float | None:
    """Return Cohen's kappa, agreement beyond chance: 1 is perfect, 0 is that of chance.

    Args:
        counts: number of items by the category that one rater gave and the category that the other gave.

    Returns:
        -1 to 1; None without items, or if both raters gave one and the same category to all.

    Source: J. Cohen, A Coefficient of Agreement for Nominal Scales, 1960.
    """
    n = sum(counts.values())
    left, right = Counter[str](), Counter[str]()
    for (one, other), count in counts.items():
        left[one] += count
        right[other] += count
    # in whole numbers, so that no rounding makes a division by nearly zero
    observed = n * sum(count for (one, other), count in counts.items() if one == other)
    by_chance = sum(left[category] * right[category] for category in left)
    return None if n * n == by_chance else (observed - by_chance) / (n * n - by_chance)


def _label_words(words: Iterable[tuple[int, int]], entities: Sequence[ReviewedEntity]) -> list[str]:
    spans = [(entity["start"], entity["end"], entity["label"]) for entity in entities]
    return [
        next((label for first, last, label in spans if first < end and start < last), OUTSIDE) for start, end in words
    ]
