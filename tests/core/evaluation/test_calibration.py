"""Scores mean what they say: a fitted temperature recovers the truth, harms nothing and changes no tag."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ner_tasks.entities import ScoredSpan, WordSpan
from ner_tasks.evaluation import calibration
from ner_tasks.inference.tagger import SentenceLogits, TaggedSentence, Tagger
from ner_tasks.labels import LabelSet, find_bio_violation
from ner_tasks.model import model_folder

LABELS = LabelSet(("geo", "per"))
LOGITS = arrays(np.float32, st.tuples(st.integers(1, 30), st.just(5)), elements=st.floats(-30, 30, width=32))


def overconfident(times: float, *, n_words: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `times` too large, and tags drawn from the probabilities that they should have given."""
    chance = np.random.default_rng(0)
    logits = chance.normal(0, 2, (n_words, 5)).astype(np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    tag_ids = (probabilities.cumsum(axis=1) < chance.random((n_words, 1))).sum(axis=1)
    return logits * np.float32(times), tag_ids


@pytest.mark.parametrize("times", [0.5, 1.0, 2.5])
def test_the_temperature_that_logits_were_multiplied_by_is_found(times: float) -> None:
    assert calibration.fit_temperature(*overconfident(times)) == pytest.approx(times, rel=0.03)


@given(LOGITS, st.data())
def test_a_fitted_temperature_never_makes_the_right_tags_less_probable(logits: np.ndarray, data: st.DataObject) -> None:
    tag_ids = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(logits), max_size=len(logits))))
    temperature = calibration.fit_temperature(logits, tag_ids)
    assert 0.2 <= temperature <= 5
    before = calibration.negative_log_likelihood(logits, tag_ids, 1.0)
    assert calibration.negative_log_likelihood(logits, tag_ids, temperature) <= before


def test_the_right_temperature_takes_the_calibration_error_away() -> None:
    logits, tag_ids = overconfident(2.5)

    def error(temperature: float) -> float:
        scaled = np.exp(logits / temperature)
        probabilities = scaled / scaled.sum(axis=1, keepdims=True)
        right = probabilities.argmax(axis=1) == tag_ids
        return calibration.expected_calibration_error(probabilities.max(axis=1), right)

    assert error(1.0) > 0.1
    assert error(calibration.fit_temperature(logits, tag_ids)) < 0.02


def test_the_calibration_error_is_the_distance_between_scores_and_hits() -> None:
    # In one bin three answers at 0.9 of which one is right, in another one at 0.3 which is wrong.
    error = calibration.expected_calibration_error([0.9, 0.9, 0.9, 0.3], [True, False, False, False])
    assert error == pytest.approx((3 * (0.9 - 1 / 3) + 0.3) / 4)
    assert calibration.expected_calibration_error([1.0, 1.0], [True, True]) == 0
    assert calibration.expected_calibration_error([], []) == 0


def test_an_entity_is_right_when_its_bounds_and_its_label_are() -> None:
    gold = [["B-per", "I-per", "O", "B-geo"]]
    entities = (ScoredSpan(WordSpan(0, 2, "per"), 0.6), ScoredSpan(WordSpan(3, 4, "per"), 0.3))
    answer = TaggedSentence(("B-per", "I-per", "O", "B-per"), (0.8, 0.6, 1.0, 0.3), entities, 6, 1)
    errors = calibration.calibration_errors(gold, [answer])
    assert errors["words"] == pytest.approx((0.2 + 0.4 + 0.3) / 4)
    assert errors["entities"] == pytest.approx((0.4 + 0.3) / 2)


def test_words_with_a_tag_that_the_model_does_not_know_are_left_out() -> None:
    logits, tag_ids = overconfident(2.0, n_words=2000)
    gold = [[LABELS.tags[tag_id] for tag_id in tag_ids], ["B-gene"] * 500]
    stray = np.zeros((500, 5), np.float32)
    sentence_logits = [SentenceLogits(logits, 0, 1), SentenceLogits(stray, 0, 1)]
    assert calibration.fit_on_sentences(sentence_logits, gold, LABELS) == calibration.fit_temperature(logits, tag_ids)


def test_no_words_leave_the_scores_as_they_are() -> None:
    assert calibration.fit_on_sentences([], [], LABELS) == 1.0
    assert calibration.fit_on_sentences([SentenceLogits(np.zeros((1, 5), np.float32), 0, 1)], [["B-x"]], LABELS) == 1.0


def drawn(
    temperature: float, *, n_sentences: int = 1500, seed: int = 0
) -> tuple[list[SentenceLogits], list[list[str]]]:
    """Logits of sentences, and tags drawn from their paths with the given temperature, word after word."""
    chance = np.random.default_rng(seed)
    sentences = [(3 * chance.normal(size=(6, 5))).astype(np.float32) for _ in range(n_sentences)]
    paths = [path for path in product(LABELS.tags, repeat=6) if find_bio_violation(path) is None]
    ids = np.array([[LABELS.id_of[tag] for tag in path] for path in paths])  # [paths, words]
    gold = []
    for logits in sentences:
        scores = logits[np.arange(6), ids].sum(axis=1) / temperature
        weights = np.exp(scores - scores.max())
        gold.append(list(paths[chance.choice(len(paths), p=weights / weights.sum())]))
    return [SentenceLogits(logits, 6, 1) for logits in sentences], gold


def decode(sentence_logits: list[SentenceLogits], **options: float) -> list[TaggedSentence]:
    manifest = model_folder.ModelManifest("frozen", LABELS.labels, {}, 32)
    return Tagger(None, None, manifest).decode(sentence_logits, **options)


NO_TRANSITIONS = np.zeros((6, 5), np.float32)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.0])
def test_the_temperature_that_entities_were_drawn_with_is_found_and_calibrates_others(temperature: float) -> None:
    logits, gold = drawn(temperature)
    fitted = calibration.fit_entity_temperature(logits, decode(logits), gold, LABELS, NO_TRANSITIONS)
    assert fitted == pytest.approx(temperature, rel=0.1)
    others, their_gold = drawn(temperature, seed=1)
    error = calibration.calibration_errors(their_gold, decode(others, entity_temperature=fitted))["entities"]
    assert error < 0.03


def test_a_model_without_an_error_on_few_sentences_is_not_certain_of_everything() -> None:
    logits, _ = drawn(1.0, n_sentences=60)
    answers = decode(logits)
    gold = [list(answer.tags) for answer in answers]
    fitted = calibration.fit_entity_temperature(logits, answers, gold, LABELS, NO_TRANSITIONS)
    assert fitted is not None
    scores = [score for answer in decode(logits, entity_temperature=fitted) for _, score in answer.entities]
    assert 0.9 < np.mean(scores) < 0.98


def test_too_few_entities_fit_no_temperature() -> None:
    logits, gold = drawn(1.0, n_sentences=10)
    answers = decode(logits)
    assert 0 < sum(len(answer.entities) for answer in answers) < calibration.MIN_ENTITIES
    assert calibration.fit_entity_temperature(logits, answers, gold, LABELS, NO_TRANSITIONS) is None
    assert calibration.fit_entity_temperature([], [], [], LABELS, NO_TRANSITIONS) is None
