"""The best path through a sentence's tags: what the model says of each word, and which tag follows which."""

import numpy as np
import pytest

from ner_tasks.labels import LabelSet, find_bio_violation
from ner_tasks.model import decoding

LABELS = LabelSet(("geo", "per"))
N_TAGS = len(LABELS.tags)


def best_of_all(logits, transitions):
    """The best valid path, by looking at each."""

    def score(path):
        steps = zip((N_TAGS, *path), path, strict=False)
        return logits[np.arange(len(path)), path].sum() + sum(transitions[before, tag] for before, tag in steps)

    paths = np.ndindex(*[N_TAGS] * len(logits))
    return max((p for p in paths if find_bio_violation([LABELS.tags[i] for i in p]) is None), key=score)


@pytest.mark.parametrize("weight", [0.0, 0.5, 3.0])
def test_the_best_path_is_the_best_of_all_valid_ones_for_sentences_of_any_lengths_at_once(weight):
    chance = np.random.default_rng(0)
    transitions = (weight * chance.normal(size=(N_TAGS + 1, N_TAGS))).astype(np.float32)
    logits = [chance.normal(size=(n_words, N_TAGS)).astype(np.float32) for n_words in (4, 1, 0, 3, 2, 4, 1)]
    result = decoding.viterbi_decode(logits, LABELS, transitions)
    assert [tuple(path) for path in result] == [best_of_all(one, transitions) if len(one) else () for one in logits]


@pytest.mark.parametrize("seed", range(20))
def test_a_sentence_alone_has_the_path_that_it_has_among_many_even_if_several_are_best(seed):
    chance = np.random.default_rng(seed)
    transitions = chance.integers(-2, 2, (N_TAGS + 1, N_TAGS)).astype(np.float32)
    # whole numbers: many paths have the same score
    logits = [chance.integers(0, 3, (n_words, N_TAGS)).astype(np.float32) for n_words in chance.integers(0, 9, 12)]
    together = decoding.viterbi_decode(logits, LABELS, transitions)
    alone = [decoding.viterbi_decode([one], LABELS, transitions)[0] for one in logits]
    assert [path.tolist() for path in together] == [path.tolist() for path in alone]


def test_the_table_of_allowed_transitions_cannot_be_changed_for_others():
    with pytest.raises(ValueError, match="read-only"):
        decoding.allowed_transitions(LABELS)[0] = False


def test_without_transitions_a_valid_sentence_keeps_each_word_s_best_tag():
    chance = np.random.default_rng(1)
    logits = chance.normal(size=(50, 6, N_TAGS)).astype(np.float32)
    for one, path in zip(logits, decoding.viterbi_decode(list(logits), LABELS), strict=True):
        greedy = one.argmax(axis=1)
        if find_bio_violation([LABELS.tags[i] for i in greedy]) is None:
            assert path.tolist() == greedy.tolist()


def test_a_sentence_of_ten_thousand_words_beside_short_ones_is_read_to_its_end():
    logits = [np.eye(N_TAGS, dtype=np.float32)[np.arange(n_words) % 2] for n_words in (3, 10_000, 2)]
    result = decoding.viterbi_decode(logits, LABELS)
    assert [path.tolist() for path in result] == [(np.arange(len(one)) % 2).tolist() for one in logits]


def test_what_often_follows_is_probable_and_what_never_does_is_not_impossible():
    transitions = decoding.count_transitions([["B-geo", "I-geo", "O"], ["B-geo", "I-geo", "O"], ["O"]], LABELS)
    ids = LABELS.id_of
    np.testing.assert_allclose(np.exp(transitions).sum(axis=1), 1, rtol=1e-5)
    assert transitions[ids["B-geo"]].argmax() == ids["I-geo"]
    assert transitions[N_TAGS].argmax() == ids["B-geo"]
    assert np.isfinite(transitions).all()


def test_the_weight_is_the_one_that_scores_best_and_the_smaller_of_two():
    assert decoding.fit_transition_weight(lambda weight: -abs(weight - 0.4)) == 0.4
    assert decoding.fit_transition_weight(lambda weight: 0.8) == 0.0
