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
