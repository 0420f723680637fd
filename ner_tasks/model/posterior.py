"""Posterior probability of the entities of a decoded sentence, by the forward-backward algorithm.

The lattice is the decoder's: a valid BIO path has the weight `exp(score / temperature)`, where its score is the sum of its
logits and weighted transitions, which `decoding.viterbi_decode` maximizes. The posterior of an entity is the share of the
weight of all paths that have exactly this span with this label: `B-x` at its first word, `I-x` at the others, and no `I-x`
after it. Unlike the probability of the best path, it does not fall with what is uncertain elsewhere in the sentence.

Weights are scaled to a sum of 1 at each word, so that sentences of any length neither underflow nor overflow.

Shapes: K tags, T words per sentence, B sentences, E entities.

Source: L. R. Rabiner, A Tutorial on Hidden Markov Models, Proc. IEEE 77 (1989), section V.A, for the scaling.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ner_tasks.entities import WordSpan
from ner_tasks.labels import LabelSet
from ner_tasks.model.decoding import Transitions, allowed_transitions

_Floats = NDArray[np.float64]
_GROUP_WORDS = 16_384  # words of sentences of similar length computed together, padding included
# A tag that is 230 nats less probable than the best one of its word counts as that: no sum of weights becomes 0.
_LEAST_WEIGHT = 1e-100


def span_posteriors(
    logits: Sequence[NDArray[np.float32]],
    spans: Sequence[Sequence[WordSpan]],
    label_set: LabelSet,
    transitions: Transitions | None = None,
    *,
    temperature: float = 1.0,
) -> list[list[float]]:
    """Compute the posterior of each span given its sentence.

    Args:
        logits: [words, K] of each sentence.
        spans: spans of each sentence, of labels in the label set; they may overlap, as alternatives.
        label_set: labels of the model.
        transitions: weighted log-probabilities [K + 1, K] as given to `viterbi_decode`; None to only enforce valid BIO.
        temperature: divisor of the scores of the paths, above 0.

    Returns:
        Probabilities, 0 to 1, of each sentence's spans in their order.
    """
    lattice = _Lattice(label_set, transitions, temperature)
    posteriors: list[list[float]] = [[] for _ in logits]
    for group in _group_by_length(logits, spans):
        found = [(row, span) for row, index in enumerate(group) for span in spans[index]]
        values = lattice.score_spans([logits[index] for index in group], found)
        for (row, _), value in zip(found, values.tolist(), strict=True):
            posteriors[group[row]].append(value)
    return posteriors


def _group_by_length(logits: Sequence[NDArray[np.float32]], spans: Sequence[Sequence[WordSpan]]) -> Iterator[list[int]]:
    """Yield the numbers of the sentences that have spans in groups of similar length, the shortest first."""
    order = sorted((index for index, one in enumerate(spans) if one), key=lambda index: len(logits[index]))
    group: list[int] = []
    for index in order:
        if group and (len(group) + 1) * len(logits[index]) > _GROUP_WORDS:
            yield group
            group = []
        group.append(index)
    if group:
        yield group


class _Lattice:
    """Weights of the steps from tag to tag at one temperature: [K] for first words, [K, K] for the others."""

    def __init__(self, label_set: LabelSet, transitions: Transitions | None, temperature: float):
        allowed = allowed_transitions(label_set)  # [K + 1, K]
        scores = np.zeros(allowed.shape) if transitions is None else transitions.astype(np.float64)
        steps = np.where(allowed, _weigh(scores - scores.max(), temperature), 0.0)
        self._first, self._steps, self._temperature = steps[-1], steps[:-1], temperature
        self._id_of = label_set.id_of

    def score_spans(self, logits: Sequence[NDArray[np.float32]], found: Sequence[tuple[int, WordSpan]]) -> _Floats:
        """Compute the posterior [E] of spans, each with the index of its sentence; shorter sentences come first."""
        lengths = np.array([len(one) for one in logits])
        words = self._weigh_words(logits)
        # index of the first sentence that has each word
        firsts = np.searchsorted(lengths, np.arange(len(words)), side="right").tolist()
        forward, sums = self._run_forward(words, firsts)
        backward = self._run_backward(words, firsts, sums)
        row = np.array([row for row, _ in found])  # [E]
        start = np.array([span.start for _, span in found])
        end = np.array([span.end for _, span in found])
        begin = np.array([self._id_of[f"B-{span.label}"] for _, span in found])
        inside = np.array([self._id_of[f"I-{span.label}"] for _, span in found])

        posterior = forward[start, row, begin]  # of all that leads to the first word
        last = begin.copy()
        for offset in range(1, int((end - start).max())):
            longer = start + offset < end
            at, of, tag = start[longer] + offset, row[longer], inside[longer]
            posterior[longer] *= self._steps[last[longer], tag] * words[at, of, tag] / sums[at, of]
            last[longer] = tag
        followed = end < lengths[row]
        at, of, tag = end[followed], row[followed], inside[followed]
        after = self._steps[last[followed]] * words[at, of] * backward[at, of]  # [E, K]
        after[np.arange(len(tag)), tag] = 0.0  # the entity ends before this word
        posterior[followed] *= after.sum(axis=1) / sums[at, of]
        return np.minimum(posterior, 1.0)

    def _weigh_words(self, logits: Sequence[NDArray[np.float32]]) -> _Floats:
        """Return the weight of each tag at each word, at most 1, [T, B, K]; that of padding is arbitrary."""
        scores = np.zeros((len(logits[-1]), len(logits), len(self._steps)), np.float32)
        for row, one in enumerate(logits):
            scores[: len(one), row] = one
        return _weigh(scores - scores.max(axis=2, keepdims=True), self._temperature)

    def _run_forward(self, words: _Floats, firsts: Sequence[int]) -> tuple[_Floats, _Floats]:
        """Return the share of each tag in the paths up to each word, [T, B, K], and what they were divided by, [T, B]."""
        forward, sums = np.empty_like(words), np.ones(words.shape[:2])
        np.multiply(self._first, words[0], out=forward[0])
        for word, first in enumerate(firsts):
            here = forward[word, first:]  # of the sentences that have this word
            if word:
                np.matmul(forward[word - 1, first:], self._steps, out=here)
                here *= words[word, first:]
            np.add.reduce(here, axis=1, out=sums[word, first:])
            here /= sums[word, first:, None]
        return forward, sums

    def _run_backward(self, words: _Floats, firsts: Sequence[int], sums: _Floats) -> _Floats:
        """Return the weight of the paths after each tag of each word, [T, B, K]; 1 after the last word."""
        backward, scaled, steps = np.ones_like(words), words / sums[:, :, None], self._steps.T
        for word in range(len(words) - 1, 0, -1):
            first = firsts[word]
            np.matmul(scaled[word, first:] * backward[word, first:], steps, out=backward[word - 1, first:])
        return backward


def _weigh(scores: NDArray[np.floating], temperature: float) -> _Floats:
    """Return the weights of scores of at most 0."""
    return np.maximum(np.exp(scores.astype(np.float64) / temperature), _LEAST_WEIGHT)
