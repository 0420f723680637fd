"""A model with some of an encoder's layers has their weights, and says which they are."""

from pathlib import Path

import numpy as np
import pytest

from ner_tasks.errors import ConfigInvalid
from ner_tasks.labels import LabelSet
from ner_tasks.model import model_folder
from ner_tasks.model.tokenization import WordTokenizer
from ner_tasks.training import loop
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.initialization import Initialization
from ner_tasks.training.layers import choose_layers, keep_weights
from tests import tiny

BRIEF = TrainConfig(epochs=1, batch_size=16, max_pieces=32, learning_rate=3e-3, dropout=0.0)


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder of six layers."""
    return tiny.make_tiny_encoder(tmp_path_factory.mktemp("deep"), n_layers=6)


@pytest.mark.parametrize(
    ("layers", "kept"),
    [
        ("", (0, 1, 2, 3, 4, 5)),
        ("6", (0, 1, 2, 3, 4, 5)),
        ("5", (0, 1, 2, 3, 5)),
        ("4", (0, 1, 3, 5)),
        ("3", (0, 2, 5)),
        ("2", (0, 5)),
        ("1", (0,)),
        ("1,4", (1, 4)),
    ],
)
def test_a_number_of_layers_is_spread_evenly_with_the_first_and_the_last(layers: str, kept: tuple[int, ...]) -> None:
    assert choose_layers(layers, 6, "here") == kept


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("7", "found layers = '7', expected at most 6, for the encoder in here"),
        ("0,6", "found layer 6 in layers = '0,6', expected 0 to 5, for the encoder in here"),
    ],
)
def test_layers_that_the_encoder_does_not_have_are_refused(layers: str, message: str) -> None:
    with pytest.raises(ConfigInvalid, match=message):
        choose_layers(layers, 6, "here")


def test_layers_are_renamed_and_other_weights_stay() -> None:
    names = ["embeddings.LayerNorm.weight", *(f"roberta.encoder.layer.{n}.output.dense.weight" for n in range(12))]
    weights = {name: np.float32([index]) for index, name in enumerate(names)}
    kept = keep_weights(weights, (0, 2, 11), "encoder.layer")
    assert {name: value.item() for name, value in kept.items()} == {
        "embeddings.LayerNorm.weight": 0,
        "roberta.encoder.layer.0.output.dense.weight": 1,
        "roberta.encoder.layer.1.output.dense.weight": 3,
        "roberta.encoder.layer.2.output.dense.weight": 12,
    }


def test_layers_go_by_the_names_of_their_family() -> None:
    config = {"model_type": "distilbert", "n_layers": 6, "vocab_size": 9, "dim": 8, "n_heads": 2, "hidden_dim": 16}
    weights = {f"transformer.layer.{n}.ffn.lin1.weight": np.float32([n]) for n in range(6)}
    config["max_position_embeddings"] = 32
    start = Initialization(Path("here"), config, weights, None).keep_layers("2")
    assert start.config["n_layers"] == 2
    assert {name: value.item() for name, value in start.weights.items()} == {
        "transformer.layer.0.ffn.lin1.weight": 0,
        "transformer.layer.1.ffn.lin1.weight": 5,
    }


def test_the_model_has_the_layers_that_are_kept(deep: Path) -> None:
    pieces, labels = WordTokenizer(deep / "tokenizer.json"), LabelSet(("geo", "per"))
    whole = Initialization.load(deep).build_model(pieces, labels, dropout=0.0)
    model = Initialization.load(deep, "3").build_model(pieces, labels, dropout=0.0)
    assert len(model.blocks) == 3
    for block, original in zip(model.blocks, (whole.blocks[number] for number in (0, 2, 5)), strict=True):
        for weight, same in zip(block.weights, original.weights, strict=True):
            np.testing.assert_array_equal(weight, same)


@pytest.mark.slow
def test_the_manifest_names_the_layers_of_the_encoder_also_after_training_on(deep: Path, tmp_path: Path) -> None:
    parts = {"train": tiny.sentences(64), "dev": tiny.sentences(32, seed=1)}
    start, manifests = deep, []
    for name, layers in (("first", "0,2,5"), ("second", ""), ("third", "2")):
        loop.train_model(
            parts,
            encoder=start,
            target=tmp_path / name,
            checkpoints=tmp_path / "half",
            config=BRIEF.model_copy(update={"layers": layers}),
            lineage={},
        )
        start = tmp_path / name
        manifests.append(model_folder.read_manifest(start))
    assert [one.encoder["num_hidden_layers"] for one in manifests] == [3, 3, 2]
    assert [one.lineage["layers"] for one in manifests] == [
        {"kept": [0, 2, 5], "of": 6},
        {"kept": [0, 2, 5], "of": 6},
        {"kept": [0, 5], "of": 6},
    ]


def test_a_checkpoint_of_other_layers_is_refused(deep: Path, tmp_path: Path) -> None:
    parts = {"train": tiny.sentences(64), "dev": tiny.sentences(32, seed=1)}
    loop.TrainingRun(parts, deep, tmp_path, BRIEF.model_copy(update={"layers": "3"})).fit()
    with pytest.raises(ConfigInvalid, match="found a checkpoint of other data or settings"):
        loop.TrainingRun(parts, deep, tmp_path, BRIEF.model_copy(update={"layers": "0,1,5"})).fit()
