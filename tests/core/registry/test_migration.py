"""A store of an earlier release is brought to this one: nothing is lost, nothing changes twice, a newer one is refused."""

import json
from pathlib import Path

import pytest

from ner_tasks import fingerprint
from ner_tasks.cli import app
from ner_tasks.errors import ArtifactBroken, SchemaTooNew
from ner_tasks.files import atomic, schema
from ner_tasks.model import model_folder
from ner_tasks.records import PublishedDay, read_file, read_record
from ner_tasks.registry import migration
from ner_tasks.registry.registry import Registry
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.part import check_part, list_part_keys
from tests.published import answer, cut, publish_parts

DAY = "2026-11-20"
CHOICE = {"choice": {"kind": "int8", "onednn": True, "bf16": False, "n_streams": 0, "max_pieces": 2048}}
TOO_NEW = schema.SCHEMA_VERSION + 1


def write_old_model(folder: Path) -> None:
    """A model folder as 0.2.0 wrote it: signed, without a number."""
    folder.mkdir(parents=True)
    for name in (model_folder.WEIGHTS, model_folder.TOKENIZER):
        (folder / name).write_text("{}")
    model_folder.write_manifest(
        folder, model_folder.ModelManifest(kind="trained", labels=("geo",), encoder={}, max_pieces=128)
    )
    values = schema.unstamp(atomic.read_json(folder / model_folder.MANIFEST))
    del values[model_folder.OWN], values["entity_temperature"]
    atomic.write_json(folder / model_folder.MANIFEST, {**values, model_folder.OWN: model_folder._digest(values)})


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """A store with a version, a published day and files of others, without any number."""
    root = tmp_path / "store"
    write_old_model(root / "models/v1/trained")
    records = {
        "models/v1/version.json": {"version": "v1", "at": "2026-11-20T00:00:00+00:00", "overall": {"f1": 0.5}},
        "models/v1/tuned/host.json": CHOICE,
        "models/promoted.json": {"version": "v1", "kind": "int8", "by": "ada", "at": "2026-11-20T00:00:00+00:00"},
        f"tagged/{DAY}/manifest.json": {"day": DAY, "night": "n1", "model_version": "v1", "n_documents": 3},
        f"tagged/{DAY}/statistics.json": {"measures": {}},
        f"reports/nights/{DAY}.json": {"night": "n1", "passed": True, "lines": []},
        f"rejected/{DAY}/documents/000000.json": {"a": "sender's"},
        f"inbox/{DAY}/claim.json": {"a": "sender's"},
    }
    for key, record in records.items():
        atomic.write_json(root / key, record)
    return FolderStore(root)


def contents(store: FolderStore) -> dict[str, bytes]:
    files = (path for path in store.root.rglob("*") if path.is_file() and ".locks" not in path.parts)
    return {path.relative_to(store.root).as_posix(): path.read_bytes() for path in files}


def migrate(store: FolderStore, *flags: object) -> tuple[int, dict]:
    report = store.root.with_name("report.json")
    code = app.main(["migrate", "--store", str(store.root), *map(str, flags), "--report", str(report)])
    return code, json.loads(report.read_text())


def test_there_is_a_step_from_each_version_to_the_next():
    assert len(migration.STEPS) == schema.SCHEMA_VERSION - 1


def test_a_migration_changes_every_record_and_no_other_file(store):
    before = contents(store)
    code, report = migrate(store)
    assert (code, report["result"]["n_records"], report["result"]["unreadable"]) == (0, 5, [])
    changed = {key for key, content in contents(store).items() if before.get(key) != content}
    assert changed == {
        "models/v1/trained/model.json",
        "models/v1/version.json",
        "models/v1/runtime/host.json",
        "models/promoted.json",
        f"tagged/{DAY}/manifest.json",
        f"reports/nights/{DAY}.json",
    }
    for key in changed:
        record = json.loads((store.root / key).read_text())
        assert record["schema_version"] == schema.SCHEMA_VERSION
        old = json.loads(before[key.replace("runtime", "tuned")])
        assert {name: value for name, value in schema.unstamp(record).items() if name != "sha256"} == {
            name: value for name, value in old.items() if name != "sha256"
        }


def test_what_could_be_read_before_can_be_read_after(store):
    registry = Registry(store)
    before = (
        registry.find("v1", "trained"),
        registry.details("v1"),
        read_record(store, keys.tagged_day(DAY, "manifest.json"), PublishedDay),
    )
    assert registry.runtime_configs("v1") == {}  # release 0.1.0 kept them elsewhere
    migrate(store)
    after = (
        registry.find("v1", "trained"),
        registry.details("v1"),
        read_record(store, keys.tagged_day(DAY, "manifest.json"), PublishedDay),
    )
    assert before == after and before[0] is not None
    assert list(registry.runtime_configs("v1")) == ["host"]


def test_a_dry_run_lists_the_same_and_changes_nothing(store):
    before = contents(store)
    code, dry = migrate(store, "--dry_run", 1)
    assert code == 0 and contents(store) == before
    assert dry["result"]["changes"] == migrate(store)[1]["result"]["changes"] != []


