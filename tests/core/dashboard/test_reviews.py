"""What the page Review queue shows: sentences by where they stand, precision and agreement."""

import pytest

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.dashboard.reviews import (
    list_agreement,
    list_precision,
    read_review_day,
    read_summaries,
    wilson_interval,
)
from ner_tasks.store.folder import FolderStore
from tests.answers import answer
from tests.reviews import DAY, decide, letters, queue_in, verdicts


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


def page(store, user, **more):
    return read_review_day(StoreReader(store), DAY, user, **more)


def ids(found):
    return [one.sentence["id"] for one in found.sentences]


def test_a_reviewer_sees_what_is_left_and_never_what_another_has_decided_before(store, tmp_path):
    first, second = (one["id"] for one in queue_in(store, tmp_path / "day", letters("x", "y"), n_reviewers=2))
    decide(store, first, verdicts("reject", "accept"))
    assert ids(page(store, "ada")) == [second]
    for_ben = page(store, "ben")
    assert ids(for_ben) == [first, second] and all(not one.decisions and not one.shown for one in for_ben.sentences)
    decided = page(store, "ada", view="decided")
    assert ids(decided) == [first] and [made["by"] for made in decided.sentences[0].decisions] == ["ada"]
    assert ids(page(store, "ben", view="decided")) == []


def test_a_disputed_sentence_is_shown_to_everybody_with_what_each_decided(store, tmp_path):
    (one,) = queue_in(store, tmp_path / "day", letters("x"))
    decide(store, one["id"], verdicts("reject", "accept"))
    decide(store, one["id"], verdicts("accept", "accept"), by="ben")
    found = page(store, "cleo", view="disputed")
    assert [made["by"] for made in found.sentences[0].decisions] == ["ada", "ben"]
    assert found.counts == {"queue": 0, "disputed": 1, "decided": 0}


def test_a_page_has_so_many_sentences_and_a_number_past_the_end_gives_the_last(store, tmp_path):
    sentences = [one["id"] for one in queue_in(store, tmp_path / "day", letters(*"abcde"))]
    assert ids(page(store, "ada", most=2)) == sentences[:2]
    last = page(store, "ada", most=2, first=10**9)
    assert (ids(last), last.first) == (sentences[4:], 4)


def test_a_sentence_that_is_no_longer_in_the_queue_stays_where_it_stands(store, tmp_path):
    (one,) = queue_in(store, tmp_path / "day", letters("x"))
    decide(store, one["id"], verdicts("reject", "accept"))
    queue_in(store, tmp_path / "again", letters("y"))
    assert ids(page(store, "ada", view="decided")) == [one["id"]]


def test_a_day_without_a_queue_has_no_page(store):
    assert page(store, "ada") is None


def test_a_damaged_line_of_the_queue_is_left_out_and_said(store, tmp_path):
    queue_in(store, tmp_path / "day", letters("x", "y"))
    path = store.root / f"reports/review/{DAY}/queue.jsonl"
    path.write_text(path.read_text().splitlines()[0] + '\n{"id": "x"}\n')
    reader = StoreReader(store)
    assert len(read_review_day(reader, DAY, "ada").sentences) == 1
    assert list(reader.unreadable) == [f"reports/review/{DAY}/queue.jsonl"]


def test_precision_is_by_day_model_and_label_and_counts_bounds_and_label(store, tmp_path):
    lines = [answer("x.txt", "She met Jackson in Tampa .", {"Jackson": "geo", "Tampa": "geo"}, score=0.6)]
    (one,) = queue_in(store, tmp_path / "day", lines)
    person = {"verdict": "correct", "start": 8, "end": 15, "label": "per"}
    decide(store, one["id"], [{"verdict": "accept", "entity": 1}, {**person, "entity": 0}])
    rows = list_precision(read_summaries(StoreReader(store), most=9))
    assert [(row.day, row.model, row.label, row.n_right, row.n_found, row.n_true, row.precision) for row in rows] == [
        (DAY, "v1", "geo", 1, 2, 1, 0.5),
        (DAY, "v1", "per", 0, 0, 1, None),
    ]
    assert (round(rows[0].low, 3), round(rows[0].high, 3)) == (0.095, 0.905)
    assert list_precision(read_summaries(StoreReader(store), most=9), random_only=True) == []


def test_a_disputed_sentence_has_no_part_in_the_precision(store, tmp_path):
    (one,) = queue_in(store, tmp_path / "day", letters("x"))
    decide(store, one["id"], verdicts("reject", "accept"))
    decide(store, one["id"], verdicts("accept", "accept"), by="ben")
    assert list_precision(read_summaries(StoreReader(store), most=9)) == []


def test_agreement_is_over_all_days(store, tmp_path):
    for day in ("2026-01-30", "2026-01-31"):
        (one,) = queue_in(store, tmp_path / day, letters("x"), day=day)
        decide(store, one["id"], verdicts("accept", "accept"), day=day)
        decide(store, one["id"], verdicts("reject", "accept"), by="ben", day=day)
    (pair,) = list_agreement(read_summaries(StoreReader(store), most=9))
    assert (pair.reviewers, pair.n_sentences, pair.n_words) == (("ada", "ben"), 2, 14)
    assert pair.by_label == [("geo", pair.kappa, pytest.approx(2 / 3), (4, 2, 2))]


@pytest.mark.parametrize(
    ("n_right", "n", "low", "high"), [(0, 0, 0, 1), (9, 10, 0.596, 0.982), (0, 10, 0, 0.278), (10, 10, 0.722, 1)]
)
def test_the_interval_is_wilson_s(n_right, n, low, high):
    assert wilson_interval(n_right, n) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))
