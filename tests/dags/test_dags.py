import argparse
import itertools
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import Field

from ner_airflow import task_results
from ner_airflow.assets import BENCHMARK, NER_FP32, NER_INT8, TAGGED_DOCUMENTS
from ner_airflow.params import dag_params, read_params
from ner_tasks.config.flags import add_flags
from ner_tasks.errors import ConfigInvalid
from ner_tasks.steps.command import Command
from ner_tasks.steps.measures import BenchmarkParams

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("tensorflow", "keras", "pandas", "great_expectations", "transformers", "boto3", "neural_compressor", "numpy")

EDGES = {
    "ner_retrain": ["collect", "snapshot", "train", "evaluate", "model_gate", "register"],
    "ner_quantize": ["resolve_version", "freeze", "quantize", "compare", "int8_gate", "impact", "approve", "promote"],
    "ner_review": ["export"],
    "ner_decide": ["record"],
    "ner_maintain": ["prune_store", "clean_airflow"],
    "ner_tune": ["tune"],
    "ner_promote": ["choose", "promote"],
    "ner_tag_nightly": [
        "resolve_model",
        "plan_shards",
        "tag_shard",
        "check_night",
        "publish_day",
        "drift",
        "retrain",
        "drift_gate",
    ],
    "ner_retag": [
        "resolve_model",
        "plan_days",
        "plan_shards",
        "tag_shard",
        "check_night",
        "compare_day",
        "publish_day",
        "load_postgres",
    ],
    "ner_withdraw": ["withdraw", "load_postgres"],
    "ner_benchmark": ["benchmark"],
}
# What follows a step beside the next one.
BESIDE = {
    "ner_tag_nightly": [("publish_day", "load_postgres"), ("publish_day", "list_new_mentions")],
    "ner_retag": [("publish_day", "list_new_mentions")],
}
PAGE = ("Reads", "Writes", "Runs", "Re-run", "On failure")
OUTLETS = {
    ("ner_retrain", "register"): [NER_FP32],
    ("ner_quantize", "promote"): [NER_INT8],
    ("ner_promote", "promote"): [NER_INT8],
    ("ner_tag_nightly", "publish_day"): [TAGGED_DOCUMENTS],
    ("ner_retag", "publish_day"): [TAGGED_DOCUMENTS],
    ("ner_benchmark", "benchmark"): [BENCHMARK],
}


@pytest.fixture(params=sorted(EDGES))
def dag(request, bag):
    assert bag.import_errors == {}
    return bag.dags[request.param]


def tasks(bag):
    return [task for dag in bag.dags.values() for task in dag.tasks]


@pytest.mark.runbook("airflow", "all DAGs are missing")
def test_there_are_these_dags_and_no_others(bag):
    assert bag.import_errors == {}
    assert set(bag.dags) == set(EDGES)


def test_the_steps_follow_each_other(dag):
    order, beside = EDGES[dag.dag_id], BESIDE.get(dag.dag_id, [])
    assert set(dag.task_ids) == {*order, *itertools.chain(*beside)}
    for before, after in [*itertools.pairwise(order), *beside]:
        assert after in dag.get_task(before).downstream_task_ids


def test_the_shards_are_mapped_and_wait_for_the_pinned_model(bag):
    shard = bag.dags["ner_tag_nightly"].get_task("tag_shard")
    assert shard.is_mapped
    assert shard.upstream_task_ids == {"plan_shards"}
    assert bag.dags["ner_tag_nightly"].get_task("plan_shards").upstream_task_ids == {"resolve_model"}


def test_every_dag_has_a_page_for_the_person_on_call(dag):
    for heading in PAGE:
        assert f"| **{heading}** |" in dag.doc_md, heading
    assert "docs/runbook/" in dag.doc_md


def test_two_runs_of_a_dag_never_overlap_and_nothing_is_caught_up(dag):
    assert dag.max_active_runs == 1
    assert dag.catchup is False


def test_no_dag_has_a_start_date_so_that_switching_it_on_starts_nothing(dag):
    assert dag.start_date is None
    assert all(task.start_date is None for task in dag.tasks)


@pytest.mark.parametrize(
    ("name", "next_run"),
    [
        ("ner_retrain", "2026-11-28T03:00:00+00:00"),
        ("ner_tag_nightly", "2026-11-22T01:30:00+00:00"),
        ("ner_maintain", "2026-11-22T12:00:00+00:00"),
    ],
)
def test_switched_on_just_after_its_hour_a_dag_waits_for_the_next_one(bag, monkeypatch, name, next_run):
    import pendulum
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    # a Saturday
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: pendulum.datetime(2026, 11, 21, 3, 1, tz="UTC"))
    timetable = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(bag.dags[name])).timetable
    restriction = TimeRestriction(earliest=None, latest=None, catchup=False)
    assert (
        timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction).run_after.isoformat() == next_run
    )


