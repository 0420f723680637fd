"""Documents as they arrive, in a real Airflow: its triggerer sees a drop, and the day is published."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from launcher import secrets
from launcher.api import Api
from launcher.layout import Layout
from ner_tasks.store.folder import FolderStore
from tests import tiny
from tests.e2e.test_approval import wait
from tests.e2e.test_chain import ROOT, Installation
from tests.e2e.test_signals import promote_a_model
from tests.manual.drop_to_published import compare, drop, wait_until_answered

DAG = "ner_tag_nightly"


@pytest.fixture
def arrivals(tmp_path):
    """An Airflow that watches the inbox of today."""
    tiny.make_tiny_encoder(tmp_path / "encoder")
    store = FolderStore(tmp_path / "var" / "store")
    promote_a_model(tmp_path, store)
    installation = Installation(tmp_path)
    installation.environment["NER_SCHEDULE"] = "arrivals"
    try:
        up = installation("up", "--encoder", tmp_path / "encoder")
        assert up.returncode == 0, up.stdout
        layout = Layout(root=Path(ROOT), var=installation.var, port=installation.port)
        api = Api(layout.port, secrets.USER, secrets.password(layout))
        wait(lambda: DAG in api.dags())
        api.pause(DAG, False)
        yield api, store
    finally:
        installation("down")


def states(api):
    runs = api._call("GET", f"/dags/{DAG}/dagRuns", params={"order_by": "id"}).json()["dag_runs"]
    return [run["state"] for run in runs]


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_drops_are_published_as_they_arrive_and_a_flood_of_events_starts_few_runs(arrivals):
    api, store = arrivals
    day = str(datetime.now(UTC).date())
    drop(store.root / "inbox" / day, 0)  # the first finds nothing warm
    wait_until_answered(store, day)
    wait(lambda: states(api) == ["success"], seconds=300)
    drop(store.root / "inbox" / day, 1)
    wait_until_answered(store, day)  # tests.manual.drop_to_published measures how long it takes
    wait(lambda: states(api) == ["success"] * 2, seconds=300)
    manifest = store.read_json(f"tagged/{day}/manifest.json")
    assert (manifest["n_tagged"], manifest["n_reused"]) == (2, 1)
    assert compare(store, day) == (0, 0)
    drop(store.root / "inbox" / day, 2)
    wait_until_answered(store, day)
    wait(lambda: states(api) == ["success"] * 3, seconds=300)
    before, manifest = manifest, store.read_json(f"tagged/{day}/manifest.json")
    assert [part["n_tagged"] for part in manifest["parts"]] == [2, 1]
    assert manifest["parts"][0]["key"] == before["parts"][0]["key"]  # kept: its files were not read again
    assert compare(store, day) == (0, 0)

    # senders call for files that are answered already, or gone
    (inbox,) = api._call("GET", "/assets", params={"name_pattern": "ner_inbox"}).json()["assets"]
    for _ in range(200):
        api._call("POST", "/assets/events", json={"asset_id": inbox["id"]})
    wait(lambda: len(states(api)) > 3 and set(states(api)) == {"success"}, seconds=300)
    time.sleep(10)
    wait(lambda: set(states(api)) == {"success"}, seconds=300)
    assert len(states(api)) <= 10  # of 200 events
    assert store.read_json(f"tagged/{day}/manifest.json") == manifest
    assert compare(store, day) == (0, 0)
