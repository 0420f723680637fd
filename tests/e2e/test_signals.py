"""A night in a real Airflow with everything switched on: what it tells, and that nothing of it quotes a document."""

import json
from pathlib import Path

import pytest

from launcher import secrets
from launcher.api import Api
from launcher.layout import Layout
from ner_airflow.observability.metrics import METRICS
from ner_tasks.registry.registry import Registry
from ner_tasks.store.folder import FolderStore
from tests import receivers, tiny
from tests.core.documents.test_documents_silent import FILES, MARKER
from tests.e2e.test_approval import wait
from tests.e2e.test_chain import ROOT, Installation

DAY = "2026-01-31"
# Where documents belong: as they came, as they were answered, as they were rejected.
BELONGS = ("store/inbox/", f"store/parts/{DAY}/", f"store/tagged/{DAY}/", "store/staging/")


def promote_a_model(folder, store):
    """A tagger of two layers, trained for a moment, that the night will use."""
    from ner_tasks.model import freezing
    from ner_tasks.training import loop

    loop.train_model(
        {"train": tiny.sentences(200), "dev": tiny.sentences(30, seed=1)},
        encoder=folder / "encoder",
        target=folder / "made" / "trained",
        checkpoints=folder / "checkpoints",
        config=loop.TrainConfig(epochs=1, learning_rate=3e-3, dropout=0.0, max_pieces=32),
        lineage={"version": "tiny-1"},
    )
    freezing.freeze_model(folder / "made" / "trained", folder / "made" / "frozen")
    registry = Registry(store)
    for kind in ("trained", "frozen"):
        registry.put("tiny-1", kind, folder / "made" / kind)
    registry.register("tiny-1", {})
    registry.promote("tiny-1", "frozen", by="test", metrics={})


@pytest.fixture
def night(tmp_path):
    """An Airflow with every signal on, and a day of documents that all hold the marker."""
    tiny.make_tiny_encoder(tmp_path / "encoder")
    store = FolderStore(tmp_path / "var" / "store")
    promote_a_model(tmp_path, store)
    inbox = store.path_of(f"inbox/{DAY}")
    inbox.mkdir(parents=True)
    for name, data in {**FILES, "good.txt": f"{MARKER} Chen visited Boston . {MARKER} left Ohio .".encode()}.items():
        (inbox / name).write_bytes(data)
    installation = Installation(tmp_path)
    with receivers.webhook() as hook, receivers.collector() as (url, got):
        events = {"type": "file", "log_file_path": str(tmp_path / "lineage.jsonl"), "append": True}
        installation.environment |= {
            "AIRFLOW_CONN_NER_ALERTS": json.dumps({"conn_type": "http", "host": hook.url}),
            "AIRFLOW__METRICS__OTEL_ON": "True",
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(events),
            "AIRFLOW__LOGGING__JSON_LOGS": "True",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        }
        try:
            up = installation("up", "--encoder", tmp_path / "encoder")
            assert up.returncode == 0, up.stdout
            layout = Layout(root=Path(ROOT), var=installation.var, port=installation.port)
            api = Api(layout.port, secrets.USER, secrets.password(layout))
            wait(lambda: "ner_tag_nightly" in api.dags())
            api.pause("ner_tag_nightly", False)
            yield api, hook, got
        finally:
            installation("down")


def run(api, **conf):
    name = api.trigger("ner_tag_nightly", {"day": DAY, **conf})
    wait(lambda: api.run("ner_tag_nightly", name)["state"] in ("success", "failed"), seconds=400)
    return {task["task_id"]: task["state"] for task in api.tasks("ner_tag_nightly", name)}


def quoting(folder):
    """Files below that have the marker, and no business to."""
    marks = (MARKER.encode(), MARKER.lower().encode())
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 50
    named = [(str(path.relative_to(folder)), path) for path in files]
    return [
        name
        for name, path in named
        if not name.startswith(BELONGS) and any(mark in path.read_bytes() for mark in marks)
    ]


@pytest.mark.runbook("notices-and-metrics", "no lineage event arrives")
@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_night_tells_everything_but_what_stands_in_its_documents(night, tmp_path):
    api, hook, got = night
    states = run(api, max_rejected_share=1)
    assert states["publish_day"] == "success", states
    # once more, and the gate refuses
    states = run(api, max_rejected_share=0, force=True)
    assert states["check_night"] == "failed", states

    store = FolderStore(tmp_path / "var" / "store")
    manifest = store.read_json(f"tagged/{DAY}/manifest.json")
    assert manifest["n_tagged"] >= 1 and manifest["n_rejected"] >= 12
    assert any(MARKER in store.path_of(f"{part['key']}/documents.jsonl").read_text() for part in manifest["parts"])

    said = hook.wait_for(lambda notice: notice["task"] == "check_night")
    assert said["reason"].startswith("GateNotPassed: found")
    assert not any(MARKER.lower().encode() in body.lower() for body in hook.bodies)

    found = receivers.metrics_of(got)
    expected = {name for name in METRICS if name.startswith(("ner.night", "ner.queue", "ner.model"))}
    assert {f"airflow.{name}" for name in expected} - set(found) == set()
    assert (manifest["n_rejected"], {"dag_id": "ner_tag_nightly"}) in found["airflow.ner.night.rejected"]
    assert not any(MARKER.lower().encode() in request.SerializeToString().lower() for request in got)

    events = [json.loads(line) for line in (tmp_path / "lineage.jsonl").read_text().splitlines()]
    (published,) = [
        event
        for event in events
        if event["job"]["name"] == "ner_tag_nightly.publish_day" and event["eventType"] == "COMPLETE"
    ]
    versions = {one["name"]: one["facets"].get("version", {}).get("datasetVersion") for one in published["inputs"]}
    assert versions == {
        store.where(f"inbox/{DAY}"): None,
        store.where("models/tiny-1/frozen"): "tiny-1",
    }
    assert store.where(f"tagged/{DAY}") in {one["name"] for one in published["outputs"]}
    assert MARKER.lower() not in (tmp_path / "lineage.jsonl").read_text().lower()

    logs = [*(tmp_path / "var" / "airflow" / "logs").rglob("*.log"), *(tmp_path / "var" / "log").glob("[!k]*.log")]
    assert len(logs) > 10
    for log in logs:
        for line in log.read_text().splitlines():
            assert "event" in json.loads(line), log.name
    assert quoting(tmp_path / "var") == []
