"""From scores of single words to the tags of a sentence: the best path through both, what the model says about each
word and which tag follows which in labelled text.

The model scores each word for itself. That `I-per` seldom follows `B-geo`, and never `O`, is known from counting, and
costs nothing to learn: on the Kaggle file the counts are worth 0.7 points of entity F1 (docs/history.md).
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ner_tasks.labels import OUTSIDE, LabelSet

# Log-probabilities [K + 1, K] of a tag after each tag; the last row is for the first word of a sentence.
Transitions = NDArray[np.float32]
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
_UNSEEN = 0.5  # added to each count: what was never seen is rare, not impossible
_GROUP = 512  # sentences of similar length that are decoded together


def count_transitions(tagged: Sequence[Sequence[str]], label_set: LabelSet) -> Transitions:
    """How probable each tag is after each tag, by counting.

    Args:
        tagged: BIO tags of labelled sentences, valid and all known to the label set.
        label_set: the model's labels.
    """
    n_tags = len(label_set.tags)
    counts = np.full((n_tags + 1, n_tags), _UNSEEN)
    for tags in tagged:
        before = n_tags
        for tag in tags:
            counts[before, label_set.id_of[tag]] += 1
            before = label_set.id_of[tag]
    log: Transitions = np.log(counts / counts.sum(axis=1, keepdims=True)).astype(np.float32)
    return log


def fit_transition_weight(score_of: Callable[[float], float]) -> float:
    """The weight of the transitions beside the logits that scores best, the smaller of two that score alike.

    Args:
        score_of: entity F1 at a weight, on sentences that the model was not trained on.
    """
    return max(WEIGHTS, key=lambda weight: (score_of(weight), -weight))


def viterbi_decode(
    logits: Sequence[NDArray[np.float32]], label_set: LabelSet, transitions: Transitions | None = None
) -> list[NDArray[np.intp]]:
    """The most probable sequence of tag ids of each sentence among those that are valid BIO (Viterbi).

    Args:
        logits: [words, K] for each sentence, words from 0. A word's logits differ from the logarithms of its
            probabilities by one number, which changes no order among the paths.
        label_set: the model's labels.
        transitions: weighted; None lets validity alone decide.

    Returns:
        Tag ids [words] for each sentence.

    Source: G. D. Forney, The Viterbi algorithm, Proc. IEEE 61 (1973).
    """
    steps = _valid(label_set) if transitions is None else transitions + _valid(label_set)  # [K + 1, K]
    paths: list[NDArray[np.intp]] = [np.zeros(0, np.intp)] * len(logits)
    order = sorted((index for index, one in enumerate(logits) if len(one)), key=lambda index: len(logits[index]))
    for at in range(0, len(order), _GROUP):
        group = order[at : at + _GROUP]
        for index, path in zip(group, _decode([logits[index] for index in group], steps), strict=True):
            paths[index] = path
    return paths


def allowed_transitions(label_set: LabelSet) -> NDArray[np.bool_]:
    """Whether BIO allows a tag after a tag, [K + 1, K]; the last row is for the first word of a sentence."""
    return np.array([[label_set.may_follow(a, b) for b in label_set.tags] for a in (*label_set.tags, OUTSIDE)])


def _valid(label_set: LabelSet) -> Transitions:
    """0 where BIO allows a tag after a tag, minus infinity elsewhere."""
    return np.where(allowed_transitions(label_set), 0.0, -np.inf).astype(np.float32)


def _decode(logits: Sequence[NDArray[np.float32]], steps: Transitions) -> list[NDArray[np.intp]]:
    """Paths of sentences of similar length, all at once."""
    lengths = np.array([len(one) for one in logits])
    n_sentences, n_words, n_tags = len(logits), int(lengths.max()), steps.shape[1]
    scores = np.zeros((n_words, n_tags, n_sentences), np.float32)  # [T, K, B]
    for row, one in enumerate(logits):
        scores[: len(one), :, row] = one
    best = scores[0] + steps[n_tags][:, None]  # [K, B]
    came_from = np.empty((n_words, n_tags, n_sentences), np.uint16)  # [T, K, B]
    stay = np.arange(n_tags, dtype=np.uint16)[:, None]
    for word in range(1, n_words):
        reached = _step(best, steps[:n_tags], came_from[word]) + scores[word]  # [K, B]
        ended = lengths <= word  # [B]
        if ended.any():
            reached, came_from[word] = np.where(ended, best, reached), np.where(ended, stay, came_from[word])
        best = reached
    ids = np.empty((n_words, n_sentences), np.intp)  # [T, B]
    ids[-1] = best.argmax(axis=0)
    every = np.arange(n_sentences)
    for word in range(n_words - 1, 0, -1):
        ids[word - 1] = came_from[word, ids[word], every]
    return [ids[:length, row] for row, length in enumerate(lengths)]


def _step(best: NDArray[np.float32], steps: Transitions, came_from: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Best score [K, B] of the paths to each tag, before the next word's own; `came_from` is told their tags before.

    Tag by tag over rows of sentences, which takes a quarter of the time of all K x K x B sums at once.
    """
    top: NDArray[np.float32] = best[0] + steps[0][:, None]  # [K, B]
    came_from[:] = 0
    for before in range(1, len(steps)):
        paths = best[before] + steps[before][:, None]  # [K, B]
        np.copyto(came_from, before, where=paths > top)
        np.maximum(top, paths, out=top)
    return top
