"""A night beside those before it: which of them count, who hears of an unusual one, and what is started for it."""

from datetime import datetime
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DownstreamTasksSkipped

from ner_airflow.operators.monitoring import DetectDriftOperator, DriftGateOperator, RetrainOnDriftOperator
from ner_tasks.tagging.statistics import compute_statistics
from tests.published import manifest_of, write_shard

DAY = "2026-11-22"
FOUND = {"judged": True, "why_not": "", "alerts": ["found entities/geo at 30, expected 10 (8 to 12), +200%"]}
QUIET = {**FOUND, "alerts": []}


@pytest.fixture
def publish(store):
    """Publishes a day, as far as what is looked at here goes."""

    def put(day, version="v1", *, night="n", n_tagged=10, statistics=True):
        said = {"model_version": version, "night": night, "n_tagged": n_tagged}
        store.write_json(f"tagged/{day}/manifest.json", said)
        if statistics:
            store.write_json(f"tagged/{day}/statistics.json", {"day": day})

    return put


def watch(day=DAY, accept="False"):
    return DetectDriftOperator(task_id="drift", day=day, config={"accept_drift": accept}).execute({})


def held_against(fake):
    return [path.split("/")[-2] for path in fake.calls[-1]["flags"].get("before", [])]


def test_a_night_is_held_against_the_nights_before_it_by_the_same_model(publish, store, fake):
    publish("2026-11-17")
    publish("2026-11-18", statistics=False)
    publish("2026-11-19", n_tagged=0)
    publish("2026-11-20", "v0")
    publish("2026-11-21")
    publish(DAY)
    publish("2026-11-23")
    fake.set("drift", result=QUIET)
    assert watch() == {"day": DAY, "night": "n", "alerts": [], "report": f"reports/drift/{DAY}.json"}
    assert held_against(fake) == ["2026-11-21", "2026-11-17"]
    said = store.read_json(f"reports/drift/{DAY}.json")
    assert said["nights"] == ["2026-11-21", "2026-11-17"]
    assert (said["model_version"], said["model_before"]) == ("v1", None)


@pytest.mark.runbook("arrivals", "drift is skipped: is not over: its last run judges it")
def test_a_day_under_way_is_judged_when_it_is_over(publish, fake):
    publish(DAY)
    fake.set("drift", result=QUIET)
    drift = DetectDriftOperator(task_id="drift", day=DAY, config={"accept_drift": "False"})
    with pytest.raises(AirflowSkipException, match=f"{DAY} is not over"):
        drift.execute({"dag_run": run_at(f"{DAY}T12:30:00+00:00")})
    assert drift.execute({"dag_run": run_at("2026-11-23T01:30:00+00:00")})["alerts"] == []


def run_at(moment):
    at = datetime.fromisoformat(moment)
    return SimpleNamespace(run_type="scheduled", run_after=at, consumed_asset_events=[], conf=None)


def test_a_new_model_is_said_and_begins_anew(publish, store, fake):
    publish("2026-11-21", "v0")
    publish(DAY, "v1")
    fake.set("drift", result=QUIET)
    watch()
    assert held_against(fake) == []
    assert store.read_json(f"reports/drift/{DAY}.json")["model_before"] == "v0"


def test_an_unusual_night_does_not_count_until_it_is_accepted_or_published_anew(publish, store, fake):
    for day in ("2026-11-19", "2026-11-20", "2026-11-21", DAY):
        publish(day)
    said = {"night": "n", "alerts": ["found"], "accepted": False}
    store.write_json("reports/drift/2026-11-19.json", {**said, "accepted": True})
    store.write_json("reports/drift/2026-11-20.json", {**said, "night": "one before"})
    store.write_json("reports/drift/2026-11-21.json", said)
    fake.set("drift", result=QUIET)
    watch()
    assert held_against(fake) == ["2026-11-20", "2026-11-19"]


@pytest.mark.runbook("nightly-tagging", "notice: an earlier night is not compared with, <day> is")
@pytest.mark.runbook("damaged-files-of-the-store", "reports/nights/, reports/drift/")
@pytest.mark.parametrize("damaged", ["{", "[]", "7", '{"night": "n"}'])
def test_a_damaged_report_of_a_night_costs_that_night_and_not_the_next(publish, store, fake, damaged):
    for day in ("2026-11-20", "2026-11-21", DAY):
        publish(day)
    for day in ("2026-11-21", DAY):
        store.write_json(f"reports/drift/{day}.json", {})
        (store.root / f"reports/drift/{day}.json").write_text(damaged)
    store.write_json("tagged/2026-11-20/manifest.json", {"model_version": "v1"})
    publish("2026-11-19")
    fake.set("drift", result=FOUND)
    assert watch()["alerts"] == FOUND["alerts"]
    assert held_against(fake) == ["2026-11-19"]
    assert store.read_json(f"reports/drift/{DAY}.json")["accepted"] is False


