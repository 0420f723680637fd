import math
import re

import pytest

from ner_tasks.benchmarking import slowdown_gate
from ner_tasks.benchmarking.history import Change
from ner_tasks.errors import ConfigInvalid, GateNotPassed
from ner_tasks.evaluation import gates
from ner_tasks.evaluation.policy import GateOverrides, GatePolicy, Int8LossParams, NightPolicy
from ner_tasks.steps.measures import BenchmarkParams


def losses(loss=0.0, p=0.5, n_gold=100, champion=0.8):
    """The losses that `compare-models` returns for one label or overall."""
    interval = [loss - 0.01, loss + 0.01]
    return {"champion": champion, "challenger": champion - loss, "loss": loss, "interval": interval} | {
        "p": p,
        "n_gold": n_gold,
    }


def evaluation(f1=0.8, overall=None, **labels):
    """Input of the gate of a trained model; without `overall` there is no champion."""
    losses = {"overall": overall, "labels": labels} if overall else None
    return {"overall": {"f1": f1}, "losses": losses}


def comparison(f1_loss=0.001, speed_up=3.0, **changed):
    canary = {"n_other_tags": 0, "largest_difference": 0.0}
    known = {"agreement": 0.99, "size_share": 0.4, "canary": canary, "losses": {"overall": losses(), "labels": {}}}
    return {"f1_loss": f1_loss, "speed": {"int8_over_stock": speed_up}, **known, **changed}


POLICY = GatePolicy()


def test_a_model_that_reaches_the_floor_may_be_registered():
    lines = gates.model_gate(evaluation(0.6), POLICY.model).lines
    assert lines == ("found entity F1 0.6000, expected at least 0.6000",)


@pytest.mark.parametrize(("n_gold", "is_noted"), [(99, True), (100, False)])
def test_a_gate_notes_that_the_test_part_is_too_small_to_judge_by(n_gold, is_noted):
    scores = {"overall": {"f1": 0.9, "n_gold": n_gold}}
    for verdict in (
        gates.model_gate(scores, POLICY.model),
        gates.int8_gate(comparison(int8=scores), POLICY),
    ):
        assert (
            any(line.startswith(f"not reliable: found {n_gold} entities in test") for line in verdict.lines) == is_noted
        )


@pytest.mark.parametrize("f1", [0.5999, 0.0, math.nan], ids=["just below", "nothing", "not a number"])
def test_a_model_below_the_floor_may_not(f1):
    with pytest.raises(GateNotPassed, match=r"expected at least 0\.6000, at the trained model"):
        gates.model_gate(evaluation(f1), POLICY.model)


def test_a_loss_within_the_limit_passes_however_certain_it_is():
    assert gates.model_gate(evaluation(overall=losses(0.005, p=0.001)), POLICY.model)


def test_a_larger_loss_is_refused_if_it_is_none_of_chance():
    with pytest.raises(
        GateNotPassed,
        match=r"0\.7900 against 0\.8000 of the promoted model, a loss of 0\.0100.*significant \(p 0\.001\)",
    ):
        gates.model_gate(evaluation(overall=losses(0.01, p=0.001)), POLICY.model)


def test_a_larger_loss_that_may_be_chance_is_told_and_passes():
    lines = gates.model_gate(evaluation(overall=losses(0.01, p=0.2)), POLICY.model).lines
    assert "a loss of 0.0100 (0.0000 to 0.0200), not significant (p 0.200): accepted" in lines[1]


@pytest.mark.runbook("retraining", "model_gate: found entity F1 ... of the full model")
def test_a_right_sized_model_that_loses_too_much_on_test_is_refused():
    kept = {**evaluation(), "full_losses": losses(0.004, p=0.001)}
    assert "0.7960 against 0.8000 of the full model" in gates.model_gate(kept, POLICY.model).lines[1]
    with pytest.raises(GateNotPassed, match=r"0\.7900 against 0\.8000 of the full model, a loss of 0\.0100"):
        gates.model_gate({**evaluation(), "full_losses": losses(0.01, p=0.001)}, POLICY.model)


@pytest.mark.parametrize("loss", [0.021, math.nan])
def test_beyond_the_hard_limit_chance_is_no_excuse(loss):
    with pytest.raises(GateNotPassed, match="of the promoted model, a loss of"):
        gates.model_gate(evaluation(overall=losses(loss, p=0.4)), POLICY.model)


