import subprocess
import sys

import pytest

from ner_airflow.operators import maintenance
from ner_airflow.operators.maintenance import PruneStoreOperator
from ner_tasks.registry.registry import Registry


@pytest.fixture
def registry(store, model):
    registry = Registry(store)
    for version in ("old", "new"):
        registry.put(version, "trained", model("trained", text=version))
        registry.register(version, {"snapshot": "s"})
    return registry


@pytest.mark.parametrize(("delete", "left"), [("False", ["new", "old"]), ("True", ["new"])])
def test_what_went_is_reported_and_only_goes_if_it_should(registry, store, monkeypatch, delete, left):
    real = maintenance.time.time()
    monkeypatch.setattr(maintenance.time, "time", lambda: real + 100 * 86400)
    operator = PruneStoreOperator(
        task_id="t", config={"days": 90, "n_versions": 1, "staging_days": 14, "delete": delete}
    )
    said = operator.execute({"run_id": "manual__2026-01-31T00:00:00"})
    assert store.folders("models") == left
    report = store.read_json(said["report"])
    assert [item["key"] for item in report["gone"]] == ["models/old"]
    assert (report["deleted"], said["n_gone"]) == (delete == "True", 1)


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Work of this machine: given up, held by another process, and the copies of what lies on S3."""
    scratch = tmp_path / "scratch"
    monkeypatch.setenv("NER_SCRATCH", str(scratch))
    for name in ("tag-night-00", "held", "store", ".locks"):
        (scratch / name / ".tagged.work").mkdir(parents=True)
        (scratch / name / ".tagged.work" / "documents.jsonl").write_text("text")
    return scratch


@pytest.mark.runbook("maintenance", "var/scratch stays large on another worker")
@pytest.mark.parametrize(
    ("delete", "days", "left"),
    [
        ("False", 20, ["held", "store", "tag-night-00"]),
        ("True", 10, ["held", "store", "tag-night-00"]),
        ("True", 20, ["held", "store"]),
    ],
)
def test_what_failed_work_left_in_scratch_goes_if_nobody_holds_it(
    registry, store, scratch, monkeypatch, delete, days, left
):
    real = maintenance.time.time()
    monkeypatch.setattr(maintenance.time, "time", lambda: real + days * 86400)
    holder = "import sys, time, pathlib; from ner_tasks.files import atomic\n"
    holder += "with atomic.exclusive(pathlib.Path(sys.argv[1])): print(flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", holder, str(scratch / ".locks" / "held")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout and process.stdout.readline()
        operator = PruneStoreOperator(
            task_id="t", config={"days": 90, "n_versions": 1, "staging_days": 14, "delete": delete}
        )
        said = operator.execute({"run_id": "manual__2026-01-31T00:00:00"})
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert sorted(path.name for path in scratch.iterdir() if path.name != ".locks") == left
    gone = {"tag-night-00": 4} if days == 20 else {}
    assert store.read_json(said["report"])["scratch"] == (gone if delete == "True" else {**gone, "held": 4})
