"""The DAGs as Airflow reads them."""

from pathlib import Path

import pytest

from tests.run_params import DAGS, stored_form

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def bag():
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(ROOT / "dags"))


@pytest.fixture(params=DAGS)
def stored(request, bag):
    """Each DAG as the scheduler and the API have it."""
    return stored_form(bag.dags[request.param])


@pytest.fixture
def fake_command(monkeypatch, tmp_path):
    """Returns the command line with which an operator would start a command."""
    from ner_airflow.operators import base

    class Verb(base.CommandOperator):
        def step(self, context):
            return self.run_command(self.command)

    started = []

    class Child:
        last_lines = ("nothing",)

        def __init__(self, command, _environment):
            started.append(command)

        def follow(self, _log):
            return 1

    monkeypatch.setattr(base, "ChildProcess", Child)
    monkeypatch.setenv("NER_SCRATCH", str(tmp_path))

    def start(command):
        step = Verb(task_id="t")
        step.command = command
        with pytest.raises(base.StepFailed):
            step.execute({})
        return started[-1][4:]

    return start
