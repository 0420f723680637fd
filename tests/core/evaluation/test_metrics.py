"""Entity-level scores, held to seqeval and to what the reference kit got wrong."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report

from ner_tasks.evaluation.metrics import Score, score_tags

TAG = st.sampled_from(["O", "B-geo", "I-geo", "B-per", "I-per", "B-org", "I-org"])
PAIRS = st.lists(st.lists(st.tuples(TAG, TAG), min_size=1, max_size=12), min_size=1, max_size=6)


@settings(deadline=None, max_examples=150)
@given(pairs=PAIRS)
def test_every_figure_equals_seqevals(pairs: list[list[tuple[str, str]]]) -> None:
    gold = [[right for right, _ in sentence] for sentence in pairs]
    predicted = [[guess for _, guess in sentence] for sentence in pairs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            oracle = classification_report(gold, predicted, output_dict=True, zero_division=0)
        except ValueError:  # seqeval cannot report on no entity at all
            oracle = {}

    scores = score_tags(gold, predicted)

    # A label that was only predicted is unknown to seqeval's rows but counts in its average, as in ours.
    for label, of in scores.by_label.items():
        expected = oracle.get(label, {"precision": 0, "recall": 0, "f1-score": 0, "support": 0})
        assert (of.precision, of.recall, of.f1) == pytest.approx(
            (expected["precision"], expected["recall"], expected["f1-score"])
        )
        assert of.n_gold == expected["support"]
    if oracle:
        micro = oracle["micro avg"]
        assert (scores.overall.precision, scores.overall.recall) == pytest.approx((micro["precision"], micro["recall"]))
        assert scores.overall.f1 == pytest.approx(micro["f1-score"])


def test_tagging_everything_outside_scores_nothing() -> None:
    gold = [["O"] * 97 + ["B-geo", "I-geo", "O"]]

    assert score_tags(gold, [["O"] * 100]).overall == Score(0.0, 0.0, 0.0, n_gold=1, n_predicted=0, n_correct=0)


def test_an_entity_with_one_wrong_bound_or_a_wrong_label_is_wrong() -> None:
    gold = [["B-geo", "I-geo", "O"], ["B-per", "O", "B-org"]]
    predicted = [["B-geo", "O", "O"], ["B-org", "O", "B-org"]]
    scores = score_tags(gold, predicted)

    assert (scores.overall.n_gold, scores.overall.n_predicted, scores.overall.n_correct) == (3, 3, 1)
    assert scores.by_label["org"] == Score(0.5, 1.0, pytest.approx(2 / 3), n_gold=1, n_predicted=2, n_correct=1)


def test_the_average_weighs_entities_not_labels() -> None:
    gold = [["B-geo"] * 9 + ["B-art"]]
    predicted = [["B-geo"] * 9 + ["O"]]
    scores = score_tags(gold, predicted)

    assert scores.overall.recall == pytest.approx(0.9)
    assert scores.by_label["art"].f1 == 0.0


def test_the_report_has_plain_values_under_fixed_names() -> None:
    assert score_tags([["B-geo"]], [["B-geo"]]).as_dict() == {
        "overall": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "n_gold": 1, "n_predicted": 1, "n_correct": 1},
        "labels": {"geo": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "n_gold": 1, "n_predicted": 1, "n_correct": 1}},
    }


def test_no_entity_anywhere_is_no_division_by_zero() -> None:
    assert score_tags([["O"]], [["O"]]).overall == Score(0.0, 0.0, 0.0, 0, 0, 0)


@pytest.mark.parametrize(
    ("predicted", "message"),
    [([], "found 0 predicted sentences, expected 1"), ([["O"]], "found 1 predicted tags, expected 2, in sentence 0")],
)
def test_answers_of_another_shape_are_a_bug_and_not_a_score(predicted: list[list[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        score_tags([["O", "O"]], predicted)
