"""Stores of released versions, made by their own code: see tests/fixtures/stores/README.md."""

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from ner_airflow.assets import TAGGED_DOCUMENTS
from ner_airflow.operators.publication import NightGateOperator, PublishDayOperator
from ner_airflow.operators.retagging import PlanDaysOperator
from ner_airflow.operators.shards import TagShardOperator
from ner_airflow.operators.tagging import PlanShardsOperator, ResolveModelOperator
from ner_tasks.dashboard import documents, entities, nights, quality, versions
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.data.snapshot import MANIFEST, open_snapshot
from ner_tasks.data.validation.baseline import find_accepted
from ner_tasks.errors import SchemaTooNew
from ner_tasks.files import atomic, schema
from ner_tasks.registry import migration
from ner_tasks.registry.registry import Registry
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.answer_ledger import AnswerKey, AnswerLedger
from ner_tasks.tagging.part import list_part_keys

STORES = Path(__file__).parents[1] / "fixtures" / "stores"
RELEASES = sorted(path.stem for path in STORES.glob("*.zip"))
DAY, NEXT = "2026-11-20", "2026-11-21"
NAMES = {
    DAY: ["folder/again.txt", "letter.txt", "note.txt"],
    NEXT: ["empty.txt", "fax.txt", "table.csv#1"],
}
RUN = {"run_id": "manual__2026-12-01T01:30:00+00:00"}


@pytest.fixture(params=RELEASES)
def release(request) -> str:
    return request.param


@pytest.fixture
def store(release, fake, tmp_path, monkeypatch) -> FolderStore:
    """The store of a release, and steps that really tag."""
    with zipfile.ZipFile(STORES / f"{release}.zip") as packed:
        packed.extractall(tmp_path / "store")
    monkeypatch.setenv("NER_FAKE_REAL", '["tag", "write-part"]')
    return FolderStore(tmp_path / "store")


def migrate(store: FolderStore, most: int | None = None) -> int:
    changes = migration.plan_migration(store).changes[:most]
    for change in changes:
        change.apply(store)
    return len(changes)


def contents(store: FolderStore) -> dict[str, bytes]:
    files = (path for path in store.root.rglob("*") if path.is_file() and ".locks" not in path.parts)
    return {path.relative_to(store.root).as_posix(): path.read_bytes() for path in files}


def names_of(store: FolderStore, day: str) -> list[str]:
    """Every document that the day's answers name, tagged or rejected, as often as they do."""
    folders = list_part_keys(day, store.read_json(keys.tagged_day(day, "manifest.json")))
    files = [keys.join(folder, name) for folder in folders for name in ("documents.jsonl", "rejected.jsonl")]
    lines = [line for file in files for line in store.read_lines(file)]
    return sorted(json.loads(line)["document"] for line in lines)


def look_at(store: FolderStore) -> dict:
    """What pages, registry, ledgers, snapshots and the planning of a retagging read."""
    reader, registry = StoreReader(store), Registry(store)
    published = nights.list_published(reader, most=10)
    seen = {
        "nights": [night["day"] for night in published],
        "gates": nights.read_gates(reader, published[0]),
        "versions": versions.list_versions(reader),
        "pointer": versions.read_pointer(reader),
        "promotions": versions.list_promotions(reader),
        "drift": quality.read_drift(reader, most=10),
        "promoted": quality.read_promoted(reader),
        "queue": quality.read_review_queue(reader, most=10),
        "documents": [documents.find_document(reader, DAY, name) for name in NAMES[DAY]],
        "rejected": documents.search_documents(reader, NEXT, "", most=10, rejected_only=True),
        "sightings": documents.list_sightings(reader, "note.txt"),
        "mentions": entities.list_days(reader),
        "registered": [registry.details(version) for version in registry.versions()],
        "resolved": registry.resolve(),
        "models": [registry.find(registry.versions()[0], kind) for kind in ("trained", "frozen", "int8")],
        "answers": look_up_answers(store),
        "snapshot": schema.unstamp(open_snapshot(store.fetch(keys.snapshot(find_accepted(store).version)))),
        "to retag": plan_retagging(),
        "unreadable": reader.unreadable,
    }
    assert seen["unreadable"] == {} and seen["nights"] == [NEXT, DAY] and None not in seen["models"]
    assert len(seen["registered"]) == len(seen["versions"]) == 1 and seen["snapshot"]["version"]
    assert seen["to retag"] == [DAY, NEXT] and len(seen["rejected"]) == 1 and len(seen["sightings"]) == 1
    return seen


def look_up_answers(store: FolderStore) -> list[dict]:
    found = []
    for day in NAMES:
        with AnswerLedger(store.fetch(keys.tagged_day(day)), read_only=True) as ledger:
            for line in map(json.loads, store.read_lines(keys.tagged_day(day, "documents.jsonl"))):
                receipt = line["receipt"]
                answer = ledger.find(AnswerKey(line["text_sha256"], receipt["model_version"], receipt["config"]))
                assert answer is not None
                found.append(answer)
    return found


