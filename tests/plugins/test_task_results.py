"""What a task comes to is in the store."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from ner_airflow import task_results
from ner_airflow.operators.base import NerOperator
from ner_tasks.dashboard import runs
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.errors import GateNotPassed
from ner_tasks.store import keys

RUN = "manual__2026-01-31T01:30:00+00:00"


class Step(NerOperator):
    def step(self, context):
        return {"version": "v1", "f1": 0.8, "lines": ["a", "b"], "nested": {"text": "not noted"}, "n": 3}


class Gate(NerOperator):
    def step(self, context):
        raise GateNotPassed("found 1, expected 0, at the gate")


def context(task, *, map_index=-1, error=None):
    ti = SimpleNamespace(
        dag_id="ner_retrain",
        run_id=RUN,
        task_id=task.task_id,
        map_index=map_index,
        try_number=2,
        start_date=datetime.now(UTC),
    )
    return {"ti": ti, "task": task, "exception": error}


def test_a_result_is_noted_without_what_is_nested_in_it(store):
    task = Step(task_id="register")
    task.execute({})
    task_results.record_success(context(task))
    (step,) = runs.list_steps(StoreReader(store), "ner_retrain", keys.run_name(RUN))
    assert (step.task, step.state, step.messages) == ("register", "success", [])
    assert step.notes[0]["result"] == {"version": "v1", "f1": 0.8, "lines": ["a", "b"], "n": 3}
    assert (step.notes[0]["run"], step.notes[0]["try"]) == (RUN, 2)


def test_a_failure_is_noted_with_its_line_and_the_worst_of_mapped_tasks_counts(store):
    task = Gate(task_id="gate")
    with pytest.raises(Exception, match="found 1") as caught:
        task.execute({})
    task_results.record_success(context(task, map_index=0))
    task_results.record_failure(context(task, map_index=1, error=caught.value))
    (step,) = runs.list_steps(StoreReader(store), "ner_retrain", keys.run_name(RUN))
    assert (step.state, step.messages) == ("failed", ["GateNotPassed: found 1, expected 0, at the gate"])
    task_results.record_success(context(task, map_index=1))
    (step,) = runs.list_steps(StoreReader(store), "ner_retrain", keys.run_name(RUN))
    assert (step.state, step.messages) == ("success", [])


def test_a_place_in_the_store_is_noted_as_its_key(store):
    task = Step(task_id="evaluate")
    task.result = {"page": store.where("reports/page.html")}
    task_results.record_success(context(task))
    (step,) = runs.list_steps(StoreReader(store), "ner_retrain", keys.run_name(RUN))
    assert step.notes[0]["result"] == {"page": "reports/page.html"}


def test_a_note_is_json_that_any_program_reads(store):
    task = Step(task_id="register")
    task.execute({})
    task_results.record_skip(context(task))
    (path,) = (store.root / "reports" / "runs").rglob("*.json")
    assert json.loads(path.read_text())["state"] == "skipped"