def test_a_second_migration_finds_nothing_to_change(store):
    migrate(store)
    before = contents(store)
    assert migrate(store)[1]["result"]["changes"] == []
    assert contents(store) == before


@pytest.mark.parametrize("n_done", range(6))
def test_a_migration_killed_between_two_records_is_run_again(store, tmp_path, n_done):
    for change in migration.plan_migration(store).changes[:n_done]:
        change.apply(store)
    registry = Registry(store)
    assert registry.find("v1", "trained") and registry.details("v1")["overall"] == {"f1": 0.5}
    assert len(migrate(store)[1]["result"]["changes"]) == 6 - n_done
    assert migration.plan_migration(store).changes == []


def test_a_day_of_parts_gets_the_number_and_its_parts_stay_as_they_are(store, tmp_path):
    shards = cut([answer(name, "Anna wrote .") for name in ("a.txt", "b.txt")], [1])
    keys_of_parts = publish_parts(store, tmp_path / "made", DAY, shards)
    store.write_json(f"withdrawn/{DAY}/n0/manifest.json", store.read_json(f"tagged/{DAY}/manifest.json"))
    manifests = [store.root / top / "manifest.json" for top in (f"tagged/{DAY}", f"withdrawn/{DAY}/n0")]
    for path in manifests:
        atomic.write_json(path, {**atomic.read_json(path), "schema_version": 2})
    before = contents(store)
    migrate(store)
    after = contents(store)
    assert [json.loads(path.read_text())["schema_version"] for path in manifests] == [schema.SCHEMA_VERSION] * 2
    assert {key for key in after if key.startswith("parts/") and after[key] == before[key]} == {
        key for key in before if key.startswith("parts/")
    }
    manifest = read_record(store, keys.tagged_day(DAY, "manifest.json"), PublishedDay)
    assert list_part_keys(DAY, manifest) == keys_of_parts
    for record in manifest["parts"]:
        check_part(store.fetch(record["key"]), record)


def test_a_choice_measured_since_is_not_replaced_by_the_old_one(store):
    newer = {"choice": {**CHOICE["choice"], "max_pieces": 512}}
    store.write_json("models/v1/runtime/host.json", newer)
    migrate(store)
    assert Registry(store).runtime_configs("v1")["host"].max_pieces == 512


@pytest.mark.parametrize("key", ["models/v1/version.json", "models/v1/trained/model.json"])
def test_a_damaged_record_is_named_and_left_as_it_is(store, key):
    path = store.root / key
    path.write_text(path.read_text()[:-3] if "version" in key else path.read_text().replace("128", "127"))
    before = path.read_bytes()
    code, report = migrate(store)
    (line,) = report["result"]["unreadable"]
    assert code == 0 and key in line and path.read_bytes() == before


@pytest.mark.runbook("damaged-files-of-the-store", "SchemaTooNew: found schema version 4, expected 1 to 3")
def test_a_store_of_a_newer_release_is_refused_and_not_changed(store):
    path = store.root / f"reports/nights/{DAY}.json"
    atomic.write_json(path, {**atomic.read_json(path), "schema_version": TOO_NEW})
    before = contents(store)
    code, report = migrate(store)
    assert (code, report["error"]["type"]) == (76, "SchemaTooNew")
    assert report["error"]["message"] == (
        f"found schema version {TOO_NEW}, expected 1 to {schema.SCHEMA_VERSION}, in {path}"
    )
    assert contents(store) == before


@pytest.mark.parametrize("version", [TOO_NEW, 0, -1, True, "2", None, 1.0])
def test_no_reader_takes_a_record_of_another_version(store, version):
    key = keys.tagged_day(DAY, "manifest.json")
    path = store.path_of(key)
    atomic.write_json(path, {**atomic.read_json(path), "schema_version": version})
    for read in (
        lambda: store.read_json(key),
        lambda: read_record(store, key, PublishedDay),
        lambda: read_file(path, PublishedDay),
    ):
        with pytest.raises(SchemaTooNew, match="found schema version .*, expected 1 to ") as raised:
            read()
        assert "\n" not in str(raised.value) and isinstance(raised.value, ArtifactBroken)


def test_a_model_of_a_newer_release_is_not_taken_for_a_broken_one(store):
    path = store.root / "models/v1/trained/model.json"
    atomic.write_json(path, {**atomic.read_json(path), "schema_version": TOO_NEW})
    with pytest.raises(SchemaTooNew):  # None would have it trained again, over the newer one
        Registry(store).find("v1", "trained")


def test_a_new_schema_version_makes_no_answer_anew(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "shard.py").write_text("from ner_tasks.files import schema\n")
    (tmp_path / "files" / "schema.py").write_text("SCHEMA_VERSION = 2\n")
    before = fingerprint.code_version("shard", tmp_path)
    (tmp_path / "files" / "schema.py").write_text("SCHEMA_VERSION = 3\n")
    assert fingerprint.code_version("shard", tmp_path) == before
