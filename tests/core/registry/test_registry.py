import errno
import itertools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict

import pytest

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.dashboard.versions import list_promotions
from ner_tasks.errors import ArtifactBroken, Busy, ConfigInvalid, InputMissing, StorageFull
from ner_tasks.model import model_folder
from ner_tasks.registry.promotions import Promotion
from ner_tasks.registry.registry import Registry
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore


@pytest.fixture
def registry(tmp_path):
    return Registry(FolderStore(tmp_path / "store"))


@pytest.fixture
def add(registry, tmp_path):
    """Puts and registers a version with its INT8 model."""

    def make(version, text="weights"):
        for kind in ("trained", "int8"):
            folder = tmp_path / "made" / kind
            folder.mkdir(parents=True, exist_ok=True)
            for name in (model_folder.WEIGHTS, model_folder.GRAPH, model_folder.TOKENIZER):
                (folder / name).write_text(text)
            model_folder.write_manifest(
                folder, model_folder.ModelManifest(kind=kind, labels=("geo",), encoder={}, max_pieces=8)
            )
            registry.put(version, kind, folder)
        registry.register(version, {"f1": 0.8})

    return make


def promote(registry, version):
    return registry.promote(version, "int8", by="test", metrics={"f1": 0.8})


def test_a_version_counts_only_once_it_is_registered(registry, add):
    add("v1")
    registry.store.remove("models/v1")
    assert registry.versions() == []
    add("v1")
    assert registry.versions() == ["v1"]


def test_registering_again_changes_nothing(registry, add):
    add("v1")
    before = registry.details("v1")
    registry.register("v1", {"f1": 0.1})
    assert registry.details("v1") == before


def test_nothing_is_promoted_at_first(registry):
    assert registry.promoted() is None
    assert registry.history() == []
    with pytest.raises(InputMissing, match="found no promoted model"):
        registry.resolve()


def test_the_promoted_version_is_the_one_that_is_resolved(registry, add):
    add("v1")
    add("v2")
    promote(registry, "v1")
    assert registry.resolve() == ("v1", registry.fetch("v1", "int8"))
    assert registry.resolve("v2") == ("v2", registry.fetch("v2", "int8"))


def test_promoting_what_is_promoted_changes_nothing(registry, add):
    add("v1")
    first = promote(registry, "v1")
    pointer = registry.store.path_of(keys.PROMOTED_MODEL).read_bytes()
    assert promote(registry, "v1") == first
    assert registry.store.path_of(keys.PROMOTED_MODEL).read_bytes() == pointer
    assert len(registry.history()) == 1


def test_going_back_to_an_older_version_is_a_promotion_like_any_other(registry, add):
    add("v1")
    add("v2")
    for version in ("v1", "v2", "v1"):
        promote(registry, version)
    assert [line.version for line in registry.history()] == ["v1", "v2", "v1"]
    assert registry.promoted().previous == "v2"