def test_a_model_that_is_better_in_all_and_worse_on_one_rare_label_is_refused():
    with pytest.raises(
        GateNotPassed, match=r"found F1 of nat 0\.4000 against 0\.6000 of .*, a loss of 0\.2000"
    ) as refused:
        gates.model_gate(
            evaluation(overall=losses(-0.01, p=0.99), geo=losses(), nat=losses(0.2, p=0.01, n_gold=25, champion=0.6)),
            POLICY.model,
        )
    assert "geo" not in str(refused.value)


def test_a_label_with_too_few_entities_is_told_and_not_judged():
    rare = losses(0.4, p=0.001, n_gold=8, champion=0.6)
    lines = gates.model_gate(evaluation(overall=losses(), nat=rare), POLICY.model).lines
    assert "not enforced: 8 entities of nat, expected at least 20" in lines[-1]


@pytest.mark.runbook("retraining", "model_gate: found F1 of <label>")
def test_a_label_may_have_limits_of_its_own():
    policy = GatePolicy.model_validate({"model": {"labels": {"only": {"nat": {"max_loss": 0.3, "hard_loss": 0.5}}}}})
    worse = losses(0.2, p=0.001, champion=0.6)
    assert gates.model_gate(evaluation(overall=losses(), nat=worse), policy.model)
    with pytest.raises(GateNotPassed, match="F1 of geo"):
        gates.model_gate(evaluation(overall=losses(), geo=worse), policy.model)


def test_an_int8_model_may_lose_half_a_point_and_no_more():
    assert gates.int8_gate(comparison(f1_loss=0.005), POLICY)
    with pytest.raises(GateNotPassed, match=r"found loss of entity F1 by INT8 0\.0051, expected at most 0\.0050"):
        gates.int8_gate(comparison(f1_loss=0.0051), POLICY)


@pytest.mark.runbook("quantization", "int8_gate: found speed of INT8")
def test_an_int8_model_slower_than_stock_fp32_is_of_no_use():
    with pytest.raises(GateNotPassed, match="speed of INT8 over stock FP32"):
        gates.int8_gate(comparison(speed_up=0.9), POLICY)


@pytest.mark.runbook("quantization", "int8_gate: found F1 of <label>, of the promoted INT8")
@pytest.mark.runbook("quantization", "int8_gate: size over FP32")
@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"agreement": 0.8}, r"agreement of tags with FP32 0\.8000, expected at least 0\.9000"),
        ({"size_share": 0.05}, r"size over FP32 0\.0500, expected at least 0\.1000"),
        ({"size_share": 1.2}, r"size over FP32 1\.2000, expected at most 1\.0000"),
        (
            {"canary": {"n_other_tags": 1, "largest_difference": 0.0}},
            "found 1 canary tags that differ in a fresh process",
        ),
        (
            {"canary": {"n_other_tags": 0, "largest_difference": 0.5}},
            "difference of canary scores in a fresh process 0.5",
        ),
        ({"losses": {"labels": {"nat": losses(0.2, p=0.01)}}}, "F1 of nat 0.6000 against 0.8000 of FP32"),
        ({"champion_losses": {"overall": losses(0.015, p=0.01)}}, "against 0.8000 of the promoted INT8 model"),
    ],
    ids=["other tags", "too small", "too large", "other answers", "other scores", "a label", "the champion"],
)
def test_an_int8_model_is_not_promoted_for(changed, complaint):
    with pytest.raises(GateNotPassed, match=complaint):
        gates.int8_gate(comparison(**changed), POLICY)


def test_a_gate_names_all_that_is_wrong_at_once():
    with pytest.raises(GateNotPassed, match=r"loss of entity F1 by INT8.*; .*speed of INT8"):
        gates.int8_gate(comparison(f1_loss=0.1, speed_up=0.5), POLICY)


def test_an_empty_inbox_is_in_order_and_is_said_to_be_empty():
    assert "empty" in gates.night_gate(0, 0, 0, 0, NightPolicy()).lines[0]


