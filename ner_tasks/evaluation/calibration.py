"""Temperature scaling and calibration error: of the predictions with score 0.9, nine in ten should be correct.

A model has two temperatures, fitted on labelled sentences outside the train part and stored in the manifest: one divides
the logits of a word, for the score of its tag by itself; one divides the scores of the paths through a sentence, for the
scores of its entities. They change no tag. docs/decisions/0019-what-a-score-is.md explains the second one.

Source: C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ner_tasks.entities import bio_to_spans
from ner_tasks.inference.tagger import SentenceLogits, TaggedSentence
from ner_tasks.labels import LabelSet
from ner_tasks.model.decoding import Transitions
from ner_tasks.model.posterior import span_posteriors

N_BINS = 15
# A temperature outside these bounds means too few or too easy sentences; without any error it would be 0.
_BOUNDS = (0.2, 5.0)
# Fewer entities than these say too little of a temperature.
MIN_ENTITIES = 100
_LEAST = 1e-12  # posteriors nearer to 0 and 1 count as these in logarithms


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
    return _minimize(lambda temperature: negative_log_likelihood(logits, tag_ids, temperature))


def fit_entity_temperature(
    sentence_logits: Sequence[SentenceLogits],
    answers: Sequence[TaggedSentence],
    gold: Sequence[Sequence[str]],
    label_set: LabelSet,
    transitions: Transitions,
) -> float | None:
    """Fit the temperature at which posteriors of entities best predict which of them are right.

    Minimizes the log loss. Right and wrong entities count as nearly so, by how few there are: a model without an error on
    these sentences is not certain of everything.

    Args:
        sentence_logits: logits of each sentence, that the model was not trained on.
        answers: predictions from these logits and transitions.
        gold: BIO tags of each sentence.
        label_set: labels of the model.
        transitions: weighted log-probabilities [K + 1, K].

    Returns:
        0.2 to 5; None if fewer than `MIN_ENTITIES` were found.

    Source: J. Platt, Probabilistic Outputs for Support Vector Machines, 1999, for the targets.
    """
    logits = [sentence.logits for sentence in sentence_logits]
    spans = [[span for span, _ in answer.entities] for answer in answers]
    right = np.array(_entity_scores(gold, answers)[1], bool)  # [entities]
    if len(right) < MIN_ENTITIES:
        return None
    n_right, n_wrong = int(right.sum()), int((~right).sum())
    targets = np.where(right, (n_right + 1) / (n_right + 2), 1 / (n_wrong + 2))

    def log_loss(temperature: float) -> float:
        posteriors = span_posteriors(logits, spans, label_set, transitions, temperature=temperature)
        values = np.clip([value for of_sentence in posteriors for value in of_sentence], _LEAST, 1 - _LEAST)
        return float(-np.mean(targets * np.log(values) + (1 - targets) * np.log1p(-values)))

    return _minimize(log_loss)


def _minimize(loss: Callable[[float], float]) -> float:
    """Return the temperature of least loss; 1 if none is better."""
    optimum = minimize_scalar(
        lambda log_temperature: loss(float(np.exp(log_temperature))),
        bounds=tuple(np.log(_BOUNDS)),
        method="bounded",
        options={"xatol": 1e-3},
    )
    return min((1.0, float(np.exp(optimum.x))), key=loss)


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
    for tags, answer in zip(gold, answers, strict=True):
        word_scores += answer.scores
        words_right += [tag == guess for tag, guess in zip(tags, answer.tags, strict=True)]
    return {
        "words": expected_calibration_error(word_scores, words_right),
        "entities": expected_calibration_error(*_entity_scores(gold, answers)),
    }


def _entity_scores(gold: Sequence[Sequence[str]], answers: Sequence[TaggedSentence]) -> tuple[list[float], list[bool]]:
    """Return the score of each predicted entity, and whether it is right."""
    scores, are_right = list[float](), list[bool]()
    for tags, answer in zip(gold, answers, strict=True):
        right = set(bio_to_spans(tags))
        scores += [score for _, score in answer.entities]
        are_right += [span in right for span, _ in answer.entities]
    return scores, are_right
