from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from ner_airflow.assets import NER_FP32, NER_INT8
from ner_airflow.operators.quantization import (
    CompareQuantizedOperator,
    FreezeModelOperator,
    Int8GateOperator,
    PromoteModelOperator,
    QuantizeModelOperator,
    ResolveVersionOperator,
)
from ner_tasks.registry.registry import Registry

MODEL = {"version": "v1", "snapshot": "s1", "f1": 0.8}
COMPARISON = {
    "fp32": {"overall": {"f1": 0.8}, "labels": {}},
    "int8": {"overall": {"f1": 0.799}, "labels": {}},
    "f1_loss": 0.001,
    "losses": {"overall": {}, "labels": {}},
    "agreement": 0.99,
    "size_share": 0.4,
    "speed": {"int8_over_stock": 3.0},
}
CANARY = {"n_other_tags": 0, "largest_difference": 0.0}


@pytest.fixture
def registry(store, stored_snapshot, model):
    """A registry with one registered version."""
    registry = Registry(store)
    registry.put("v1", "trained", model("trained"))
    registry.register("v1", {"snapshot": "s1", "overall": {"f1": 0.8}})
    return registry


def find(version="", events=()):
    triggering = {NER_FP32: [SimpleNamespace(extra={"version": name}) for name in events]} if events else {}
    return ResolveVersionOperator(task_id="find", config={"version": version}).execute(
        {"triggering_asset_events": triggering}
    )


@pytest.mark.runbook("quantization", "resolve_version: InputMissing: found no version")
def test_the_version_in_the_asset_s_event_is_quantized(registry):
    assert find(events=["v1"]) == MODEL


def test_of_several_events_the_last_counts(registry, model):
    registry.put("v2", "trained", model("trained"))
    registry.register("v2", {"snapshot": "s2", "overall": {"f1": 0.9}})
    assert find(events=["v1", "v2"])["version"] == "v2"
    assert find(version="v1", events=["v2"])["version"] == "v1"


@pytest.mark.runbook("quantization", "resolve_version: InputMissing: found no version")
def test_a_version_nobody_registered_is_refused(registry):
    with pytest.raises(AirflowFailException, match="InputMissing: found no version 'v9'"):
        find(version="v9")


@pytest.mark.runbook("quantization", "int8_gate: size over FP32")
@pytest.mark.runbook("quantization", "compare: ArtifactBroken; int8_gate: a fresh process")
@pytest.mark.runbook("promoting-and-rolling-back", "InputMissing: found no version, found nothing")
@pytest.mark.parametrize(
    ("operator", "verb", "kind"),
    [(FreezeModelOperator, "freeze", "frozen"), (QuantizeModelOperator, "quantize", "int8")],
)
def test_a_model_is_made_once(registry, fake, model, operator, verb, kind):
    if kind == "int8":
        registry.put("v1", "frozen", model("frozen"))
    fake.set(verb, copies={"output": str(model(kind))})
    for _ in range(2):
        assert operator(task_id="t", model=MODEL, config={}).execute({}) == MODEL
    assert fake.verbs == [verb]
    assert registry.find("v1", kind) is not None


def test_what_the_gate_lets_through_is_what_quantizing_may_lose(registry, fake, model, monkeypatch):
    registry.put("v1", "frozen", model("frozen"))
    fake.set("quantize", error={"type": "GateNotPassed", "message": "found a loss", "retryable": False}, code=77)
    for given, deployed in (("", ""), ("", "0.2"), ("0.01", "0.2")):
        monkeypatch.setenv("NER_MAX_F1_LOSS", deployed)
        with pytest.raises(AirflowFailException, match="GateNotPassed: found a loss"):
            QuantizeModelOperator(task_id="t", model=MODEL, config={"max_f1_loss": given}).execute({})
    assert [call["flags"].get("max_f1_loss") for call in fake.calls] == [None, ["0.2"], ["0.01"]]
    assert {call["flags"]["accuracy"][0] for call in fake.calls} == {"1"}


def test_a_model_of_the_wrong_kind_is_not_published(registry, fake, model):
    registry.put("v1", "frozen", model("frozen"))
    fake.set("quantize", copies={"output": str(model("frozen"))})
    with pytest.raises(AirflowFailException, match="ArtifactBroken: found a frozen model, expected int8"):
        QuantizeModelOperator(task_id="t", model=MODEL, config={}).execute({})
    assert registry.find("v1", "int8") is None


