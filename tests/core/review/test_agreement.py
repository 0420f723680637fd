"""Agreement of two reviewers: figures that can be checked by hand, and against scikit-learn."""

import random
from collections import Counter

import pytest

from ner_tasks.review.decisions.agreement import PairCounts, cohen_kappa
from ner_tasks.store.folder import FolderStore
from tests.reviews import DAY, decide, letters, queue_in, verdicts


def test_kappa_is_that_of_the_textbook():
    # Cohen's kappa of 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no is 0.4
    counts = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    assert cohen_kappa(counts) == pytest.approx(0.4)


def test_kappa_is_that_of_scikit_learn():
    from sklearn.metrics import cohen_kappa_score

    chance = random.Random(3)
    for _ in range(50):
        pairs = [(chance.choice("abO"), chance.choice("abcO")) for _ in range(chance.randint(5, 60))]
        expected = cohen_kappa_score(*zip(*pairs, strict=True))
        assert cohen_kappa(Counter(pairs)) == pytest.approx(expected)


@pytest.mark.parametrize("counts", [{}, {("O", "O"): 9}])
def test_kappa_without_a_choice_is_undefined_and_not_perfect(counts):
    assert cohen_kappa(counts) is None


def test_one_mention_that_one_of_two_rejects_lowers_both_figures(tmp_path):
    store = FolderStore(tmp_path / "store")
    (one,) = queue_in(store, tmp_path / "day", letters("x"))
    decide(store, one["id"], verdicts("accept", "accept"))
    decide(store, one["id"], verdicts("reject", "accept"), by="ben")
    (pair,) = store.read_json(f"reports/reviewed/{DAY}/summary.json")["pairs"]
    assert pair["reviewers"] == ["ada", "ben"] and pair["spans"] == {"geo": [2, 1, 1]}
    assert sorted(pair["words"]) == [["O", "O", 5], ["geo", "O", 1], ["geo", "geo", 1]]
    counts = PairCounts()
    counts.add_record(pair)
    assert counts.f1("geo") == counts.f1() == pytest.approx(2 / 3)
    assert counts.kappa("geo") == pytest.approx(10 / 17)  # (7 * 6 - 32) / (7 * 7 - 32)


def test_only_first_decisions_count_and_not_those_that_settle(tmp_path):
    store = FolderStore(tmp_path / "store")
    (one,) = queue_in(store, tmp_path / "day", letters("x"))
    decide(store, one["id"], verdicts("accept", "accept"))
    decide(store, one["id"], verdicts("reject", "accept"), by="ben")
    decide(store, one["id"], verdicts("reject", "accept"), at="2026-02-01T10:00:00+00:00")
    ids = [made["id"] for made in store.read_json(f"reports/reviewed/{DAY}/standing.json")["sentences"][0]["decisions"]]
    decide(store, one["id"], [], by="cleo", take=ids[0], settles=ids, at="2026-02-01T11:00:00+00:00")
    (pair,) = store.read_json(f"reports/reviewed/{DAY}/summary.json")["pairs"]
    assert (pair["reviewers"], pair["spans"]) == (["ada", "ben"], {"geo": [2, 1, 1]})
