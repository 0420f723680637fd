"""The right-sized version is smaller, has the same labels, and has learned from the same data."""

import pytest

from benchmarks.peers.models import Sources
from benchmarks.peers.right_sized import check_smaller, count_encoder_weights, describe
from benchmarks.peers.stored import find_right_sized
from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.model import model_folder
from ner_tasks.model.model_folder import ModelManifest
from ner_tasks.registry.registry import Registry
from ner_tasks.settings import Settings

ENCODER = {"hidden_size": 8, "intermediate_size": 32, "num_hidden_layers": 6}
FILES = {"trained": model_folder.WEIGHTS, "frozen": model_folder.GRAPH, "int8": model_folder.GRAPH}


def write_model(folder, kind, *, labels=("geo",), data="a", **sizes):
    folder.mkdir(parents=True)
    for name in (FILES[kind], model_folder.TOKENIZER):
        (folder / name).write_bytes(name.encode())
    encoder = {**ENCODER, **sizes}
    model_folder.write_manifest(folder, ModelManifest(kind, labels, encoder, max_pieces=32, lineage={"data": data}))
    return folder


@pytest.fixture
def registry(tmp_path, monkeypatch):
    monkeypatch.setenv("NER_STORE", str(tmp_path / "store"))
    return Registry(Settings.from_env().open_store())


@pytest.fixture
def register(registry, tmp_path):
    def register(version, kinds=("trained", "int8"), **given):
        for kind in kinds:
            registry.put(version, kind, write_model(tmp_path / "made" / version / kind, kind, **given))
        registry.register(version, {})
        return registry.fetch(version, "trained").parent

    return register


def test_the_newest_smaller_version_of_the_same_data_is_found(register):
    full = register("full")
    register("older", num_hidden_layers=4)
    newest = register("newest", num_hidden_layers=3)
    register("same-size")
    register("other-data", data="b", num_hidden_layers=2)
    register("other-labels", labels=("geo", "per"), num_hidden_layers=2)
    register("not-quantized", kinds=("trained",), num_hidden_layers=2)
    assert find_right_sized(full) == newest


def test_a_narrower_version_is_smaller_too(register):
    full = register("full")
    assert find_right_sized(full) is None
    assert find_right_sized(register("narrow", intermediate_size=16)) is None
    assert find_right_sized(full).name == "narrow"


def test_a_layer_has_four_matrices_of_attention_and_two_of_the_feed_forward():
    assert count_encoder_weights(ENCODER) == 6 * (4 * 64 + 2 * 8 * 32)


def test_a_version_that_is_not_smaller_or_has_other_labels_is_refused(tmp_path):
    full = write_model(tmp_path / "full" / "int8", "int8")
    same = write_model(tmp_path / "same" / "int8", "int8")
    other = write_model(tmp_path / "other" / "int8", "int8", labels=("per",), num_hidden_layers=2)
    with pytest.raises(ConfigInvalid, match="found 4,608 weights in 6 layers, expected fewer than 4,608 as in"):
        check_smaller(same, than=full)
    with pytest.raises(ConfigInvalid, match="found labels per, expected geo as in"):
        check_smaller(other, than=full)
    with pytest.raises(InputMissing):
        check_smaller(tmp_path / "none", than=full)


def test_sources_hold_its_int8_model_and_the_tables_say_its_size(tmp_path):
    for kind in FILES:
        write_model(tmp_path / "full" / kind, kind)
    small = write_model(tmp_path / "small" / "int8", "int8", num_hidden_layers=4)
    for part in ("test.csv", "calibration.csv"):
        (tmp_path / part).write_text("")
    sources = Sources.of(tmp_path / "full", tmp_path, tmp_path / "small")
    assert sources.right_sized == small
    said = describe(small, sources.int8)
    assert said == {"model": "small", "n_layers": 4, "n_layers_full": 6, "weights_share": 0.6667}