def test_a_promotion_that_was_killed_before_its_line_was_written_is_in_the_history_all_the_same(
    registry, add, monkeypatch
):
    add("v1")
    add("v2")
    with monkeypatch.context() as patch:
        patch.setattr(type(registry.store), "append_line", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            promote(registry, "v1")
    assert [line.version for line in registry.history()] == ["v1"]
    promote(registry, "v2")
    assert [line.version for line in registry.history()] == ["v1", "v2"]
    assert len(registry.store.read_lines(keys.PROMOTION_HISTORY)) == 2


@pytest.mark.runbook("nightly-tagging", "resolve_model: ArtifactBroken")
@pytest.mark.parametrize("act", [promote, Registry.resolve], ids=["promote", "resolve"])
def test_a_model_whose_file_was_changed_is_neither_promoted_nor_used(registry, add, act):
    add("v1")
    (registry.fetch("v1", "int8") / model_folder.GRAPH).write_text("tampered")
    with pytest.raises(ArtifactBroken, match=r"graph\.pb"):
        act(registry, "v1")
    assert registry.find("v1", "int8") is None
    assert registry.promoted() is None


def test_a_version_that_passed_no_gate_is_not_promoted(registry, add):
    add("v1")
    registry.store.path_of("models/v1/version.json").unlink()
    with pytest.raises(InputMissing, match="found no version 'v1'"):
        promote(registry, "v1")


def test_a_promotion_that_lost_its_lock_does_not_undo_another_one(registry, add, monkeypatch):
    add("v1")
    add("v2")
    read = Registry.promoted

    def then_another_is_quicker(self):
        seen = read(self)
        monkeypatch.setattr(Registry, "promoted", read)
        other = Promotion("v2", "int8", "other", "2026-01-31")
        registry.store.swap_json(keys.PROMOTED_MODEL, asdict(other), etag=registry.store.etag(keys.PROMOTED_MODEL))
        return seen

    monkeypatch.setattr(Registry, "promoted", then_another_is_quicker)
    with pytest.raises(Busy, match="changed by another process"):
        promote(registry, "v1")
    assert registry.promoted().version == "v2"
    assert [line.version for line in registry.history()] == ["v2"]


@pytest.mark.runbook("promoting-and-rolling-back", "Busy")
def test_whoever_promotes_while_another_does_waits_and_is_told_if_it_takes_too_long(registry, add):
    add("v1")
    with registry.hold_pointer(), pytest.raises(Busy, match="expected to be alone"):
        promote(Registry(registry.store, patience_s=0.1), "v1")
    assert promote(registry, "v1").version == "v1"


@pytest.mark.runbook("promoting-and-rolling-back", "InputMissing: found v1 and nothing in use before it")
def test_a_roll_back_goes_to_what_was_in_use_before_and_a_second_one_further(registry, add):
    for version in ("v1", "v2", "v3"):
        add(version)
        promote(registry, version)
    assert [registry.roll_back(by="ann", reason="worse").version for _ in range(2)] == ["v2", "v1"]
    assert [(line.version, line.action, line.previous) for line in registry.history()[-2:]] == [
        ("v2", "rollback", "v3"),
        ("v1", "rollback", "v2"),
    ]
    assert (registry.promoted().by, registry.promoted().reason) == ("ann", "worse")
    with pytest.raises(InputMissing, match="found v1 and nothing in use before it"):
        registry.roll_back(by="ann")
    promote(registry, "v3")
    assert registry.roll_back(by="ann").version == "v1"


@pytest.mark.parametrize(
    "read",
    [Registry.history, lambda registry: list_promotions(StoreReader(registry.store))[::-1]],
    ids=["registry", "page"],
)
def test_the_history_is_whole_while_others_move_the_pointer(registry, add, monkeypatch, read):
    for version in ("v1", "v2", "v3"):
        add(version)
        promote(registry, version)
    read_lines = registry.store.read_lines

    def read_then_others_move_it(key):
        lines = read_lines(key)
        monkeypatch.setattr(registry.store, "read_lines", read_lines)
        promote(registry, "v1")
        promote(registry, "v2")
        registry.roll_back(by="ann")
        return lines

    monkeypatch.setattr(registry.store, "read_lines", read_then_others_move_it)
    history = read(registry)
    assert len(registry.history()) == 6
    assert all(line.previous == before.version for before, line in itertools.pairwise(history))


@pytest.mark.runbook("promoting-and-rolling-back", "ConfigInvalid: found v1 promoted, expected v2 still")
def test_a_roll_back_does_nothing_once_another_version_is_promoted_than_the_one_to_leave(registry, add):
    for version in ("v1", "v2"):
        add(version)
        promote(registry, version)
    registry.roll_back(by="ann", instead_of="v2")
    with pytest.raises(ConfigInvalid, match="found v1 promoted, expected v2 still"):
        registry.roll_back(by="bob", instead_of="v2")
    assert registry.promoted().by == "ann"


@pytest.mark.runbook("promoting-and-rolling-back", "ArtifactBroken")
def test_a_roll_back_to_a_model_that_has_changed_leaves_the_pointer_where_it_is(registry, add):
    for version in ("v1", "v2"):
        add(version)
        promote(registry, version)
    (registry.fetch("v1", "int8") / model_folder.GRAPH).write_text("weightz")
    with pytest.raises(ArtifactBroken, match=r"v1.int8.graph\.pb"):
        registry.roll_back(by="ann")
    assert registry.promoted().version == "v2"


def test_a_history_written_before_there_were_roll_backs_is_read_and_not_written_twice(registry, add):
    for version in ("v1", "v2"):
        add(version)
    old = {"version": "v1", "kind": "int8", "by": "x", "at": "2026-01-31", "metrics": {}, "previous": None}
    registry.store.write_json(keys.PROMOTED_MODEL, old)
    registry.store.append_line(keys.PROMOTION_HISTORY, json.dumps(old))
    promote(registry, "v2")
    assert [line.version for line in registry.history()] == ["v1", "v2"]
    assert registry.roll_back(by="ann").version == "v1"


def test_a_damaged_model_folder_is_not_taken_in(registry, tmp_path):
    (tmp_path / "model.json").write_text(
        '{"format": 1, "kind": "int8", "labels": ["geo"], "encoder": {}, "max_pieces": 8}'
    )
    with pytest.raises(ArtifactBroken):
        registry.put("v1", "int8", tmp_path)
    assert registry.store.folders("models") == []


def test_a_version_is_a_plain_name(registry):
    with pytest.raises(ConfigInvalid):
        registry.fetch("../..", "int8")


def test_on_a_full_disk_nothing_half_registered_is_to_be_seen(registry, tmp_path, monkeypatch):
    made = tmp_path / "made"
    made.mkdir()
    for name in (model_folder.WEIGHTS, model_folder.TOKENIZER):
        (made / name).write_text("x")
    model_folder.write_manifest(
        made, model_folder.ModelManifest(kind="trained", labels=("geo",), encoder={}, max_pieces=8)
    )

    def files():
        home = registry.store.root
        return sorted(path.name for path in home.rglob("*") if path.is_file() and ".locks" not in path.parts)

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", full)  # at the first file of the model
        with pytest.raises(StorageFull, match="expected room for "):
            registry.put("v1", "trained", made)
    assert (registry.find("v1", "trained"), files()) == (None, [])

    registry.put("v1", "trained", made)
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_bytes", full)  # at the marker
        with pytest.raises(StorageFull, match=r"expected room for version\.json"):
            registry.register("v1", {})
    assert registry.versions() == []
    assert files() == ["model.json", "tokenizer.json", "weights.safetensors"]
    with pytest.raises(InputMissing, match="found no version 'v1'"):
        promote(registry, "v1")
    registry.register("v1", {})
    assert registry.versions() == ["v1"]


def test_on_a_full_disk_the_pointer_stays_where_it_is(registry, add, monkeypatch):
    for version in ("v1", "v2"):
        add(version)
    promote(registry, "v1")

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_bytes", full)
        with pytest.raises(StorageFull, match=r"expected room for promoted\.json"):
            promote(registry, "v2")
    assert (registry.promoted().version, len(registry.history())) == ("v1", 1)


# puts a model of 200 KB, then one that fits, into a store on a disk of 128 KB
ON_A_SMALL_DISK = """
import sys
from pathlib import Path
from ner_tasks.model import model_folder
from ner_tasks.errors import StorageFull
from ner_tasks.registry.registry import Registry
from ner_tasks.store.folder import FolderStore
from ner_tasks.store import keys

disk, made = Path(sys.argv[1]), Path(sys.argv[2])
registry = Registry(FolderStore(disk))
for size in (200_000, 1_000):
    for name in (model_folder.WEIGHTS, model_folder.TOKENIZER):
        (made / name).write_bytes(bytes(size))
    model_folder.write_manifest(made, model_folder.ModelManifest(kind="trained", labels=("geo",), encoder={}, max_pieces=8))
    try:
        registry.put("v1", "trained", made)
        registry.register("v1", {})
    except StorageFull as error:
        print("full", error)
    print(registry.versions(), sorted(path.name for path in disk.rglob("*") if path.is_file()))
"""


@pytest.mark.runbook("retraining", "StorageFull")
def test_a_disk_that_is_really_full_shows_nothing_of_a_version_and_one_that_fits_goes_on_it(tmp_path):
    disk, made = tmp_path / "disk", tmp_path / "made"
    disk.mkdir()
    made.mkdir()
    mounted = 'mount -t tmpfs -o size=128k none "$1" && exec "$2" -c "$3" "$1" "$4"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", disk, sys.executable]
    if shutil.which("unshare") is None:
        pytest.skip("this system has no unshare")
    done = subprocess.run([*command, ON_A_SMALL_DISK, made], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"a small disk cannot be made here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("full found 0 MiB free, expected room for ")
    assert lines[1:] == ["[] []", "['v1'] ['model.json', 'tokenizer.json', 'version.json', 'weights.safetensors']"]


@pytest.mark.runbook("damaged-files-of-the-store", "models/history.jsonl")
@pytest.mark.parametrize("line", ["{", "[]", '{"version": "v1"}', '{"version": "../x", "kind": "int8"}'])
def test_a_damaged_line_of_the_history_stops_a_roll_back_and_no_promotion(registry, add, line):
    for version in ("v1", "v2", "v3"):
        add(version)
    promote(registry, "v1")
    registry.store.append_line("models/history.jsonl", line)
    promote(registry, "v2")
    with pytest.raises(ArtifactBroken, match=r"expected .*history\.jsonl, line 2"):
        registry.roll_back(by="test")
    history = registry.store.root / "models/history.jsonl"
    history.write_text("".join(one for one in history.read_text().splitlines(keepends=True) if one != f"{line}\n"))
    assert registry.roll_back(by="test").version == "v1"
