import pytest

from ner_airflow.operators import maintaining
from ner_airflow.operators.maintaining import ClearAway
from ner_tasks.versions.registry import Registry


@pytest.fixture
def registry(store, model):
    registry = Registry(store)
    for version in ("old", "new"):
        registry.put(version, "trained", model("trained", text=version))
        registry.register(version, {"snapshot": "s"})
    return registry


@pytest.mark.parametrize(("delete", "left"), [("False", ["new", "old"]), ("True", ["new"])])
def test_what_went_is_reported_and_only_goes_if_it_should(registry, store, monkeypatch, delete, left):
    real = maintaining.time.time()
    monkeypatch.setattr(maintaining.time, "time", lambda: real + 100 * 86400)
    operator = ClearAway(task_id="t", days="90", n_versions="1", staging_days="14", delete=delete)
    said = operator.execute({"run_id": "manual__2026-01-31T00:00:00"})
    assert store.folders("models") == left
    report = store.read_json(said["report"])
    assert [item["key"] for item in report["gone"]] == ["models/old"]
    assert (report["deleted"], said["n_gone"]) == (delete == "True", 1)
