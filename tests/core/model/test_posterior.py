"""The posterior of an entity is its share of all paths through the decoder's lattice, of sentences of any length."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ner_tasks.entities import WordSpan, bio_to_spans
from ner_tasks.labels import LabelSet, find_bio_violation
from ner_tasks.model import posterior
from ner_tasks.model.decoding import viterbi_decode
from ner_tasks.model.posterior import span_posteriors

LABELS = LabelSet(("geo", "per"))
N_TAGS = len(LABELS.tags)
TRANSITIONS = arrays(np.float32, (N_TAGS + 1, N_TAGS), elements=st.floats(-12, 2, width=32))
LOGITS = arrays(np.float32, st.tuples(st.integers(1, 4), st.just(N_TAGS)), elements=st.floats(-9, 9, width=32))
TEMPERATURES = st.floats(0.2, 5)


def enumerate_readings(logits, transitions, temperature):
    """The probability of each reading of a sentence, by looking at every path."""
    paths = [p for p in product(range(N_TAGS), repeat=len(logits)) if is_valid(p)]
    steps = transitions.astype(np.float64)
    scores = np.array(
        [
            logits[np.arange(len(path)), path].astype(np.float64).sum()
            + sum(steps[before, tag] for before, tag in zip((N_TAGS, *path), path, strict=False))
            for path in paths
        ]
    )
    weights = np.exp((scores - scores.max()) / temperature)
    spans = [tuple(bio_to_spans([LABELS.tags[tag] for tag in path])) for path in paths]
    return dict(zip(spans, weights / weights.sum(), strict=True))


def is_valid(path):
    return find_bio_violation([LABELS.tags[tag] for tag in path]) is None


def all_spans(n_words):
    return [
        WordSpan(start, end, label)
        for start in range(n_words)
        for end in range(start + 1, n_words + 1)
        for label in LABELS.labels
    ]


def random_sentences(lengths, *, seed=0, scale=3.0):
    chance = np.random.default_rng(seed)
    return [(scale * chance.normal(size=(n_words, N_TAGS))).astype(np.float32) for n_words in lengths]


def decode(logits, transitions=None):
    paths = viterbi_decode(logits, LABELS, transitions)
    return [bio_to_spans([LABELS.tags[tag] for tag in path.tolist()]) for path in paths]


@given(LOGITS, TRANSITIONS, TEMPERATURES)
def test_it_is_what_counting_every_path_gives(logits, transitions, temperature):
    readings = enumerate_readings(logits, transitions, temperature)
    spans = all_spans(len(logits))
    (result,) = span_posteriors([logits], [spans], LABELS, transitions, temperature=temperature)
    expected = [sum(weight for reading, weight in readings.items() if span in reading) for span in spans]
    np.testing.assert_allclose(result, expected, atol=1e-6)


@given(LOGITS, TRANSITIONS)
def test_a_word_is_in_one_entity_or_in_none(logits, transitions):
    spans = all_spans(len(logits))
    (result,) = span_posteriors([logits], [spans], LABELS, transitions)
    readings = enumerate_readings(logits, transitions, 1.0)
    for word in range(len(logits)):
        inside = sum(value for span, value in zip(spans, result, strict=True) if span.start <= word < span.end)
        outside = sum(
            weight for reading, weight in readings.items() if not any(span.start <= word < span.end for span in reading)
        )
        assert inside + outside == pytest.approx(1)


@given(LOGITS, TEMPERATURES)
def test_a_sentence_of_one_certain_path_gives_its_entities_and_no_others(logits, temperature):
    certain = np.where(logits == logits.max(axis=1, keepdims=True), logits, -3000).astype(np.float32)
    spans = all_spans(len(logits))
    (found,) = decode([certain])
    (result,) = span_posteriors([certain], [spans], LABELS, temperature=temperature)
    assert all(0 <= value <= 1 for value in result)
    (best,) = viterbi_decode([certain], LABELS)
    unique = (certain > -3000).sum(axis=1) == 1
    if unique.all() and is_valid(certain.argmax(axis=1)):
        assert best.tolist() == certain.argmax(axis=1).tolist()
        np.testing.assert_allclose(result, [float(span in found) for span in spans], atol=1e-9)


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 40), st.integers(0, 5))
def test_neighbours_in_a_group_change_nothing(lengths, group_words, seed):
    logits = random_sentences(lengths, seed=seed)
    spans = decode(logits)
    alone = [span_posteriors([one], [found], LABELS)[0] for one, found in zip(logits, spans, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(posterior, "_GROUP_WORDS", group_words)
        together = span_posteriors(logits, spans, LABELS)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 5.0])
def test_a_sentence_of_a_thousand_words_is_as_sure_of_its_ends_as_a_short_one(temperature):
    """Words far away say nothing of an entity when every word between is certain to be outside."""
    (ending,) = random_sentences([4], scale=1.0)
    outside = np.full((1000, N_TAGS), -40 * temperature, np.float32)
    outside[:, 0] = 40 * temperature
    spans = all_spans(4)
    (expected,) = span_posteriors([np.concatenate([outside[:1], ending])], [moved(spans, 1)], LABELS)
    cold = np.concatenate([outside, ending])
    (result,) = span_posteriors([cold], [moved(spans, 1000)], LABELS)
    np.testing.assert_allclose(result, expected, rtol=1e-9)
    (begin,) = span_posteriors([np.concatenate([ending, outside])], [spans], LABELS, temperature=temperature)
    (short,) = span_posteriors([np.concatenate([ending, outside[:1]])], [spans], LABELS, temperature=temperature)
    np.testing.assert_allclose(begin, short, rtol=1e-9)


def moved(spans, n_words):
    return [WordSpan(span.start + n_words, span.end + n_words, span.label) for span in spans]


def test_an_entity_of_a_thousand_words_neither_underflows_nor_overflows():
    (logits,) = random_sentences([1000], scale=0.0)
    whole = [WordSpan(0, 1000, "geo"), WordSpan(0, 1, "geo")]
    inside = LABELS.id_of["I-geo"]
    logits[:, inside] = 12
    logits[0, LABELS.id_of["B-geo"]] = 12
    (result,) = span_posteriors([logits], [whole], LABELS)
    assert 0.9 < result[0] < 1
    assert 0 < result[1] < 1e-4


def test_logits_of_absurd_size_give_probabilities():
    """An `I-` that no word before allows is the only tag with any weight: the sum of the paths is still not 0."""
    logits = np.full((6, N_TAGS), -1e6, np.float32)
    logits[:, LABELS.id_of["I-per"]] = 1e6
    logits[3, 0] = 2e6
    spans = all_spans(6)
    (result,) = span_posteriors([logits], [spans], LABELS, temperature=0.2)
    assert np.isfinite(result).all()
    assert min(result) >= 0
    assert max(result) <= 1


def test_sentences_without_entities_are_not_computed(monkeypatch):
    monkeypatch.setattr(posterior._Lattice, "score_spans", None)
    assert span_posteriors(random_sentences([3, 0, 2]), [[], [], []], LABELS) == [[], [], []]
    assert span_posteriors([], [], LABELS) == []
