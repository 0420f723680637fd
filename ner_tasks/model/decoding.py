"""Viterbi decoding of the logits of a sentence with transition scores counted in labelled text.

The model scores each word independently. Transition counts add that `I-per` rarely follows `B-geo` and never `O`, which
is worth 0.7 points of entity F1 on the Kaggle file (docs/history.md).

Shapes: K tags, T words per sentence, B sentences.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ner_tasks.labels import OUTSIDE, LabelSet

# Log-probabilities [K + 1, K] of each tag after each tag; the last row is for the first word of a sentence.
Transitions = NDArray[np.float32]
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
_SMOOTHING = 0.5  # added to each count, so that unseen transitions are rare instead of impossible
_GROUP = 512  # sentences of similar length decoded together
# Up to this many sentences, a call of NumPy takes longer than the sums it saves.
_FEW = 4
_CACHED = 16  # label sets whose tables are kept


def count_transitions(tagged: Sequence[Sequence[str]], label_set: LabelSet) -> Transitions:
    """Estimate transition log-probabilities from labelled sentences.

    Args:
        tagged: valid BIO tags of labelled sentences; every tag must be in the label set.
        label_set: labels of the model.

    Returns:
        [K + 1, K].
    """
    n_tags = len(label_set.tags)
    counts = np.full((n_tags + 1, n_tags), _SMOOTHING)
    for tags in tagged:
        before = n_tags
        for tag in tags:
            counts[before, label_set.id_of[tag]] += 1
            before = label_set.id_of[tag]
    log: Transitions = np.log(counts / counts.sum(axis=1, keepdims=True)).astype(np.float32)
    return log


def fit_transition_weight(score_of: Callable[[float], float]) -> float:
    """Return the weight of the transitions with the best score, the smallest one on a tie.

    Args:
        score_of: returns the entity F1 for a weight, on sentences that the model was not trained on.
    """
    return max(WEIGHTS, key=lambda weight: (score_of(weight), -weight))


def viterbi_decode(
    logits: Sequence[NDArray[np.float32]], label_set: LabelSet, transitions: Transitions | None = None
) -> list[NDArray[np.intp]]:
    """Find the most probable valid BIO sequence of each sentence with the Viterbi algorithm.

    Args:
        logits: [words, K] for each sentence; 0 words are allowed. Logits differ from log-probabilities by a constant per
            word, which does not change the order of the paths.
        label_set: labels of the model.
        transitions: weighted log-probabilities [K + 1, K]; None to only enforce valid BIO.

    Returns:
        Tag ids [words] for each sentence.

    Source: G. D. Forney, The Viterbi algorithm, Proc. IEEE 61 (1973).
    """
    mask = _transition_mask(label_set)
    steps = mask if transitions is None else transitions + mask  # [K + 1, K]
    paths: list[NDArray[np.intp]] = [np.zeros(0, np.intp)] * len(logits)
    order = sorted((index for index, one in enumerate(logits) if len(one)), key=lambda index: len(logits[index]))
    for at in range(0, len(order), _GROUP):
        group = order[at : at + _GROUP]
        for index, path in zip(group, _decode([logits[index] for index in group], steps), strict=True):
            paths[index] = path
    return paths


@lru_cache(_CACHED)
def allowed_transitions(label_set: LabelSet) -> NDArray[np.bool_]:
    """Return whether BIO allows each tag after each tag, [K + 1, K]; the last row is for the first word of a sentence.

    The array is shared by all callers and read-only.
    """
    allowed = np.array([[label_set.may_follow(a, b) for b in label_set.tags] for a in (*label_set.tags, OUTSIDE)])
    allowed.setflags(write=False)
    return allowed


@lru_cache(_CACHED)
def _transition_mask(label_set: LabelSet) -> Transitions:
    """Return 0 where BIO allows a tag after a tag, minus infinity elsewhere; read-only."""
    mask: Transitions = np.where(allowed_transitions(label_set), 0.0, -np.inf).astype(np.float32)
    mask.setflags(write=False)
    return mask


def _decode(logits: Sequence[NDArray[np.float32]], steps: Transitions) -> list[NDArray[np.intp]]:
    """Decode sentences of similar length together."""
    lengths = np.array([len(one) for one in logits])
    n_sentences, n_words, n_tags = len(logits), int(lengths.max()), steps.shape[1]
    scores = np.zeros((n_words, n_tags, n_sentences), np.float32)  # [T, K, B]
    for row, one in enumerate(logits):
        scores[: len(one), :, row] = one
    best = scores[0] + steps[n_tags][:, None]  # [K, B]
    came_from = np.empty((n_words, n_tags, n_sentences), np.uint16)  # [T, K, B]
    stay, shortest = np.arange(n_tags, dtype=np.uint16)[:, None], int(lengths.min())
    step = _step_few if n_sentences <= _FEW else _step
    for word in range(1, n_words):
        reached = step(best, steps[:n_tags], came_from[word]) + scores[word]  # [K, B]
        if word >= shortest:
            ended = lengths <= word  # [B]
            reached, came_from[word] = np.where(ended, best, reached), np.where(ended, stay, came_from[word])
        best = reached
    ids = np.empty((n_words, n_sentences), np.intp)  # [T, B]
    ids[-1] = best.argmax(axis=0)
    every = np.arange(n_sentences)
    for word in range(n_words - 1, 0, -1):
        ids[word - 1] = came_from[word, ids[word], every]
    return [ids[:length, row] for row, length in enumerate(lengths)]


def _step(best: NDArray[np.float32], steps: Transitions, came_from: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the best score [K, B] of the paths to each tag, without that of the next word; fills `came_from`.

    Loops over previous tags, which takes a quarter of the time of all K x K x B sums at once.
    """
    top: NDArray[np.float32] = best[0] + steps[0][:, None]  # [K, B]
    came_from[:] = 0
    for before in range(1, len(steps)):
        paths = best[before] + steps[before][:, None]  # [K, B]
        np.copyto(came_from, before, where=paths > top)
        np.maximum(top, paths, out=top)
    return top


def _step_few(best: NDArray[np.float32], steps: Transitions, came_from: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Do as `_step` does, to the same bits, in fewer calls of NumPy."""
    paths = best[:, None, :] + steps[:, :, None]  # [K before, K, B]
    came_from[:] = paths.argmax(axis=0)
    top: NDArray[np.float32] = paths.max(axis=0)
    return top
