"""What is taken for what, and the sentences where most goes wrong."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.entities import WordSpan, bio_to_spans, score_entity
from ner_tasks.inference.tagger import TaggedSentence

MISSED, SPURIOUS = "missed", "spurious"
N_WORST = 20


def count_confusions(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, dict[str, int]]:
    """For each label of the gold entities, what was said of them: `{"geo": {"geo": 9, "org": 1, "missed": 2}}`.

    An entity belongs to the predicted one that shares most words with it, and each is taken once; bounds need not be
    right here. What is left over is `missed`, and in a row of its own `spurious`.
    """
    table = Counter[tuple[str, str]]()
    for right, guess in zip(gold, predicted, strict=True):
        table.update(_pairs(bio_to_spans(right), bio_to_spans(guess)))
    rows: dict[str, dict[str, int]] = {}
    for (label, said), count in sorted(table.items()):
        rows.setdefault(label, {})[said] = count
    return rows


def find_worst_sentences(
    sentences: Sequence[LabelledSentence], answers: Sequence[TaggedSentence], *, n: int = N_WORST
) -> list[dict[str, Any]]:
    """The sentences with most wrong entities; of those with as many, where the model was most sure of what is wrong.

    Returns:
        At most `n` dicts of `number` (from 1), `words`, `gold` and `found` (entities as `[start, end, label]`),
        `n_wrong`, and `score`: the highest of a wrong entity, 0 where all were missed.
    """
    found = []
    for number, (sentence, answer) in enumerate(zip(sentences, answers, strict=True), start=1):
        right, guess = bio_to_spans(sentence.tags), bio_to_spans(answer.tags)
        wrong = set(guess) - set(right)
        n_wrong = len(wrong) + len(set(right) - set(guess))
        if n_wrong:
            score = max((score_entity(answer.scores, span.start, span.end) for span in wrong), default=0.0)
            found.append((-n_wrong, -score, number, sentence, right, guess))
    chosen = sorted(found, key=lambda one: one[:3])[:n]
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
        for n_wrong, score, number, sentence, right, guess in chosen
    ]


def _pairs(right: Sequence[WordSpan], guess: Sequence[WordSpan]) -> list[tuple[str, str]]:
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