@pytest.fixture
def comparable(registry, fake, model, tmp_path):
    """A version whose models are there, and verbs that measure it."""
    for kind in ("frozen", "int8"):
        registry.put("v1", kind, model(kind))
    folder = tmp_path / "made" / "compared"
    folder.mkdir(parents=True)
    for name in ("canary.json", "int8-counts.json", "counts.json"):
        (folder / name).write_text("{}")
    fake.set("compare-quantized", result=COMPARISON, copies={"output": str(folder)})
    fake.set("evaluate", result={}, copies={"output": str(folder)})
    fake.set("compare-models", result={"overall": {"loss": 0.0}, "labels": {}})
    fake.set("canary", result=CANARY)


def compare():
    return CompareQuantizedOperator(task_id="t", model=MODEL, config={"rounds": 3}).execute({})


@pytest.mark.runbook("quantization", "int8_gate: found speed of INT8")
def test_a_comparison_is_measured_again_until_the_version_is_promoted(registry, fake, comparable):
    for _ in range(2):
        compare()
    registry.promote("v1", "int8", by="test", metrics={})
    compare()
    assert [verb for verb in fake.verbs if verb != "canary"] == ["compare-quantized", "compare-quantized"]


def test_what_will_run_is_asked_in_a_process_of_its_own_each_time(registry, fake, comparable):
    assert compare()["canary"] == CANARY
    registry.promote("v1", "int8", by="test", metrics={})
    compare()
    assert fake.verbs == ["compare-quantized", "canary", "canary"]
    assert fake.calls[1]["flags"]["model"][0].endswith("models/v1/int8")


def test_an_int8_model_is_compared_with_the_promoted_one_on_the_same_sentences(registry, fake, comparable, model):
    registry.put("old", "trained", model("trained"))
    registry.put("old", "int8", model("int8"))
    registry.register("old", {})
    registry.promote("old", "int8", by="test", metrics={})
    assert compare()["champion_losses"] == {"overall": {"loss": 0.0}, "labels": {}}
    compare()
    assert fake.verbs.count("evaluate") == 1
    assert fake.verbs.count("compare-models") == 2


def check(**limits):
    limits = {"max_f1_loss": 0.005, "min_speed_up": 1.0, **limits}
    return Int8GateOperator(
        task_id="gate", comparison={"version": "v1", **COMPARISON, "canary": CANARY}, config=limits
    ).execute({})


@pytest.mark.runbook("quantization", "int8_gate: found loss of entity F1 by INT8")
@pytest.mark.parametrize(
    "limits", [{"max_f1_loss": "0.0005"}, {"min_speed_up": "3.5"}], ids=["loses too much", "too slow"]
)
def test_a_graph_that_loses_too_much_or_gains_too_little_is_not_promoted(fake, limits):
    with pytest.raises(AirflowFailException, match="GateNotPassed"):
        check(**limits)


def test_promoting_moves_the_pointer_and_tells_the_version(registry, model):
    registry.put("v1", "int8", model("int8"))
    events = {NER_INT8: SimpleNamespace(extra=None)}
    PromoteModelOperator(task_id="promote", checked=check(), by="admin").execute({"outlet_events": events})
    assert registry.promoted().by == "admin"
    assert events[NER_INT8].extra["version"] == "v1"


@pytest.mark.runbook("quantization", "no run after ner_retrain")
def test_without_an_event_or_a_version_the_newest_is_quantized(registry, model):
    registry.put("v2", "trained", model("trained", text="v2"))
    registry.register("v2", {"snapshot": "s2", "overall": {"f1": 0.9}})
    assert find()["version"] == "v2"


@pytest.mark.runbook("quantization", "freeze, quantize: ArtifactBroken")
def test_a_damaged_model_is_told_and_made_again_by_the_task_that_makes_it(registry, fake, store, model):
    fake.set("freeze", copies={"output": str(model("frozen"))})
    FreezeModelOperator(task_id="t", model=MODEL).execute({})
    (store.root / "models" / "v1" / "frozen" / "graph.pb").write_text("another graph")
    broken = {"type": "ArtifactBroken", "message": "found graph.pb changed", "retryable": False}
    fake.set("quantize", error=broken, code=65)  # as `test_no_verb_uses_a_model_of_which_a_byte_was_flipped`
    with pytest.raises(AirflowFailException, match="ArtifactBroken"):
        QuantizeModelOperator(task_id="t", model=MODEL, config={}).execute({})
    FreezeModelOperator(task_id="t", model=MODEL).execute({})
    assert fake.verbs == ["freeze", "quantize", "freeze"]
    assert (store.root / "models" / "v1" / "frozen" / "graph.pb").read_text() == "weights"
