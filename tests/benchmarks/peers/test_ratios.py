"""Ratios are taken round by round, so that what the machine did to both cancels out."""

import pytest

from benchmarks.peers.bench import make_rows
from benchmarks.peers.ratios import Spread, ratio


def test_a_machine_that_is_slow_for_a_round_changes_no_ratio():
    assert ratio([200, 20, 200], [100, 10, 100]) == Spread(2, 2, 2)


def test_a_spread_is_median_least_and_most():
    assert Spread.of([3, 9, 1]) == Spread(3, 1, 9)


def test_rounds_of_two_engines_are_as_many():
    with pytest.raises(ValueError, match="zip"):
        ratio([1, 2], [1])


def test_no_round_has_no_spread():
    with pytest.raises(ValueError, match="found no round"):
        Spread.of([])


ANSWERS = {
    "ours-int8": [{"n_words": 100, "seconds": 0.5}, {"n_words": 100, "seconds": 1.0}],
    "openvino-fp32-latency": [{"n_words": 100, "seconds": 1.0}, {"n_words": 100, "seconds": 4.0}],
}


def test_a_row_has_the_rate_and_how_many_times_as_fast_ours_is():
    rows = {row["engine"]: row for row in make_rows(ANSWERS, "n_words")}
    assert rows["openvino-fp32-latency"]["rate"] == {"median": 62.5, "least": 25.0, "most": 100.0}
    assert rows["openvino-fp32-latency"]["ratios"] == {"ours-int8": {"median": 3.0, "least": 2.0, "most": 4.0}}
    assert rows["ours-int8"]["ratios"]["ours-int8"]["median"] == 1.0


def test_latency_is_shown_in_milliseconds_and_compared_the_same_way():
    answers = {name: [{"n_calls": 10, "seconds": one["seconds"]} for one in said] for name, said in ANSWERS.items()}
    rows = {row["engine"]: row for row in make_rows(answers, "n_calls", per_call=True)}
    assert rows["openvino-fp32-latency"]["rate"] == {"median": 250.0, "least": 100.0, "most": 400.0}
    assert rows["openvino-fp32-latency"]["ratios"]["ours-int8"]["median"] == 3.0


def test_latency_is_the_median_call_and_not_the_mean():
    answers = {"ours-int8": [{"n_at_once": 1, "p50_s": 0.004, "seconds": 9.0}]}
    (row,) = make_rows(answers, "n_at_once", per_call=True, seconds="p50_s")
    assert row["rate"]["median"] == 4.0
    assert row["rounds_s"] == [0.004]


def test_without_an_engine_of_ours_there_is_no_ratio():
    rows = make_rows({"pytorch-fp32": ANSWERS["ours-int8"]}, "n_words")
    assert rows[0]["ratios"] == {}
