"""What is given to engines as strings: whole sentences as running text, with the characters of their entities."""

import pytest

from benchmarks.peers.raw_text import count_documented, count_words, score_texts, write_texts
from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.errors import ConfigInvalid
from tests import tiny

WORDS = ("He", "(", "Maria", "Chen", ")", "of", "the", "U.S.", "did", "n't", "say", '"', "Ohio", '"', ".")
TAGS = ("O", "O", "B-per", "I-per", "O", "O", "O", "B-geo", "O", "O", "O", "O", "B-geo", "O", "O")


def test_the_characters_of_an_entity_cut_it_out_of_the_text():
    (one,) = write_texts([LabelledSentence(WORDS, TAGS, "x:1")])
    assert one.text == 'He (Maria Chen) of the U.S. didn\'t say "Ohio".'
    assert [(one.text[start:end], label) for start, end, label in one.entities] == [
        ("Maria Chen", "per"),
        ("U.S.", "geo"),
        ("Ohio", "geo"),
    ]


def test_our_words_of_the_text_are_the_labelled_ones():
    assert count_words([one.text for one in write_texts([LabelledSentence(WORDS, TAGS, "x:1")])]) == len(WORDS)


def test_a_word_that_occurs_twice_is_found_where_it_is_labelled():
    (one,) = write_texts([LabelledSentence(("Ohio", "Ohio"), ("O", "B-geo"), "x:1")])
    assert one.entities == ((5, 9, "geo"),)


def test_bounds_and_label_must_be_exactly_right():
    gold = write_texts([LabelledSentence(WORDS, TAGS, "x:1")])
    right = list(gold[0].entities)
    assert score_texts(gold, [right]).f1 == 1
    start, end, label = right[0]
    wrong = score_texts(gold, [[(start, end - 1, label), (*right[1][:2], "per"), right[2]]])
    assert (wrong.n_gold, wrong.n_predicted, wrong.n_correct) == (3, 3, 1)


def test_each_text_has_an_answer():
    with pytest.raises(ValueError, match="zip"):
        score_texts(write_texts([LabelledSentence(WORDS, TAGS, "x:1")]), [])


def test_both_tables_time_the_same_sentences():
    labelled = tiny.sentences(30)
    assert count_documented(labelled, 20) == 16
    assert count_documented(labelled, 1000) == 24
    with pytest.raises(ConfigInvalid, match="found fewer than 8 sentences"):
        count_documented(labelled, 7)
