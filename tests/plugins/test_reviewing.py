"""`ner_decide`: the decisions of a run are recorded under the name of who triggered it, once."""

import json
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from ner_airflow.operators.reviewing import RecordDecisionsOperator
from ner_tasks.store import keys
from tests.reviews import DAY, letters, queue_in, verdicts

RUN = "manual__2026-02-01T09:00:00+00:00"
BATCH = f"labelled/review-{DAY}-page/decisions.jsonl"


@pytest.fixture
def sentences(store, tmp_path):
    return [one["id"] for one in queue_in(store, tmp_path / "day", letters("x", "y"))]


def record(sentences, *given, run=RUN, by="ada", day=DAY):
    decisions = [{"sentence": one, "verdicts": verdicts(*given)} for one in sentences]
    config = json.dumps({"day": day, "decisions": decisions})
    task = RecordDecisionsOperator(task_id="record", config=config, by=by, at="2026-02-01T09:00:00+00:00")
    return task.execute({"run_id": run, "dag_run": SimpleNamespace(conf=None)})


def test_the_decisions_of_a_run_become_a_batch_with_who_and_when(store, sentences):
    said = record(sentences, "reject", "accept")
    assert said == {
        "day": DAY,
        "n_recorded": 2,
        "batch": f"labelled/review-{DAY}-page",
        "n_settled": 2,
        "n_disputed": 0,
        "n_open": 0,
    }
    lines = [json.loads(line) for line in store.read_lines(BATCH)]
    assert {(line["decided_by"], line["decided_at"]) for line in lines} == {("ada", "2026-02-01T09:00:00+00:00")}


@pytest.mark.runbook("decisions", "it failed half-way")
def test_a_retry_records_the_same(store, sentences, monkeypatch):
    from ner_tasks.review.decisions import recording

    whole = recording.derive_day

    def fail(*_given):
        raise OSError("the store is gone")

    monkeypatch.setattr(recording, "derive_day", fail)
    with pytest.raises(OSError, match="gone"):
        record(sentences, "reject", "accept")
    monkeypatch.setattr(recording, "derive_day", whole)
    record(sentences, "reject", "accept")
    before = store.read_lines(BATCH)
    record(sentences, "reject", "accept")
    assert store.read_lines(BATCH) == before
    assert len(list(store.files(keys.reviewed(DAY, keys.DECISIONS)))) == 1


@pytest.mark.runbook("decisions", "DataRejected: found sentence")
def test_a_decision_that_the_queue_does_not_allow_fails_the_run_at_once_and_the_others_are_kept(store, sentences):
    with pytest.raises(
        AirflowFailException, match="^DataRejected: found sentence 000000000000, expected one of the queue"
    ):
        record([*sentences, "0" * 12], "reject", "accept")
    assert len(store.read_lines(BATCH)) == 2


def test_nothing_of_a_document_is_in_the_log_or_in_what_airflow_keeps(sentences, caplog, capsys):
    said = record(sentences, "reject", "accept")
    assert "Jackson" not in json.dumps(said) + caplog.text + capsys.readouterr().out


def test_who_and_when_come_from_airflow():
    from jinja2 import Environment
    from pendulum import datetime

    task = RecordDecisionsOperator(task_id="record", config="{}")
    run = SimpleNamespace(triggering_user_name="ada", run_after=datetime(2026, 2, 1, 9))
    render = Environment(autoescape=False).from_string
    assert render(task.by).render(dag_run=run) == "ada"
    assert render(task.at).render(dag_run=run) == "2026-02-01T09:00:00+00:00"
