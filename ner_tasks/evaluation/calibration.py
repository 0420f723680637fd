"""Scores that mean what they say: of the answers given with 0.9, nine in ten are right.

One number, the temperature, by which a model's logits are divided. It is fitted on labelled sentences that the model
has not learnt from, kept in its manifest, and changes no tag: all logits of a word shrink alike.

Source: C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ner_tasks.entities import bio_to_spans, score_entity
from ner_tasks.inference.tagger import SentenceLogits, TaggedSentence
from ner_tasks.labels import LabelSet

N_BINS = 15
# Beyond these the sentences were too few or too easy to tell anything: on a part without a mistake it would be 0.
_BOUNDS = (0.2, 5.0)


def fit_on_sentences(found: Sequence[SentenceLogits], gold: Sequence[Sequence[str]], label_set: LabelSet) -> float:
    """The temperature for a model's logits of labelled sentences; see `fit_temperature`.

    Args:
        found: logits of each sentence.
        gold: BIO tags of each sentence. Words with a tag that the model does not know are left out.
        label_set: the model's labels.
    """
    ids = np.array([label_set.id_of.get(tag, -1) for tags in gold for tag in tags], np.int64)  # [words]
    if not len(ids):
        return 1.0
    logits = np.concatenate([sentence.logits for sentence in found])  # [words, K]
    return fit_temperature(logits[ids >= 0], ids[ids >= 0])


def fit_temperature(logits: NDArray[np.float32], tag_ids: NDArray[np.int_]) -> float:
    """The temperature under which the right tags are most probable; never worse than 1 on what it is fitted on.

    Args:
        logits: [words, K], of sentences that the model was not trained on.
        tag_ids: the right tag of each word, [words].

    Returns:
        0.2 to 5; above 1 where the model is too sure of itself. 1 for no words.
    """
    if not len(tag_ids):
        return 1.0
    # In 1 / temperature the loss is convex, so it has one lowest point in log(temperature) as well.
    found = minimize_scalar(
        lambda log_temperature: negative_log_likelihood(logits, tag_ids, float(np.exp(log_temperature))),
        bounds=tuple(np.log(_BOUNDS)),
        method="bounded",
    )
    candidates = (1.0, float(np.exp(found.x)))
    return min(candidates, key=lambda temperature: negative_log_likelihood(logits, tag_ids, temperature))


def negative_log_likelihood(logits: NDArray[np.float32], tag_ids: NDArray[np.int_], temperature: float) -> float:
    """Mean over the words of -log of the right tag's probability."""
    scaled = logits.astype(np.float64) / temperature  # [words, K]
    scaled -= scaled.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(scaled).sum(axis=1))  # [words]
    return float(np.mean(log_sums - scaled[np.arange(len(tag_ids)), tag_ids]))


def expected_calibration_error(scores: Sequence[float], are_right: Sequence[bool], *, n_bins: int = N_BINS) -> float:
    """Mean distance between how sure the answers are and how often they are right, over bins of equal width.

    Args:
        scores: probability given to each answer, 0 to 1.
        are_right: whether each was right.
        n_bins: number of bins.

    Returns:
        0 to 1; 0 for no answers.
    """
    if not len(scores):
        return 0.0
    values, right = np.asarray(scores, np.float64), np.asarray(are_right, np.float64)
    bins = np.minimum((values * n_bins).astype(int), n_bins - 1)
    # In each bin: sum of scores - sum of hits = size x distance; the sizes cancel in the weighted mean.
    distances = np.abs(np.bincount(bins, values - right, minlength=n_bins))
    return float(distances.sum() / len(values))


def calibration_errors(gold: Sequence[Sequence[str]], answers: Sequence[TaggedSentence]) -> dict[str, float]:
    """Expected calibration error over words and over entities: `{"words": ..., "entities": ...}`.

    Args:
        gold: BIO tags of each sentence.
        answers: what the tagger said about them. An entity is right if its bounds and its label are.
    """
    word_scores, words_right = list[float](), list[bool]()
    entity_scores, entities_right = list[float](), list[bool]()
    for tags, answer in zip(gold, answers, strict=True):
        word_scores += answer.scores
        words_right += [tag == guess for tag, guess in zip(tags, answer.tags, strict=True)]
        right = set(bio_to_spans(tags))
        for span in bio_to_spans(answer.tags):
            entity_scores.append(score_entity(answer.scores, span.start, span.end))
            entities_right.append(span in right)
    return {
        "words": expected_calibration_error(word_scores, words_right),
        "entities": expected_calibration_error(entity_scores, entities_right),
    }
