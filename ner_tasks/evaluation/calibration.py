"""Temperature scaling and calibration error: of the predictions with score 0.9, nine in ten should be correct.

The temperature divides the logits of a model. It is fitted on labelled sentences outside the train part and stored in
the manifest. It changes no tag, since it scales all logits of a word alike.

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
# A temperature outside these bounds means too few or too easy sentences; without any error it would be 0.
_BOUNDS = (0.2, 5.0)


def fit_on_sentences(
    sentence_logits: Sequence[SentenceLogits], gold: Sequence[Sequence[str]], label_set: LabelSet
) -> float:
    """Fit the temperature on labelled sentences; see `fit_temperature`.

    Args:
        sentence_logits: logits of each sentence.
        gold: BIO tags of each sentence; words with a tag outside `label_set` are left out.
        label_set: labels of the model.
    """
    ids = np.array([label_set.id_of.get(tag, -1) for tags in gold for tag in tags], np.int64)  # [words]
    if not len(ids):
        return 1.0
    logits = np.concatenate([sentence.logits for sentence in sentence_logits])  # [words, K]
    return fit_temperature(logits[ids >= 0], ids[ids >= 0])


def fit_temperature(logits: NDArray[np.float32], tag_ids: NDArray[np.int_]) -> float:
    """Fit the temperature that minimizes the negative log-likelihood of the gold tags.

    Args:
        logits: [words, K], of sentences that the model was not trained on.
        tag_ids: id of the gold tag of each word, [words].

    Returns:
        0.2 to 5; above 1 if the model is overconfident. 1 if there are no words, or if no temperature is better.
    """
    if not len(tag_ids):
        return 1.0
    # The loss is convex in 1 / temperature, so it has a single minimum in log(temperature).
    optimum = minimize_scalar(
        lambda log_temperature: negative_log_likelihood(logits, tag_ids, float(np.exp(log_temperature))),
        bounds=tuple(np.log(_BOUNDS)),
        method="bounded",
    )
    candidates = (1.0, float(np.exp(optimum.x)))
    return min(candidates, key=lambda temperature: negative_log_likelihood(logits, tag_ids, temperature))


def negative_log_likelihood(logits: NDArray[np.float32], tag_ids: NDArray[np.int_], temperature: float) -> float:
    """Return the mean negative log-likelihood of the gold tags.

    Args:
        logits: [words, K].
        tag_ids: id of the gold tag of each word, [words].
        temperature: divisor of the logits, above 0.
    """
    scaled = logits.astype(np.float64) / temperature  # [words, K]
    scaled -= scaled.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(scaled).sum(axis=1))  # [words]
    return float(np.mean(log_sums - scaled[np.arange(len(tag_ids)), tag_ids]))


def expected_calibration_error(scores: Sequence[float], are_right: Sequence[bool], *, n_bins: int = N_BINS) -> float:
    """Return the expected calibration error over bins of equal width.

    Args:
        scores: score of each prediction, 0 to 1.
        are_right: whether each prediction is correct.
        n_bins: number of bins.

    Returns:
        0 to 1; 0 if there are no predictions.
    """
    if not len(scores):
        return 0.0
    values, right = np.asarray(scores, np.float64), np.asarray(are_right, np.float64)
    bins = np.minimum((values * n_bins).astype(int), n_bins - 1)
    # Sum of scores minus sum of hits is size x distance in each bin; the sizes cancel in the weighted mean.
    distances = np.abs(np.bincount(bins, values - right, minlength=n_bins))
    return float(distances.sum() / len(values))


def calibration_errors(gold: Sequence[Sequence[str]], answers: Sequence[TaggedSentence]) -> dict[str, float]:
    """Return the expected calibration error over words and over entities: `{"words": ..., "entities": ...}`.

    Args:
        gold: BIO tags of each sentence.
        answers: predictions for the same sentences; an entity is correct if bounds and label are.
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
