"""What nobody needs goes; what has a reason stays, on either store, whatever happens meanwhile."""

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from ner_tasks.cli.app import main
from ner_tasks.errors import ArtifactBroken, ConfigInvalid
from ner_tasks.model import model_folder
from ner_tasks.registry import leases, retention
from ner_tasks.registry.promotions import Promotion
from ner_tasks.registry.registry import Registry
from ner_tasks.registry.retention import RetentionPolicy, prune, survey_store
from ner_tasks.store import keys, open_store

DAY_S = 86400.0
KEEP = RetentionPolicy(days=1, n_versions=1, staging_days=14)


def in_days(days):
    return time.time() + days * DAY_S


@pytest.fixture(params=["folder", "s3"])
def registry(request, tmp_path):
    """Versions `old` and `other` of snapshots `s-old` and `s-other`, and `last` of `s-last`, the newest."""
    where = str(tmp_path / "store")
    if request.param == "s3":
        where = f"s3://{request.getfixturevalue('s3').bucket}/ner"
    registry = Registry(open_store(where, cache=tmp_path / "cache"))
    for version in ("old", "other", "last"):
        if version == "last":
            time.sleep(0.01 if request.param == "folder" else 1.1)  # S3 tells whole seconds
        add(registry, tmp_path, version)
    return registry


def add(registry, tmp_path, version, *, registered=True):
    for kind in ("trained", "int8"):
        folder = tmp_path / "made" / kind
        folder.mkdir(parents=True, exist_ok=True)
        for name in (model_folder.WEIGHTS, model_folder.GRAPH, model_folder.TOKENIZER):
            (folder / name).write_text(version)
        model_folder.write_manifest(
            folder, model_folder.ModelManifest(kind=kind, labels=("geo",), encoder={}, max_pieces=8)
        )
        registry.put(version, kind, folder)
    (tmp_path / "snapshot").mkdir(exist_ok=True)
    (tmp_path / "snapshot" / "snapshot.json").write_text("{}")
    registry.store.publish(tmp_path / "snapshot", f"snapshots/s-{version}", marker="snapshot.json")
    registry.store.write_json(f"reports/models/{version}/train.json", {"snapshot": f"s-{version}"})
    if registered:
        registry.register(version, {"snapshot": f"s-{version}"})


def promoted(registry, *versions, at_day=0.0):
    """Lines of the history as of so many days from now; the last is the pointer."""
    for number, version in enumerate(versions):
        at = datetime.fromtimestamp(in_days(at_day) + number, UTC).isoformat()
        registry.store.append_line(keys.PROMOTION_HISTORY, json.dumps(asdict(Promotion(version, "int8", "x", at))))
        registry.store.write_json(keys.PROMOTED_MODEL, asdict(Promotion(version, "int8", "x", at)))


def plan(registry, version):
    key = "staging/runs/0123456789ab/2026-01-31/plan.json"
    registry.store.write_json(key, {"model": {"version": version, "kind": "int8"}})


def registered_late(registry, version):
    at = datetime.fromtimestamp(in_days(9.5 + 0.1 * (version == "last")), UTC).isoformat()
    registry.store.write_json(f"models/{version}/version.json", {"at": at, "snapshot": f"s-{version}"})


REASONS = {
    "promoted": lambda registry: promoted(registry, "old"),
    "target of a rollback": lambda registry: promoted(registry, "old", "last"),
    "in use until": lambda registry: promoted(registry, "old", "last", "last", "last", at_day=9.9),
    "tagged 2026-01-31": lambda registry: registry.store.write_json(
        "tagged/2026-01-31/manifest.json", {"model_version": "old"}
    ),
    "used by a run": lambda registry: leases.record_use(registry, models="old"),
    "used by a planned night": lambda registry: plan(registry, "old"),
    "made within 1 days": lambda registry: [registered_late(registry, version) for version in ("old", "last")],
}


@pytest.mark.runbook("maintenance", "the store stays large")
@pytest.mark.parametrize("reason", REASONS)
def test_a_version_with_a_reason_stays_with_its_snapshot_and_one_without_goes(registry, reason):
    REASONS[reason](registry)
    kept, removed = prune(registry, KEEP, in_days(10))
    said = {item.key: item.reason for item in kept}
    assert said["models/old"].startswith(reason)
    assert said["snapshots/s-old"] == "models/old was made from it"
    assert {"models/other", "snapshots/s-other"} <= {item.key for item in removed}
    assert registry.store.folders("models") == (["last", "old"])
    assert registry.store.folders("snapshots") == ["s-last", "s-old"]
    assert registry.find("old", "int8") is not None
    assert not registry.store.exists("models/other")


@pytest.mark.runbook("maintenance", "the store stays large")
def test_the_newest_stay_without_any_other_reason(registry):
    kept, _ = prune(registry, KEEP, in_days(10))
    assert {item.key: item.reason for item in kept} == {
        "models/last": "one of the 1 newest versions",
        "snapshots/s-last": "models/last was made from it",
    }
    kept, removed = prune(registry, RetentionPolicy(days=1, n_versions=9), in_days(10))
    assert removed == []


