"""A worker answers how fast and how well an engine reads, in its best form or as it is documented."""

import pytest

from benchmarks.peers.worker import answerer, documented_answerer, time_each
from ner_tasks.data import corpus
from ner_tasks.errors import ConfigInvalid
from tests import tiny


@pytest.fixture
def held_out(tmp_path):
    corpus.write_kaggle_csv(tmp_path / "test.csv", tiny.sentences(20))
    return tmp_path / "test.csv"


class Capitals:
    """A rule in the place of an engine: each word with a capital is a place."""

    def __init__(self):
        self.prepared, self.given = set(), []

    def prepare(self, texts):
        self.prepared |= set(texts)

    def entities(self, texts):
        assert set(texts) <= self.prepared
        self.given.append(len(texts))
        found = []
        for text in texts:
            words = [(text.index(word), word.rstrip(".")) for word in text.split() if word[0].isupper()]
            found.append([(start, start + len(word), "geo") for start, word in words])
        return found

    def spans(self, sentences):
        return [
            (i, k, k + 1, "geo") for i, words in enumerate(sentences) for k, word in enumerate(words) if word.istitle()
        ]


def test_what_is_documented_gets_all_sentences_as_strings_at_once_or_one_by_one(held_out):
    engine = Capitals()
    answer = documented_answerer(engine, held_out)
    timed = answer({"do": "time_texts", "n_sentences": 20})
    assert engine.given == [16]
    assert timed["n_texts"] == 16
    assert timed["n_words"] == sum(len(one.words) for one in tiny.sentences(20)[:16])
    single = answer({"do": "time_singles", "n_sentences": 3})
    assert engine.given == [16, 1, 1, 1]
    assert single["n_calls"] == 3
    assert 0 < single["p50_s"] <= single["seconds"]


def test_f1_of_what_is_documented_is_over_characters_of_all_held_out_sentences(held_out):
    engine = Capitals()
    score = documented_answerer(engine, held_out)({"do": "score_texts"})
    assert engine.given == [20]
    assert score["n_sentences"] == 20
    assert 0 < score["f1"] < 1  # places are right, people are not


def test_both_ways_read_the_same_words(held_out):
    documents = answerer(Capitals(), held_out)({"do": "time_text", "n_sentences": 20})
    texts = documented_answerer(Capitals(), held_out)({"do": "time_texts", "n_sentences": 20})
    assert documents["n_words"] == texts["n_words"]
    assert answerer(Capitals(), held_out)({"do": "time_singles", "n_sentences": 3})["n_calls"] == 3


@pytest.mark.parametrize("make", [answerer, documented_answerer])
def test_a_request_that_does_not_exist_is_refused(make, held_out):
    with pytest.raises(ConfigInvalid, match="found 'sing', expected time_text"):
        make(Capitals(), held_out)({"do": "sing"})


def test_latency_is_the_median_over_the_calls():
    calls = []
    found = time_each(["a", "b", "c"], calls.append)
    assert calls == ["a", "b", "c"]
    assert (found["n_calls"], found["n_at_once"]) == (3, 1)
