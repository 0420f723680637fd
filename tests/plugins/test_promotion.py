from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from ner_airflow.assets import NER_INT8
from ner_airflow.operators.promotion import ChooseVersionOperator, PromoteVersionOperator
from ner_tasks.registry.registry import Registry


@pytest.fixture
def registry(store, model):
    """Three versions, promoted one after the other."""
    registry = Registry(store, patience_s=0)
    for version in ("v1", "v2", "v3"):
        for kind in ("trained", "int8"):
            registry.put(version, kind, model(kind, text=version))
        registry.register(version, {"snapshot": "s1", "overall": {"f1": 0.8}})
        registry.promote(version, "int8", by="test", metrics={"f1": float(version[1])})
    return registry


def choose(version=""):
    return ChooseVersionOperator(task_id="choose", config={"version": version}).execute({})


def move(chosen):
    events = {NER_INT8: SimpleNamespace(extra=None)}
    PromoteVersionOperator(task_id="promote", chosen=chosen, by="ann", config={"reason": "worse"}).execute(
        {"outlet_events": events}
    )
    return events[NER_INT8].extra


def test_without_a_version_it_goes_back_to_the_one_before_and_the_asset_says_so(registry):
    assert move(choose()) == {"version": "v2", "f1": 2.0}
    said = registry.promoted()
    assert (said.version, said.previous, said.by, said.reason, said.action) == ("v2", "v3", "ann", "worse", "rollback")
    assert "worse" in (registry.store.path_of("reports/models/v2/card.html")).read_text()


def test_a_second_try_of_the_same_run_does_not_go_back_further(registry):
    chosen = choose()
    move(chosen)
    assert move(chosen)["version"] == "v2"
    assert registry.promoted().version == "v2"
    assert len(registry.history()) == 4


@pytest.mark.runbook("quantization", "promote is skipped, approve reports rejected")
@pytest.mark.runbook("promoting-and-rolling-back", "InputMissing: found v1 and nothing in use before it")
@pytest.mark.runbook("promoting-and-rolling-back", "ArtifactBroken")
@pytest.mark.runbook("nightly-tagging", "resolve_model: ArtifactBroken")
def test_a_version_asked_for_is_promoted_with_the_figures_that_are_known_of_it(registry):
    assert move(choose("v1")) == {"version": "v1", "fp32_f1": 0.8}
    assert (registry.promoted().version, registry.promoted().action) == ("v1", "promote")


@pytest.mark.runbook("promoting-and-rolling-back", "ConfigInvalid: found v1 promoted, expected v2 still")
def test_what_somebody_else_promotes_between_the_two_steps_stays(registry):
    chosen = choose()
    registry.promote("v1", "int8", by="bob", metrics={})
    with pytest.raises(AirflowFailException, match="ConfigInvalid: found v1 promoted, expected v3 still"):
        move(chosen)
    assert registry.promoted().by == "bob"


@pytest.mark.runbook("promoting-and-rolling-back", "InputMissing: found no version, found nothing")
@pytest.mark.runbook("promoting-and-rolling-back", "ArtifactBroken")
def test_a_version_that_is_damaged_or_absent_is_not_promoted(registry, store):
    (store.path_of("models/v2/int8") / "graph.pb").write_text("vv")
    with pytest.raises(AirflowFailException, match="ArtifactBroken"):
        move(choose())
    with pytest.raises(AirflowFailException, match="InputMissing: found no version 'v9'"):
        choose("v9")
    assert registry.promoted().version == "v3"
