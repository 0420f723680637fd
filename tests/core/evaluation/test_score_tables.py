"""Precision and recall by threshold, and how often entities with a score are right."""

import pytest

from ner_tasks.entities import ScoredSpan, bio_to_spans
from ner_tasks.evaluation.score_tables import tabulate_scores
from ner_tasks.inference.tagger import TaggedSentence

GOLD = [["B-per", "O", "B-geo", "I-geo"], ["B-geo", "O"]]
TAGS = [["B-per", "O", "B-geo", "O"], ["B-geo", "B-per"]]


def answer(tags, scores):
    return TaggedSentence(tuple(tags), (0.5,) * len(tags), tuple(map(ScoredSpan, bio_to_spans(tags), scores)), 1, 1)


def table():
    return tabulate_scores(GOLD, [answer(TAGS[0], [0.95, 0.45]), answer(TAGS[1], [0.7, 0.2])])


def at(rows, threshold):
    (row,) = (row for row in rows if row["min_score"] == threshold)
    return tuple(row[name] for name in ("n_given", "precision", "recall"))


def test_a_higher_threshold_gives_fewer_entities_of_which_more_are_right():
    rows = table()["overall"]
    assert [row["min_score"] for row in rows] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert at(rows, 0.0) == at(rows, 0.2) == (4, 2 / 4, 2 / 3)
    assert at(rows, 0.3) == (3, 2 / 3, 2 / 3)
    assert at(rows, 0.7) == (2, 1, 2 / 3)
    assert at(rows, 0.8) == at(rows, 0.9) == (1, 1, pytest.approx(1 / 3))


def test_each_label_has_its_own_rows():
    labels = table()["labels"]
    assert list(labels) == ["geo", "per"]
    assert at(labels["geo"], 0.0) == (2, 0.5, 0.5)
    assert at(labels["geo"], 0.8) == (0, 0, 0)
    assert at(labels["per"], 0.3) == (1, 1, 1)


def test_each_tenth_of_the_scores_says_how_often_it_is_right():
    rows = [(row["from"], row["to"], row["n"], row["mean_score"], row["precision"]) for row in table()["reliability"]]
    assert rows == [(0.2, 0.3, 1, 0.2, 0), (0.4, 0.5, 1, 0.45, 0), (0.7, 0.8, 1, 0.7, 1), (0.9, 1.0, 1, 0.95, 1)]


def test_a_score_of_1_is_in_the_last_tenth_and_nothing_found_gives_no_tenth():
    one = tabulate_scores([["B-geo"]], [answer(["B-geo"], [1.0])])
    assert [row["from"] for row in one["reliability"]] == [0.9]
    none = tabulate_scores([["B-geo"]], [answer(["O"], [])])
    assert none["reliability"] == []
    assert at(none["labels"]["geo"], 0.1) == (0, 0, 0)
