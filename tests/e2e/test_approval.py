"""A real Airflow asks a person: a yes promotes; a no, or none in time, does not; nothing is held meanwhile. It rolls back."""

import shutil
import time
from pathlib import Path

import pytest

from launcher import secrets
from launcher.api import Api
from launcher.layout import Layout
from ner_tasks.model import model_folder
from ner_tasks.registry.registry import Registry
from ner_tasks.store.folder import FolderStore
from tests import tiny
from tests.e2e.test_chain import ROOT, Installation

# the steps of ner_quantize behind its gate, without what it takes to get there
ASKING = """\
from airflow.sdk import Param, dag, task

from ner_airflow.operators.approval import ApprovalParams, ApproveModelOperator
from ner_airflow.operators.quantization import PromoteModelOperator
from ner_airflow.params import dag_params


@dag(schedule=None, params={"version": Param("", type="string"), **dag_params(ApprovalParams, approval=True)})
def asking():
    @task
    def gate(params=None):
        return {"version": params["version"], "metrics": {"f1": 0.8}, "gate": ["found entity F1 0.8"]}

    approved = ApproveModelOperator(task_id="approve", checked=gate())
    PromoteModelOperator(task_id="promote", checked=approved.output, by="nobody")


asking()
"""


def add(registry, folder, version):
    for kind in ("trained", "int8"):
        made = folder / version / kind
        made.mkdir(parents=True)
        for name in (model_folder.WEIGHTS, model_folder.GRAPH, model_folder.TOKENIZER):
            (made / name).write_text(version)
        model_folder.write_manifest(
            made, model_folder.ModelManifest(kind=kind, labels=("geo",), encoder={}, max_pieces=8)
        )
        registry.put(version, kind, made)
    registry.register(version, {})


@pytest.fixture
def api(tmp_path):
    """An Airflow with the DAG above beside ours."""
    dags = shutil.copytree(ROOT / "dags", tmp_path / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    (dags / "asking.py").write_text(ASKING)
    tiny.make_tiny_encoder(tmp_path / "encoder")
    installation = Installation(tmp_path)
    installation.environment |= {"AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
    try:
        up = installation("up", "--encoder", tmp_path / "encoder")
        assert up.returncode == 0, up.stdout
        layout = Layout(root=Path(ROOT), var=installation.var, port=installation.port)
        api = Api(layout.port, secrets.USER, secrets.password(layout))
        wait(lambda: "asking" in api.dags())
        api.pause("asking", False)
        yield api
    finally:
        installation("down")


def wait(until, seconds=180):
    deadline = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < deadline
        time.sleep(1)
    return found


def states(api, run):
    return {task["task_id"]: task["state"] for task in api.tasks("asking", run)}


def answer(api, run, option, logs):
    # Airflow 3.3.2 takes an answer that comes before the scheduler has seen the task's process end for a lost task
    seen = "Received executor event with state success", "task_id='approve'", run
    wait(lambda: any(all(part in line for part in seen) for log in logs.glob("*.log") for line in log.open()))
    path = f"/dags/asking/dagRuns/{run}/taskInstances/approve/-1/hitlDetails"
    said = api._call("GET", path).json()
    api._call("PATCH", path, json={"chosen_options": [option], "params_input": {}})
    return said


def ended(api, run):
    wait(lambda: api.run("asking", run)["state"] in ("success", "failed"))
    return api.run("asking", run)["state"], states(api, run)


@pytest.mark.runbook("quantization", "approve is awaiting_input")
@pytest.mark.runbook("quantization", "promote is skipped, approve reports rejected")
@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_yes_promotes_and_a_no_or_none_in_time_does_not(api, tmp_path):
    registry = Registry(FolderStore(tmp_path / "var" / "store"))
    for version in ("v1", "v2", "v3"):
        add(registry, tmp_path / "made", version)

    run = api.trigger("asking", {"version": "v1"})
    wait(lambda: states(api, run).get("approve") == "awaiting_input")
    pool = api._call("GET", "/pools/default_pool").json()
    assert (pool["running_slots"], pool["queued_slots"], pool["occupied_slots"]) == (0, 0, 0)
    assert registry.promoted() is None
    said = answer(api, run, "Approve", tmp_path / "var" / "log")
    assert said["subject"] == "Promote version v1?"
    assert "found entity F1 0.8" in said["body"]
    assert said["defaults"] == ["Reject"]
    assert ended(api, run) == ("success", {"gate": "success", "approve": "success", "promote": "success"})
    assert (registry.promoted().version, registry.promoted().by) == ("v1", secrets.USER)

    skipped = ("success", {"gate": "success", "approve": "success", "promote": "skipped"})
    run = api.trigger("asking", {"version": "v2"})
    wait(lambda: states(api, run).get("approve") == "awaiting_input")
    answer(api, run, "Reject", tmp_path / "var" / "log")
    assert ended(api, run) == skipped

    # a few seconds; nobody answers
    run = api.trigger("asking", {"version": "v3", "approval_hours": 0.001})
    assert ended(api, run) == skipped
    assert registry.promoted().version == "v1"
    assert [registry.store.read_json(f"reports/models/{name}/approval.json")["by"] for name in ("v1", "v2", "v3")] == [
        secrets.USER,
        secrets.USER,
        None,
    ]

    # by hand, without being asked: to another version, and back from it
    api.pause("ner_promote", False)
    for conf, expected in (({"version": "v2", "reason": "a try"}, "v2"), ({}, "v1")):
        run = api.trigger("ner_promote", conf)
        wait(lambda run=run: api.run("ner_promote", run)["state"] in ("success", "failed"))
        assert api.run("ner_promote", run)["state"] == "success"
        assert registry.promoted().version == expected
        events = api._call("GET", "/assets/events", params={"source_run_id": run}).json()["asset_events"]
        assert [event["extra"]["version"] for event in events] == [expected]
    assert [(line.version, line.action, line.by, line.reason) for line in registry.history()] == [
        ("v1", "promote", secrets.USER, ""),
        ("v2", "promote", secrets.USER, "a try"),
        ("v1", "rollback", secrets.USER, ""),
    ]