def test_a_night_is_for_the_day_before(bag):
    import pendulum
    from airflow.serialization.serialized_objects import DagSerialization

    timetable = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(bag.dags["ner_tag_nightly"])).timetable
    _, key = timetable._get_partition_info(pendulum.datetime(2026, 3, 1, 1, 30, tz="UTC"))
    assert key == "2026-02-28"


def test_every_parameter_is_described_and_its_default_is_allowed(dag):
    for name in dag.params:
        param = dag.params.get_param(name)
        assert param.description, name
        # what only a person can say has no default, and then nothing but a person may start the DAG
        if param.has_value or dag.schedule is not None:
            param.resolve()


@pytest.mark.runbook("nightly-tagging", "tag_shard stays scheduled")
def test_every_pool_that_a_task_waits_for_is_made_at_bootstrap(bag):
    made = set(json.loads((ROOT / "plugins" / "ner_airflow" / "pools.json").read_text()))
    assert {task.pool for task in tasks(bag)} - {"default_pool"} == made


def test_every_step_that_starts_a_child_waits_for_the_pool(bag):
    from ner_airflow.operators.base import CommandOperator
    from ner_airflow.operators.maintenance import CleanDatabaseOperator

    for task in tasks(bag):
        operator = task.operator_class if task.is_mapped else type(task)
        # whose child waits for the database and not for a core
        is_heavy = issubclass(operator, CommandOperator) and operator is not CleanDatabaseOperator
        assert (task.pool == "ner_cpu") == is_heavy, task.task_id


@pytest.mark.runbook("several-machines", "tasks stay queued, all workers are idle")
def test_heavy_steps_have_the_queue_of_what_they_are_for_and_light_ones_have_airflow_s(bag):
    queues = {"ner_retrain": "train", "ner_quantize": "train"}
    for task in tasks(bag):
        assert task.queue == (queues.get(task.dag_id, "tag") if task.pool == "ner_cpu" else "default"), task


def test_a_task_is_tried_for_some_minutes_before_it_is_given_up(bag):
    for task in tasks(bag):
        # Airflow waits for that long at least, and for twice that at most
        waits = [task.retry_delay * task.retry_exponential_backoff**n for n in range(task.retries)]
        assert sum(waits, timedelta()) >= timedelta(minutes=7), task


def test_the_dags_are_joined_by_assets(bag):
    outlets = {(task.dag_id, task.task_id): task.outlets for task in tasks(bag) if task.outlets}
    assert outlets == OUTLETS
    assert [asset.name for asset in bag.dags["ner_quantize"].timetable.asset_condition.objects] == [NER_FP32.name]


def test_the_model_asset_is_not_partitioned_or_its_consumer_would_never_start(bag):
    from airflow.sdk import CronPartitionTimetable

    partitioned = {name for name, dag in bag.dags.items() if isinstance(dag.timetable, CronPartitionTimetable)}
    assert partitioned == {"ner_tag_nightly"}


def test_a_step_is_given_all_parameters_of_its_run_as_one_json_object(bag):
    from jinja2 import Environment

    dag = bag.dags["ner_benchmark"]
    params = {**dag.params.dump(), "precisions": ["stock FP32", "INT8"], "max_slowdown": 0}
    given = Environment().from_string(dag.get_task("benchmark").config).render(params=params)
    read = read_params(BenchmarkParams, given)
    assert (read.precisions, read.max_slowdown) == (("stock FP32", "INT8"), 0)
    # no limit is another thing than a limit of nothing
    assert read_params(BenchmarkParams, {"max_slowdown": None}).max_slowdown is None


def test_a_new_parameter_is_one_line():
    class MoreParams(BenchmarkParams):
        warm_up_rounds: int = Field(1, ge=0, le=9, title="Warm-up rounds", description="Not counted")

    class MoreCommand(MoreParams, Command):
        """Measure."""

        name = "more"

    # the form of the DAG,
    param = dag_params(MoreParams)["warm_up_rounds"]
    assert (param.value, param.description) == (1, "Not counted")
    assert param.schema["title"] == "Warm-up rounds"
    assert (param.schema["type"], param.schema["minimum"], param.schema["maximum"]) == ("integer", 0, 9)
    # what its step reads,
    assert read_params(MoreParams, '{"warm_up_rounds": 3, "other": 1}').warm_up_rounds == 3
    with pytest.raises(ConfigInvalid, match="found warm_up_rounds = 10, expected 0 to 9, in the run's parameters"):
        read_params(MoreParams, {"warm_up_rounds": 10})
    # and the command line with its help
    parser = argparse.ArgumentParser()
    add_flags(parser, MoreCommand)
    assert parser.parse_args(["--warm_up_rounds", "2"]).warm_up_rounds == 2
    assert "Warm-up rounds. Not counted (default: 1)" in " ".join(parser.format_help().split())