def test_what_is_young_stays_registered_or_not(registry, tmp_path):
    add(registry, tmp_path, "new", registered=False)
    kept, removed = prune(registry, RetentionPolicy(days=30, n_versions=1), in_days(10))
    assert removed == []
    assert {item.reason for item in kept if "new" in item.key and "models" in item.key} == {"made within 30 days"}


def test_a_version_being_made_stays_with_its_snapshot_and_one_given_up_goes(registry, tmp_path):
    for version in ("making", "given-up"):
        add(registry, tmp_path, version, registered=False)
    leases.record_use(registry, models="making")
    kept, removed = prune(registry, KEEP, in_days(10))
    assert {"models/making", "snapshots/s-making"} <= {item.key for item in kept}
    assert "models/given-up" in {item.key for item in removed}
    _, removed = prune(registry, KEEP, in_days(20))
    assert "models/making" in {item.key for item in removed}


def test_a_snapshot_that_a_run_works_on_stays(registry):
    leases.record_use(registry, snapshots="s-old")
    kept, _ = prune(registry, KEEP, in_days(10))
    assert {item.key: item.reason for item in kept}["snapshots/s-old"] == "used by a run"


def test_the_snapshot_that_later_data_is_compared_with_stays(registry):
    registry.store.write_json("snapshots/accepted.json", {"version": "s-old"})
    kept, _ = prune(registry, KEEP, in_days(10))
    assert {item.key: item.reason for item in kept}["snapshots/s-old"] == "later data is compared with it"
    assert registry.store.folders("snapshots") == ["s-last", "s-old"]
    assert registry.store.exists("snapshots/accepted.json")


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda registry: registry.promote("old", "int8", by="x", metrics={}), "promoted in the meantime"),
        (lambda registry: leases.record_use(registry, models="old"), "used by a run in the meantime"),
    ],
    ids=["promoted", "worked on"],
)
def test_what_is_needed_between_the_survey_and_the_removal_stays(registry, monkeypatch, act, reason):
    look = retention.survey_store

    def then_somebody_acts(*arguments):
        found = look(*arguments)
        act(registry)
        return found

    monkeypatch.setattr(retention, "survey_store", then_somebody_acts)
    kept, removed = prune(registry, KEEP, in_days(10))
    assert ("models/old", reason) in [(item.key, item.reason) for item in kept]
    assert "models/other" in {item.key for item in removed}
    assert registry.find("old", "int8") is not None


@pytest.mark.runbook("maintenance", "a step of another DAG: InputMissing: found nothing about")
def test_staging_goes_by_its_age_piece_by_piece(registry):
    store = registry.store
    for key in (
        "tagged/2026-01-31/n1/shard-00/manifest.json",
        "tagged/2026-01-31/n2/inputs-00.jsonl",
        "runs/r/d/plan.json",
    ):
        store.write_json(f"staging/{key}", {"model": {"version": "last"}})
    keys = {"staging/tagged/2026-01-31/n1", "staging/tagged/2026-01-31/n2", "staging/runs/r"}
    kept, removed = prune(registry, KEEP, in_days(13))
    assert keys <= {item.key for item in kept}
    _, removed = prune(registry, KEEP, in_days(15))
    assert keys <= {item.key for item in removed}
    assert list(store.files("staging/tagged")) == []


@pytest.mark.runbook("maintenance", "ArtifactBroken")
def test_a_survey_removes_nothing_and_a_day_that_cannot_be_read_ends_it_before_anything_is_removed(registry, tmp_path):
    before = [file.key for file in registry.store.files("models")]
    assert any(not item.reason for item in survey_store(registry, KEEP, in_days(10)))
    (tmp_path / "broken").write_text("{")
    registry.store.put_file(tmp_path / "broken", "tagged/2026-01-31/manifest.json")
    with pytest.raises(ArtifactBroken):
        prune(registry, KEEP, in_days(10))
    assert [file.key for file in registry.store.files("models")] == before


def test_the_verb_says_what_would_go_and_removes_it_only_when_told(registry, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NER_SCRATCH", str(tmp_path / "scratch"))
    then = in_days(10)
    monkeypatch.setattr(time, "time", lambda: then)
    flags = ["prune", "--store", registry.store.where().rstrip("/"), "--days", "1", "--n_versions", "1"]
    assert main(flags) == 0
    assert "would remove: models/old" in capsys.readouterr().out
    assert registry.store.folders("models") == ["last", "old", "other"]
    assert main([*flags, "--delete", "1"]) == 0
    assert "removed: models/old" in capsys.readouterr().out
    assert registry.store.folders("models") == ["last"]


@pytest.mark.parametrize("wrong", [{"days": 0}, {"n_versions": 0}, {"staging_days": 1}])
def test_nobody_can_ask_for_nothing_to_be_kept(wrong):
    with pytest.raises(ConfigInvalid, match="expected at least"):
        RetentionPolicy(**wrong)