def plan_retagging() -> list[str]:
    another = {"version": "another", "kind": "int8"}
    return PlanDaysOperator(task_id="plan_days", model=another, config={"stop_after": "publish"}).execute(RUN)


def plan(day: str) -> list[dict]:
    model = ResolveModelOperator(task_id="resolve_model", config={}).execute(RUN)
    return PlanShardsOperator(task_id="plan_shards", day=day, model=model, config={"lookback_days": 2}).execute(RUN)


def planned_night(store: FolderStore) -> str:
    (found,) = (store.root / "staging" / "runs").glob(f"{keys.run_name(RUN['run_id'])}/*/plan.json")
    return json.loads(found.read_text())["night"]


def take_night(day: str) -> dict:
    for shard in plan(day):
        TagShardOperator(task_id="tag_shard", shard=shard).execute(RUN)
    gate = NightGateOperator(task_id="check_night", day=day, shards_done=[], config={"max_rejected_share": "0.9"})
    events = {TAGGED_DOCUMENTS: SimpleNamespace(extra=None)}
    publish = PublishDayOperator(task_id="publish_day", night=gate.execute(RUN))
    return publish.execute({**RUN, "outlet_events": events})


def test_a_store_of_each_release_is_kept():
    assert RELEASES == ["0.1.0", "0.2.0"]
    assert all((STORES / f"{release}.zip").stat().st_size < 300_000 for release in RELEASES)


def test_every_reader_reads_the_store_before_and_after_its_migration(store):
    before = look_at(store)
    assert migrate(store) > 30
    assert look_at(store) == before
    assert migrate(store) == 0


def test_tuned_hosts_are_found_after_the_migration(store, release):
    registry = Registry(store)
    (version,) = registry.versions()
    found_before = {} if release == "0.1.0" else registry.runtime_configs(version)
    assert registry.runtime_configs(version) == found_before
    migrate(store)
    assert len(registry.runtime_configs(version)) == 1


def test_only_records_change(store):
    before = contents(store)
    migrate(store)
    after = contents(store)
    changed = {key for key in after if before.get(key) != after[key]}
    assert all(key.endswith(".json") for key in changed)
    assert not [key for key in changed if key.startswith(("inbox/", "labelled/", "rejected/"))]
    gone = before.keys() - after.keys()
    assert all(key.replace("/tuned/", "/runtime/") in after for key in gone)


def test_a_migration_changes_no_version_of_a_night(store):
    plan(DAY)
    before = planned_night(store)
    migrate(store)
    plan(DAY)
    assert planned_night(store) == before


@pytest.mark.parametrize("n_done", [0, 1, 20])
def test_a_migration_killed_between_two_records_leaves_a_store_that_is_read(store, n_done):
    before = look_at(store)
    assert migrate(store, n_done) == n_done
    assert look_at(store) == before
    migrate(store)
    assert look_at(store) == before


@pytest.mark.slow
@pytest.mark.parametrize("migrated", [True, False])
def test_a_night_on_top_answers_each_document_once(store, tmp_path, migrated):
    if migrated:
        migrate(store)
    assert {day: names_of(store, day) for day in NAMES} == NAMES
    new = tmp_path / "new.txt"
    new.write_text("Chen Olga visited Texas 7 .\n")
    store.put_file(new, f"inbox/{DAY}/late.txt")
    assert take_night(DAY)["n_documents"] == 4
    assert names_of(store, DAY) == sorted([*NAMES[DAY], "late.txt"])
    assert names_of(store, NEXT) == NAMES[NEXT]
    reader = StoreReader(store)
    assert [night["day"] for night in nights.list_published(reader, most=9)] == [NEXT, DAY]
    assert reader.unreadable == {}
    if migrated:  # every step of the night has written its number
        assert migrate(store) == 0


def test_a_day_of_a_newer_release_is_not_replaced(store):
    path = store.root / "tagged" / DAY / "manifest.json"
    atomic.write_json(path, {**atomic.read_json(path), "schema_version": schema.SCHEMA_VERSION + 1})
    before = path.read_bytes()
    with pytest.raises(Exception, match=f"{SchemaTooNew.__name__}: found schema version"):
        plan(DAY)
    assert path.read_bytes() == before and not (store.root / "staging" / "tagged" / DAY).exists()


def test_a_snapshot_of_a_newer_release_is_refused(store):
    path = store.root / keys.snapshot(find_accepted(store).version, MANIFEST)
    atomic.write_json(path, {**atomic.read_json(path), "schema_version": schema.SCHEMA_VERSION + 1})
    with pytest.raises(SchemaTooNew):
        open_snapshot(path.parent)