def test_a_benchmark_offers_every_precision_and_takes_all_by_default(bag):
    from ner_tasks.inference.engines import PRECISIONS

    param = bag.dags["ner_benchmark"].params.get_param("precisions")
    assert param.schema["examples"] == list(PRECISIONS)
    assert param.value == []


def test_no_task_reads_a_date_that_manual_and_asset_runs_do_not_have(bag):
    for path in (ROOT / "dags").glob("*.py"):
        for name in ("{{ ds", "logical_date", "data_interval", "{{ ts"):
            assert name not in path.read_text(), f"{name} in {path.name}"


def test_a_dag_survives_being_stored(dag):
    from airflow.serialization.serialized_objects import DagSerialization

    stored = DagSerialization.serialize_dag(dag)
    assert DagSerialization.deserialize_dag(json.loads(json.dumps(stored))).dag_id == dag.dag_id


@pytest.fixture(scope="module")
def parsed():
    """Seconds for each file, and the heavy modules that were imported, from a fresh process."""
    code = f"""
import json, sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "plugins")!r}]
from airflow.dag_processing.dagbag import DagBag
before = set(sys.modules)
bag = DagBag(dag_folder={str(ROOT / "dags")!r})
heavy = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps({{"s": {{s.file: s.duration.total_seconds() for s in bag.dagbag_stats}}, "heavy": heavy, "errors": bag.import_errors}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_parsing_the_dags_imports_nothing_heavy(parsed):
    assert parsed["errors"] == {}
    assert parsed["heavy"] == []


def test_each_dag_file_is_parsed_within_a_second(parsed):
    assert len(parsed["s"]) == len(EDGES)
    assert {file: seconds for file, seconds in parsed["s"].items() if seconds >= 1.0} == {}


def test_every_task_notes_for_the_pages_what_it_comes_to(bag):
    for dag in bag.dags.values():
        for task in dag.tasks:
            for kind, callback in task_results.CALLBACKS.items():
                assert callback in getattr(task, kind), f"{dag.dag_id}.{task.task_id}: {kind}"


def read_dag_with(schedule):
    """Read the nightly DAG as a DAG processor with this setting does, and return how it is stored."""
    code = f"""
import json, sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "plugins")!r}]
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag(dag_folder={str(ROOT / "dags" / "ner_tag_nightly.py")!r})
assert not bag.import_errors, bag.import_errors
print(json.dumps(DagSerialization.serialize_dag(bag.dags["ner_tag_nightly"])))
"""
    environment = {**os.environ, "NER_SCHEDULE": schedule}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("run_date", "day"),
    [("2026-03-01T14:30", "2026-03-01"), ("2026-03-01T01:30", "2026-02-28"), ("2026-03-01T02:30", "2026-03-01")],
)
def test_an_hourly_run_is_for_today_and_that_of_the_night_completes_the_day_before(hourly, run_date, day):
    import pendulum

    assert hourly.timetable._get_partition_info(pendulum.parse(run_date, tz="UTC"))[1] == day


@pytest.fixture(scope="module")
def hourly():
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.deserialize_dag(read_dag_with("hourly"))


@pytest.mark.runbook("arrivals", "documents arrive and no run starts")
def test_arrivals_start_a_run_beside_the_nightly_one():
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    dag = DagSerialization.deserialize_dag(read_dag_with("arrivals"))
    (inbox,) = dag.timetable.asset_condition.objects
    (watcher,) = inbox.watchers
    assert inbox.name == "ner_inbox"
    assert watcher.trigger["classpath"] == "ner_airflow.inbox_trigger.InboxTrigger"
    # an event of a watcher has no partition, and starts no DAG that has some
    assert not dag.timetable.partitioned
    assert dag.max_active_runs == 1
    info = dag.timetable.next_dagrun_info_v2(
        last_dagrun_info=None, restriction=TimeRestriction(earliest=None, latest=None, catchup=False)
    )
    assert f"{info.run_after:%H:%M}" == "01:30"


@pytest.mark.runbook("arrivals", "ConfigInvalid: found NER_SCHEDULE among the import errors")
def test_an_unknown_rhythm_is_an_import_error_in_one_line():
    with pytest.raises(
        AssertionError, match="found NER_SCHEDULE = .*weekly.*, expected one of nightly, hourly, arrivals"
    ):
        read_dag_with("weekly")