@pytest.mark.runbook("nightly-tagging", "check_night: share of rejected documents")
@pytest.mark.runbook("nightly-tagging", "check_night: share of partly read documents")
@pytest.mark.runbook("retagging", "check_night fails for one day")
@pytest.mark.parametrize(
    ("n_documents", "n_tagged", "n_rejected", "n_partly_read", "expected"),
    [
        (5, 0, 5, 0, "found no tagged document"),
        (5, 4, 0, 0, "expected 5 documents together"),
        (5, 3, 2, 0, "share of rejected documents 0.4000"),
        (5, 4, 1, 3, "share of partly read documents 0.7500"),
    ],
    ids=["nothing came out", "one got lost", "too many rejected", "too many partly read"],
)
def test_a_night_is_not_published_when(n_documents, n_tagged, n_rejected, n_partly_read, expected):
    with pytest.raises(GateNotPassed, match=expected):
        gates.night_gate(n_documents, n_tagged, n_rejected, n_partly_read, NightPolicy(max_rejected_share=0.2))


@pytest.mark.runbook("nightly-tagging", "check_night: share of rejected documents")
@pytest.mark.runbook("nightly-tagging", "check_night: share of partly read documents")
@pytest.mark.runbook("retagging", "check_night fails for one day")
def test_a_night_with_few_rejects_is_published():
    assert gates.night_gate(5, 4, 1, 2, NightPolicy(max_rejected_share=0.2))


def change(now=2.0, before=2.5, *, relative=True, judged=True, version="v1"):
    return Change("INT8", 32, relative, now, before, judged, "2026-11-20T03:00:00+00:00", version)


def test_an_engine_that_is_slower_than_it_may_be_fails_in_one_line():
    line = (
        "found INT8 at batch size 32 at 2.00x stock FP32, expected at least 2.12x stock FP32, which is 15% below the "
        "2.50x stock FP32 of version v1 at 2026-11-20T03:00:00+00:00, at the benchmark of v2"
    )
    with pytest.raises(GateNotPassed, match=f"^{re.escape(line)}$"):
        slowdown_gate.benchmark_gate([change()], 0.15, "the benchmark of v2")


def test_an_engine_judged_by_words_per_second_says_so():
    with pytest.raises(GateNotPassed, match=r"at 1,000 words/s, expected at least 1,800 words/s.* of the run at 2026"):
        slowdown_gate.benchmark_gate([change(1000, 2000, relative=False, version=None)], 0.1, "b")


@pytest.mark.parametrize(("now", "most"), [(2.0, 0.2), (2.5, 0.0), (3.0, 0.15)], ids=["just", "as before", "faster"])
def test_an_engine_that_has_lost_no_more_than_it_may_passes(now, most):
    assert "found INT8" in slowdown_gate.benchmark_gate([change(now)], most, "b").lines[0]


def test_every_engine_that_is_slower_is_named():
    with pytest.raises(GateNotPassed, match=r"at 2\.00x.*; found .* at 1\.00x"):
        slowdown_gate.benchmark_gate([change(2.0), change(1.0)], 0.15, "b")


def test_what_others_are_measured_by_is_not_judged():
    assert "no earlier run" in slowdown_gate.benchmark_gate([change(judged=False)], 0.15, "b").lines[0]


def test_without_a_limit_nothing_is_too_slow():
    assert slowdown_gate.benchmark_gate([change(0.01)], None, "b").lines == ("no limit set: every speed passes",)
    assert slowdown_gate.benchmark_gate([change(0.01)], 1, "b")


@pytest.mark.parametrize("text", ["-0.1", "1.1", "nan", "much"])
def test_a_slowdown_that_makes_no_sense_is_refused(text):
    with pytest.raises(ConfigInvalid, match=f"found max_slowdown = '{text}', expected (0 to 1|a number)"):
        BenchmarkParams.parse({"max_slowdown": text})


def test_a_limit_is_replaced_by_what_was_given_and_kept_where_nothing_was():
    limits = GateOverrides(min_f1=0.7).override(Int8LossParams(max_f1_loss=0.01))
    assert (limits.min_f1, limits.max_f1_loss) == (0.7, 0.01)
    assert limits.override(Int8LossParams()) == limits


@pytest.mark.parametrize("limits", [{"min_f1": 1.1}, {"max_f1_loss": -0.1}, {"min_speed_up": math.inf}])
def test_a_limit_that_makes_no_sense_is_refused(limits):
    with pytest.raises(ConfigInvalid, match="expected (0 to 1|a number)"):
        GateOverrides.parse(limits)
