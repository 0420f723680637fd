"""A frozen graph answers as the trained model does and holds nothing of its training."""

from pathlib import Path

import pytest

from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.inference.sessions import read_graph
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model import freezing, model_folder
from tests import tiny


def test_frozen_and_trained_give_the_same_answers(trained: Path, frozen: Path) -> None:
    words = [sentence.words for sentence in tiny.sentences(30, seed=5)]
    assert Tagger.load(frozen, n_threads=2).tag(words) == Tagger.load(trained, n_threads=2).tag(words)


def test_the_weights_are_constants_in_the_graph(frozen: Path) -> None:
    ops = {node.op for node in read_graph(frozen / model_folder.GRAPH).node}
    assert not {op for op in ops if "Variable" in op or "Random" in op}
    assert {"MatMul", "BiasAdd", "Placeholder"} <= ops


def test_every_dense_layer_is_one_matmul_with_its_bias(frozen: Path) -> None:
    ops = [node.op for node in read_graph(frozen / model_folder.GRAPH).node]
    assert ops.count("MatMul") == ops.count("BiasAdd") == 2 * 4 + 1


def test_labels_and_tokenizer_lie_beside_the_graph(trained: Path, frozen: Path) -> None:
    manifest = model_folder.read_manifest(frozen)
    assert (manifest.kind, manifest.labels, manifest.lineage["version"]) == ("frozen", ("geo", "per"), "tiny-1")
    assert (frozen / model_folder.TOKENIZER).read_bytes() == (trained / model_folder.TOKENIZER).read_bytes()


def test_only_a_trained_model_is_frozen(frozen: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="found a model of kind 'frozen', expected 'trained'"):
        freezing.freeze_model(frozen, tmp_path / "again")
    with pytest.raises(InputMissing, match=r"found no model\.json"):
        freezing.freeze_model(tmp_path / "nothing", tmp_path / "again")
