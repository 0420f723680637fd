"""Error analysis: confusion of labels, and the sentences with most errors."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.entities import WordSpan, bio_to_spans
from ner_tasks.inference.tagger import TaggedSentence

MISSED, SPURIOUS = "missed", "spurious"
N_WORST = 20


def count_confusions(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, dict[str, int]]:
    """Count the predicted labels of the gold entities of each label: `{"geo": {"geo": 9, "org": 1, "missed": 2}}`.

    Pairs each gold entity with the predicted entity that shares most words with it, one to one, whether or not the
    bounds match. Gold entities without a partner count as `missed`; predicted ones form the row `spurious`.

    Args:
        gold: BIO tags of each sentence.
        predicted: predicted BIO tags of the same sentences.
    """
    table = Counter[tuple[str, str]]()
    for right, guess in zip(gold, predicted, strict=True):
        table.update(_pair_labels(bio_to_spans(right), bio_to_spans(guess)))
    rows: dict[str, dict[str, int]] = {}
    for (label, predicted_label), count in sorted(table.items()):
        rows.setdefault(label, {})[predicted_label] = count
    return rows


def find_worst_sentences(
    sentences: Sequence[LabelledSentence], answers: Sequence[TaggedSentence], *, n: int = N_WORST
) -> list[dict[str, Any]]:
    """Return the sentences with most wrong entities; ties are broken by the highest score of a wrong entity.

    Args:
        sentences: labelled sentences.
        answers: predictions for them.
        n: maximum number of sentences to return.

    Returns:
        At most `n` dicts of `number` (from 1), `origin`, `words`, `gold` and `found` (gold and predicted entities as
        `[start, end, label]`), `n_wrong`, and `score`: the highest score of a wrong entity, 0 if all were missed.
    """
    candidates = []
    for number, (sentence, answer) in enumerate(zip(sentences, answers, strict=True), start=1):
        right, guess = bio_to_spans(sentence.tags), bio_to_spans(answer.tags)
        wrong = set(guess) - set(right)
        n_wrong = len(wrong) + len(set(right) - set(guess))
        if n_wrong:
            score = max((score for span, score in answer.entities if span in wrong), default=0.0)
            candidates.append((-n_wrong, -score, number, sentence, right, guess))
    worst = sorted(candidates, key=lambda one: one[:3])[:n]
    return [
        {
            "number": number,
            "origin": sentence.origin,
            "words": list(sentence.words),
            "gold": [[span.start, span.end, span.label] for span in right],
            "found": [[span.start, span.end, span.label] for span in guess],
            "n_wrong": -n_wrong,
            "score": round(-score, 4),
        }
        for n_wrong, score, number, sentence, right, guess in worst
    ]


def _pair_labels(right: Sequence[WordSpan], guess: Sequence[WordSpan]) -> list[tuple[str, str]]:
    shared = [
        (min(one.end, other.end) - max(one.start, other.start), one.label == other.label, at, beside)
        for at, one in enumerate(right)
        for beside, other in enumerate(guess)
    ]
    taken, used, pairs = set[int](), set[int](), list[tuple[str, str]]()
    for n_words, _, at, beside in sorted(shared, key=lambda pair: (-pair[0], not pair[1], pair[2:])):
        if n_words > 0 and at not in taken and beside not in used:
            taken.add(at)
            used.add(beside)
            pairs.append((right[at].label, guess[beside].label))
    pairs += [(span.label, MISSED) for at, span in enumerate(right) if at not in taken]
    return pairs + [(SPURIOUS, span.label) for beside, span in enumerate(guess) if beside not in used]
