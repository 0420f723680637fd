import pytest

from ner_tasks import artifacts
from ner_tasks.errors import ArtifactBroken, Busy, ConfigInvalid, InputMissing
from ner_tasks.registry import HISTORY, POINTER, Registry
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
            for name in (artifacts.WEIGHTS, artifacts.GRAPH, artifacts.TOKENIZER):
                (folder / name).write_text(text)
            artifacts.sign(folder, artifacts.ModelManifest(kind=kind, labels=("geo",), encoder={}, max_pieces=8))
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
    pointer = registry.store.path_of(POINTER).read_bytes()
    assert promote(registry, "v1") == first
    assert registry.store.path_of(POINTER).read_bytes() == pointer
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
    assert len(registry.store.read_lines(HISTORY)) == 2


@pytest.mark.parametrize("act", [promote, Registry.resolve], ids=["promote", "resolve"])
def test_a_model_whose_file_was_changed_is_neither_promoted_nor_used(registry, add, act):
    add("v1")
    (registry.fetch("v1", "int8") / artifacts.GRAPH).write_text("tampered")
    with pytest.raises(ArtifactBroken, match=r"graph\.pb"):
        act(registry, "v1")
    assert registry.find("v1", "int8") is None
    assert registry.promoted() is None


def test_a_version_that_passed_no_gate_is_not_promoted(registry, add):
    add("v1")
    registry.store.path_of("models/v1/version.json").unlink()
    with pytest.raises(InputMissing, match="found no version 'v1'"):
        promote(registry, "v1")


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(registry, add, monkeypatch):
    add("v1")
    add("v2")
    read = Registry.promoted

    def then_another_is_quicker(self):
        seen = read(self)
        monkeypatch.setattr(Registry, "promoted", read)
        promote(registry, "v2")
        return seen

    monkeypatch.setattr(Registry, "promoted", then_another_is_quicker)
    with pytest.raises(Busy, match="another process has written it"):
        promote(registry, "v1")
    assert registry.promoted().version == "v2"
    assert [line.version for line in registry.history()] == ["v2"]


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