@pytest.mark.runbook("nightly-tagging", "drift_gate: GateNotPassed: found entities/geo at ...")
def test_what_is_accepted_raises_no_alert_and_stays_accepted(publish, store, fake):
    publish(DAY)
    fake.set("drift", result=FOUND)
    assert watch()["alerts"] == FOUND["alerts"]
    assert watch(accept="True")["alerts"] == []
    assert watch()["alerts"] == []
    assert store.read_json(f"reports/drift/{DAY}.json")["alerts"] == FOUND["alerts"]
    publish(DAY, night="another")
    assert watch()["alerts"] == FOUND["alerts"]


@pytest.mark.runbook("nightly-tagging", "drift is skipped: published before there was any")
def test_a_day_without_answers_or_statistics_is_skipped(publish, fake):
    with pytest.raises(AirflowSkipException, match="no published answers"):
        watch()
    publish(DAY, statistics=False)
    with pytest.raises(AirflowSkipException, match="published before there was any"):
        watch()
    with pytest.raises(AirflowFailException, match="ConfigInvalid: found day"):
        watch(day="")


def finish(task, *after):
    """Run a task with others after it, as Airflow does; return its result and which of the others it has skipped."""
    pushed = {}
    ti = SimpleNamespace(dag_id="nights", xcom_push=lambda key, value: pushed.update({key: value}))
    task >> list(after)
    try:
        return task.execute({"ti": ti}), []
    except DownstreamTasksSkipped as skipped:
        return pushed["return_value"], sorted(skipped.tasks)


@pytest.mark.parametrize(("alerts", "skipped"), [([], ["drift_gate", "retrain"]), (FOUND["alerts"], [])])
def test_a_night_without_an_alert_starts_no_process_for_what_follows_one(publish, fake, alerts, skipped):
    publish(DAY)
    fake.set("drift", result={**FOUND, "alerts": alerts})
    with DAG("nights", schedule=None):
        drift = DetectDriftOperator(task_id="drift", day=DAY, config={"accept_drift": False})
        after = (
            RetrainOnDriftOperator(task_id="retrain", watched={}),
            DriftGateOperator(task_id="drift_gate", watched={}),
        )
        result, found = finish(drift, *after)
    assert (result["alerts"], found) == (alerts, skipped)


def test_why_an_empty_night_is_not_judged_is_reported_without_a_process(publish, store, fake, tmp_path):
    write_shard(tmp_path / "shard", [], [], manifest_of(DAY, 0))
    statistics = compute_statistics(tmp_path / "shard" / "documents.jsonl", manifest_of(DAY, 0))
    publish(DAY, n_tagged=0)
    store.write_json(f"tagged/{DAY}/statistics.json", statistics)
    assert watch()["alerts"] == []
    assert fake.calls == []
    why_not = "found 0 previous nights by this model, expected at least 5"
    assert store.read_json(f"reports/drift/{DAY}.json")["why_not"] == why_not


WATCHED = {"day": DAY, "night": "n", "alerts": FOUND["alerts"], "report": f"reports/drift/{DAY}.json"}


@pytest.mark.runbook("nightly-tagging", "drift_gate: GateNotPassed: found entities/geo at ...")
def test_an_alert_fails_with_what_was_found_and_where(fake):
    with pytest.raises(AirflowFailException, match=rf"GateNotPassed: found entities/geo .*{DAY}: reports/drift/{DAY}"):
        DriftGateOperator(task_id="alert", watched=WATCHED).execute({})
    assert DriftGateOperator(task_id="alert", watched={**WATCHED, "alerts": []}).execute({})["alerts"] == []
    with pytest.raises(AirflowSkipException):
        DriftGateOperator(task_id="alert", watched=None).execute({})


@pytest.mark.parametrize(
    ("alerts", "wanted", "why"),
    [([], "True", "no drift"), (["found"], "False", "retrain_on_drift is off")],
    ids=["nothing found", "not wanted"],
)
def test_nothing_is_retrained_without_an_alert_or_unasked(alerts, wanted, why):
    watched = {**WATCHED, "alerts": alerts}
    with pytest.raises(AirflowSkipException, match=why):
        RetrainOnDriftOperator(task_id="retrain", watched=watched, config={"retrain_on_drift": wanted}).execute({})


@pytest.mark.runbook("nightly-tagging", "drift_gate: GateNotPassed: found entities/geo at ...")
def test_a_retraining_is_started_once_for_each_night():
    from airflow.sdk.exceptions import DagRunTriggerException

    with pytest.raises(DagRunTriggerException) as started:
        RetrainOnDriftOperator(task_id="retrain", watched=WATCHED, config={"retrain_on_drift": True}).execute({})
    assert started.value.trigger_dag_id == "ner_retrain"
    assert started.value.dag_run_id == f"drift__{DAY}__n"
    assert started.value.skip_when_already_exists
