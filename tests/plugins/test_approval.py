"""What a person is asked, and what the answer does; `tests/e2e/test_approval.py` asks in a real Airflow."""

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped, TaskAwaitingInput

from ner_airflow.operators import approval
from ner_airflow.operators.approval import ApproveModelOperator, request
from ner_tasks.registry.promotions import Promotion
from ner_tasks.registry.registry import Registry

CHECKED = {"version": "v2", "metrics": {"f1": 0.8123, "f1_loss": 0.001}, "gate": ["found entity F1 0.8123"]}
UNTIL = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.fixture
def asked(store, model, monkeypatch):
    """The requests that would go to Airflow, with v1 promoted."""
    registry = Registry(store)
    for kind in ("trained", "int8"):
        registry.put("v1", kind, model(kind))
    registry.register("v1", {})
    registry.promote("v1", "int8", by="test", metrics={"f1": 0.8})
    sent = []
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **said: sent.append(said)
    )
    return sent


def approve(approval=True, checked=CHECKED, hours=24):
    from airflow.sdk import DAG, BaseOperator

    with DAG("d", schedule=None):
        operator = ApproveModelOperator(
            task_id="approve", checked=checked, config={"approval": approval, "approval_hours": hours}
        )
        operator >> BaseOperator(task_id="promote")
    return operator


class Instance:
    id, map_index = "ti", -1

    def xcom_push(self, **_):
        """The skipped tasks, for when they are cleared."""


CONTEXT = {"task_instance": Instance(), "ti": Instance()}


def answered(operator, option, by):
    event = {
        "chosen_options": [option],
        "params_input": {},
        "responded_at": UNTIL,
        "responded_by_user": {"id": by, "name": by} if by else None,
        "timedout": by is None,
    }
    return operator.execute_complete({**CONTEXT, "task": operator}, event)


@pytest.mark.parametrize("approval", [False, None])
def test_nobody_is_asked_where_it_is_not_wanted(asked, approval):
    assert approve(approval).execute({}) == CHECKED
    assert asked == []


@pytest.mark.parametrize("approval", [True, None], ids=["by the run", "by the deployment"])
def test_the_task_waits_with_the_report_before_the_person_and_a_no_as_the_default(asked, monkeypatch, approval):
    monkeypatch.setenv("NER_APPROVAL", "1")
    with pytest.raises(TaskAwaitingInput) as waiting:
        approve(approval, hours=48).execute(CONTEXT)
    assert waiting.value.timeout == timedelta(hours=48)
    (said,) = asked
    assert (said["subject"], said["options"], said["defaults"]) == (
        "Promote version v2?",
        ["Approve", "Reject"],
        ["Reject"],
    )
    for expected in ("0.8123", "promoted now: `v1`", "found entity F1", "reports/models/v2"):
        assert expected in said["body"]


def test_a_run_that_says_no_is_stronger_than_the_deployment(asked, monkeypatch):
    monkeypatch.setenv("NER_APPROVAL", "1")
    assert approve("False").execute({}) == CHECKED


def test_a_yes_goes_on_and_says_who(asked, store):
    assert answered(approve(), "Approve", "ann") == {**CHECKED, "approved_by": "ann"}
    assert store.read_json("reports/models/v2/approval.json")["by"] == "ann"


@pytest.mark.parametrize(
    ("by", "line"),
    [("bob", "as bob rejected it"), (None, "as nobody has answered within 24 hours")],
    ids=["no", "silence"],
)
def test_a_no_or_none_at_all_skips_the_promotion_and_says_so_in_one_line(asked, store, capsys, by, line):
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        answered(approve(), "Reject", by)
    assert skipped.value.tasks == ["promote"]
    said = [shown for shown in capsys.readouterr().out.splitlines() if "rejected" in shown]
    assert len(said) == 1
    assert f"rejected: version v2 is not promoted, {line}; v1 stays promoted" in said[0]
    assert store.read_json("reports/models/v2/approval.json")["approved"] is False
    assert Registry(store).promoted().version == "v1"


def test_the_request_shows_both_models_the_gate_and_what_would_change():
    champion = Promotion("v1", "int8", "x", "2026-01-30T10:00:00", {"f1": 0.8})
    checked = {**CHECKED, "impact": {"key": "k", "summary": "per: 12 added, 3 removed"}}
    shown = request(checked, champion, UNTIL, "s3://b/reports")
    assert "| f1 | 0.8123 | 0.8000 |" in shown
    assert "| f1_loss | 0.0010 |  |" in shown
    for expected in ("2026-01-31 12:00 UTC", "- found entity F1 0.8123", "per: 12 added", "`s3://b/reports`"):
        assert expected in shown
    assert "promoted now: none" in request(CHECKED, None, UNTIL, "x")
    assert "corpus" not in request(CHECKED, None, UNTIL, "x")


def test_what_a_document_brings_into_the_request_comes_from_the_report_and_is_no_template(asked, store):
    store.write_json("reports/impact/v2.json", {"summary": "{{ 7 * 6 }}"})
    checked = {**CHECKED, "impact": {"key": "reports/impact/v2.json", "summary": "6 added"}}
    with pytest.raises(TaskAwaitingInput):
        approve(checked=checked).execute(CONTEXT)
    assert "{{ 7 * 6 }}" in asked[0]["body"]


def test_a_parameter_that_is_neither_yes_nor_no_is_refused(asked):
    with pytest.raises(AirflowFailException, match="found approval = 'maybe'"):
        approve("maybe").execute({})
    assert approval.ApproveModelOperator.template_fields[-2:] == ("config", "checked")
