import math
import re

import pytest

from ner_tasks import gates
from ner_tasks.benchmark_history import Change
from ner_tasks.errors import ConfigInvalid, GateNotPassed
from ner_tasks.gates import Limits


def comparison(f1_loss=0.001, speed_up=3.0):
    return {"f1_loss": f1_loss, "speed": {"int8_over_stock": speed_up}}


def test_a_model_that_reaches_the_floor_may_be_registered():
    assert gates.trained_model(0.6, None, Limits(min_f1=0.6)).lines == (
        "found entity F1 0.6000, expected at least 0.6000",
    )


@pytest.mark.parametrize("f1", [0.5999, 0.0, math.nan], ids=["just below", "nothing", "not a number"])
def test_a_model_below_the_floor_may_not(f1):
    with pytest.raises(GateNotPassed, match=r"expected at least 0\.6000, at the trained model"):
        gates.trained_model(f1, None, Limits(min_f1=0.6))


def test_a_model_worse_than_the_promoted_one_may_not_even_above_the_floor():
    limits = Limits(min_f1=0.5, max_f1_below_champion=0.005)
    assert gates.trained_model(0.796, 0.8, limits)
    with pytest.raises(GateNotPassed, match=r"beside the promoted model's 0\.8000"):
        gates.trained_model(0.794, 0.8, limits)


def test_an_int8_model_may_lose_half_a_point_and_no_more():
    assert gates.quantized_model(comparison(f1_loss=0.005), Limits())
    with pytest.raises(GateNotPassed, match=r"found entity F1 lost by INT8 0\.0051, expected at most 0\.0050"):
        gates.quantized_model(comparison(f1_loss=0.0051), Limits())


def test_an_int8_model_slower_than_stock_fp32_is_of_no_use():
    with pytest.raises(GateNotPassed, match="speed of INT8 over stock FP32"):
        gates.quantized_model(comparison(speed_up=0.9), Limits())


def test_a_gate_names_all_that_is_wrong_at_once():
    with pytest.raises(GateNotPassed, match=r"lost by INT8.*; .*speed of INT8"):
        gates.quantized_model(comparison(f1_loss=0.1, speed_up=0.5), Limits())


def test_an_empty_inbox_is_in_order_and_is_said_to_be_empty():
    assert "empty" in gates.night(0, 0, 0, Limits()).lines[0]


@pytest.mark.parametrize(
    ("n_documents", "n_tagged", "n_rejected", "expected"),
    [
        (5, 0, 5, "found no tagged document"),
        (5, 4, 0, "expected 5 documents together"),
        (5, 3, 2, "share of rejected documents 0.4000"),
    ],
    ids=["nothing came out", "one got lost", "too many rejected"],
)
def test_a_night_is_not_published_when(n_documents, n_tagged, n_rejected, expected):
    with pytest.raises(GateNotPassed, match=expected):
        gates.night(n_documents, n_tagged, n_rejected, Limits(max_rejected_share=0.2))


def test_a_night_with_few_rejects_is_published():
    assert gates.night(5, 4, 1, Limits(max_rejected_share=0.2))


def change(now=2.0, before=2.5, *, relative=True, judged=True, version="v1"):
    return Change("INT8", 32, relative, now, before, judged, "2026-11-20T03:00:00+00:00", version)


def test_an_engine_that_is_slower_than_it_may_be_fails_in_one_line():
    line = (
        "found INT8 at batch size 32 at 2.00x stock FP32, expected at least 2.12x stock FP32, which is 15% under the "
        "2.50x stock FP32 of version v1 at 2026-11-20T03:00:00+00:00, at the benchmark of v2"
    )
    with pytest.raises(GateNotPassed, match=f"^{re.escape(line)}$"):
        gates.benchmark([change()], 0.15, "the benchmark of v2")


def test_an_engine_judged_by_words_per_second_says_so():
    with pytest.raises(GateNotPassed, match=r"at 1,000 words/s, expected at least 1,800 words/s.* of the run at 2026"):
        gates.benchmark([change(1000, 2000, relative=False, version=None)], 0.1, "b")


@pytest.mark.parametrize(("now", "most"), [(2.0, 0.2), (2.5, 0.0), (3.0, 0.15)], ids=["just", "as before", "faster"])
def test_an_engine_that_has_lost_no_more_than_it_may_passes(now, most):
    assert "found INT8" in gates.benchmark([change(now)], most, "b").lines[0]


def test_every_engine_that_is_slower_is_named():
    with pytest.raises(GateNotPassed, match=r"at 2\.00x.*; found .* at 1\.00x"):
        gates.benchmark([change(2.0), change(1.0)], 0.15, "b")


def test_what_others_are_measured_by_is_not_judged():
    assert "nothing" in gates.benchmark([change(judged=False)], 0.15, "b").lines[0]


def test_without_a_limit_nothing_is_too_slow():
    assert gates.benchmark([change(0.01)], gates.max_slowdown(""), "b").lines == (
        "no limit was given: nothing is too slow",
    )
    assert gates.max_slowdown("1") == 1


@pytest.mark.parametrize("text", ["-0.1", "1.1", "nan", "much"])
def test_a_slowdown_that_makes_no_sense_is_refused(text):
    with pytest.raises(ConfigInvalid, match=f"found max_slowdown={text}, expected a number from 0 to 1"):
        gates.max_slowdown(text)


def test_a_limit_is_replaced_by_what_was_given_and_kept_where_nothing_was():
    limits = Limits(min_f1=0.7).adjusted(min_f1="", max_f1_loss="0.01")
    assert (limits.min_f1, limits.max_f1_loss) == (0.7, 0.01)
    with pytest.raises(ConfigInvalid, match="expected numbers, as min_f1"):
        Limits().adjusted(min_f1="high")


@pytest.mark.parametrize("limits", [{"min_f1": 1.1}, {"max_f1_loss": -0.1}, {"min_speed_up": math.inf}])
def test_a_limit_that_makes_no_sense_is_refused(limits):
    with pytest.raises(ConfigInvalid, match="expected a number from 0"):
        Limits(**limits)
