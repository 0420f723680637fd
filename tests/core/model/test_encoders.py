"""Every encoder family computes what PyTorch transformers computes, and what is wrong with a checkpoint is said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from benchmarks.encoders.comparison import TOLERANCE, largest_difference, load_model, write_checkpoint
from ner_tasks.errors import ArtifactBroken, EncoderUnsupported
from ner_tasks.model import encoders
from ner_tasks.model.token_classifier import TokenClassifier
from ner_tasks.model.weights import read_config
from tests.tiny_families import FIXTURES, NAMES

CASES = sorted(path.stem for path in FIXTURES.glob("*.json"))


def checkpoint(folder: Path, name: str, **changed: Any) -> Path:
    """The checkpoint of a fixture with other settings, of which those that are None are left out."""
    write_checkpoint(FIXTURES / f"{name}.json", folder)
    config = {**read_config(folder), **changed}
    kept = {key: value for key, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))
    return folder


def rewrite(folder: Path, change: Any) -> Path:
    """Give the checkpoint the weights that `change` makes of its own."""
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors")
    return folder


def test_there_is_a_recorded_checkpoint_of_every_model_type() -> None:
    types = {json.loads((FIXTURES / f"{name}.json").read_text())["config"]["model_type"] for name in CASES}
    assert types == set(encoders.FAMILIES) == set(NAMES)


@pytest.mark.parametrize("name", CASES)
def test_logits_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    assert largest_difference(write_checkpoint(FIXTURES / f"{name}.json", tmp_path / name)) <= TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_exported_weights_have_the_names_of_the_checkpoint_and_read_back(name: str, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / name, name)
    model = load_model(folder)
    exported, prefix = model.export(), model.sizes.family.prefix
    stored = {key.removeprefix(prefix): value for key, value in load_file(folder / "model.safetensors").items()}
    assert set(exported) == {*stored, "shape_embeddings.weight"}
    for key, value in stored.items():
        np.testing.assert_array_equal(exported[key], value)
    other = TokenClassifier(model.sizes, n_tags=5, pad_id=model.pad_id)
    other.import_all(exported, "here")
    inputs = {"piece_ids": np.array([[7, 9, 11, model.pad_id]], np.int32), "shape_ids": np.zeros((1, 4), np.int32)}
    np.testing.assert_array_equal(model(inputs), other(inputs))


def test_names_without_prefix_and_the_older_names_of_normalizations_are_read(tmp_path: Path) -> None:
    def older(weights: dict[str, Any]) -> dict[str, Any]:
        names = {name: name.removeprefix("bert.") for name in weights}
        for old, new in (("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")):
            names = {name: renamed.replace(old, new) for name, renamed in names.items()}
        return {renamed: weights[name] for name, renamed in names.items()}

    folder = rewrite(checkpoint(tmp_path / "bert", "bert"), older)
    assert "embeddings.LayerNorm.gamma" in load_file(folder / "model.safetensors")
    assert largest_difference(folder) <= TOLERANCE


def test_heads_poolers_and_stored_positions_of_a_checkpoint_are_left_out(tmp_path: Path) -> None:
    def richer(weights: dict[str, Any]) -> dict[str, Any]:
        more = ("roberta.pooler.dense.weight", "lm_head.dense.weight", "roberta.embeddings.position_ids")
        return {**weights, **{name: np.zeros((2, 2), np.float32) for name in more}}

    assert largest_difference(rewrite(checkpoint(tmp_path / "roberta", "roberta"), richer)) <= TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_positions_bound_the_window(name: str, tmp_path: Path) -> None:
    """The rows of padding and before are no positions: 66 rows of a RoBERTa are 64 positions."""
    sizes = encoders.parse_config(read_config(checkpoint(tmp_path / name, name)), name)
    assert sizes.max_pieces == (200 if name == "mpnet" else 64)
    model = load_model(tmp_path / name)
    longest = np.full((1, sizes.max_pieces), 7, np.int32)
    assert model({"piece_ids": longest, "shape_ids": np.zeros_like(longest)}).shape == (1, sizes.max_pieces, 5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", ["word_embeddings.weight", "LayerNorm.bias", "layer.1."])
def test_a_missing_weight_is_named(name: str, part: str, tmp_path: Path) -> None:
    def poorer(weights: dict[str, Any]) -> dict[str, Any]:
        left_out = next(key for key in sorted(weights) if part.lower() in key.lower().replace("_norm", "norm"))
        return {key: value for key, value in weights.items() if key != left_out}

    if name == "distilbert" and part == "LayerNorm.bias":
        part = "layernorm.bias"
    with pytest.raises(ArtifactBroken, match=r"found no weight \S+, expected one, in \S+$"):
        load_model(rewrite(checkpoint(tmp_path / name, name), poorer))


def test_a_missing_table_of_relative_positions_is_named(tmp_path: Path) -> None:
    name = "mpnet.encoder.relative_attention_bias.weight"
    folder = rewrite(checkpoint(tmp_path / "mpnet", "mpnet"), lambda all_: {k: v for k, v in all_.items() if k != name})
    with pytest.raises(ArtifactBroken, match=r"found no weight encoder\.relative_attention_bias\.weight"):
        load_model(folder)


def test_a_missing_projection_is_named(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "electra", "electra")
    rewrite(folder, lambda all_: {key: value for key, value in all_.items() if "embeddings_project" not in key})
    with pytest.raises(ArtifactBroken, match=r"found no weight embeddings_project\.weight"):
        load_model(folder)


@pytest.mark.parametrize(
    ("name", "changed", "extra"),
    [
        ("bert", {"num_hidden_layers": 1}, r"encoder\.layer\.1\."),
        ("distilbert", {"n_layers": 1}, r"transformer\.layer\.1\."),
        ("mpnet", {"model_type": "mpnet", "num_hidden_layers": 1}, r"encoder\.layer\.1\."),
    ],
)
def test_a_weight_that_the_settings_do_not_explain_is_named(
    name: str, changed: dict[str, Any], extra: str, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactBroken, match=rf"found weight {extra}\S+, expected none besides those of a \w+ with"):
        load_model(checkpoint(tmp_path / name, name, **changed))


def test_a_weight_of_another_shape_is_named_with_both_shapes(tmp_path: Path) -> None:
    name = "roberta.encoder.layer.0.attention.self.key.weight"
    folder = rewrite(checkpoint(tmp_path / "r", "roberta"), lambda all_: {**all_, name: all_[name][:16].copy()})
    with pytest.raises(
        ArtifactBroken, match=r"found shape \[16, 32\], expected \[32, 32\], for encoder\.layer\.0\.\S+key"
    ):
        load_model(folder)


@pytest.mark.parametrize(
    ("name", "changed", "complaint"),
    [
        (
            "bert",
            {"model_type": "deberta-v2"},
            "found model_type 'deberta-v2', expected one of bert, distilbert, roberta,",
        ),
        ("bert", {"model_type": None}, "found model_type None, expected one of bert,"),
        ("distilbert", {"dim": None, "n_heads": None}, "found no dim, n_heads, expected the sizes of a DistilBERT"),
        ("distilbert", {"activation": "relu"}, "found activation 'relu', expected gelu"),
        ("electra", {"embedding_size": None}, "found no embedding_size, expected the sizes of a ELECTRA"),
        ("mpnet", {"relative_attention_num_buckets": 64}, "found relative_attention_num_buckets 64, expected 32"),
        ("xlm-roberta", {"is_decoder": True}, "found is_decoder True, expected False"),
        ("roberta", {"position_embedding_type": "relative_key"}, "'relative_key', expected 'absolute'"),
        ("bert", {"num_hidden_layers": 0}, "found no num_hidden_layers"),
    ],
)
def test_settings_that_are_not_supported_are_named(
    name: str, changed: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(EncoderUnsupported, match=complaint):
        encoders.parse_config(read_config(checkpoint(tmp_path / name, name, **changed)), "config.json")
