"""The classifier computes what BERT computes, and says clearly what it cannot read."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from ner_tasks.errors import ArtifactBroken, EncoderUnsupported, InputMissing
from ner_tasks.model import encoders
from ner_tasks.model.token_classifier import TokenClassifier
from ner_tasks.model.weights import read_config, read_weights


def load(encoder: Path) -> TokenClassifier:
    model = TokenClassifier(encoders.parse_config(read_config(encoder), encoder), n_tags=5)
    model.import_encoder(read_weights(encoder / "model.safetensors"), encoder)
    return model


def reference_bert(weights: dict, config: dict, piece_ids: np.ndarray) -> np.ndarray:
    """BERT's last hidden states [T, H] of one unpadded sequence, written down from the paper in numpy."""

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + config["layer_norm_eps"])
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    embeddings = "embeddings.{}_embeddings.weight".format
    x = weights[embeddings("word")][piece_ids] + weights[embeddings("position")][: len(piece_ids)]
    x = norm(x + weights[embeddings("token_type")][0], "embeddings.LayerNorm")
    n_heads, hidden = config["num_attention_heads"], config["hidden_size"]
    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}"
        heads = []
        parts = [dense(x, f"{layer}.attention.self.{part}") for part in ("query", "key", "value")]
        for query, key, value in zip(*(np.split(part, n_heads, axis=1) for part in parts), strict=True):
            scores = np.exp(query @ key.T / math.sqrt(hidden / n_heads))
            heads.append(scores / scores.sum(1, keepdims=True) @ value)
        attended = dense(np.concatenate(heads, axis=1), f"{layer}.attention.output.dense")
        x = norm(x + attended, f"{layer}.attention.output.LayerNorm")
        wide = dense(x, f"{layer}.intermediate.dense")
        wide = wide * (1 + np.vectorize(math.erf)(wide / math.sqrt(2))) / 2
        x = norm(x + dense(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    return x


def test_logits_are_the_tagging_head_on_what_bert_computes(encoder: Path) -> None:
    model, weights = load(encoder), read_weights(encoder / "model.safetensors")
    piece_ids = np.random.default_rng(1).integers(5, 60, 9).astype(np.int32)
    hidden = reference_bert(weights, read_config(encoder), piece_ids)
    expected = hidden @ model.classifier.kernel.numpy() + model.classifier.bias.numpy()
    result = model({"piece_ids": piece_ids[None], "shape_ids": np.zeros((1, 9), np.int32)})
    np.testing.assert_allclose(result[0], expected, atol=2e-5)


def test_padding_changes_no_logit_of_a_real_piece(encoder: Path) -> None:
    model = load(encoder)
    piece_ids = np.array([[2, 20, 30, 3]], np.int32)
    padded = np.pad(piece_ids, ((0, 0), (0, 12)))
    alone = model({"piece_ids": piece_ids, "shape_ids": np.zeros_like(piece_ids)})
    beside = model({"piece_ids": padded, "shape_ids": np.zeros_like(padded)})
    np.testing.assert_allclose(beside[:, :4], alone, atol=1e-5)


def test_exported_weights_read_back_give_the_same_logits(encoder: Path) -> None:
    model = load(encoder)
    model.shapes.embeddings.assign(np.random.default_rng(2).standard_normal(model.shapes.embeddings.shape))
    other = TokenClassifier(model.sizes, n_tags=5)
    other.import_all(model.export(), "here")
    inputs = {"piece_ids": np.array([[2, 7, 9, 3]], np.int32), "shape_ids": np.array([[0, 1, 2, 0]], np.int32)}
    np.testing.assert_array_equal(model(inputs), other(inputs))


@pytest.mark.runbook("retraining", "train: EncoderUnsupported")
@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"model_type": "deberta"}, "found model_type 'deberta', expected one of bert"),
        ({"position_embedding_type": "relative_key"}, "'relative_key', expected 'absolute'"),
        ({"hidden_act": "relu"}, "found hidden_act 'relu', expected gelu"),
        ({"hidden_size": None}, "found no hidden_size"),
        ({"num_attention_heads": 3}, "expected a whole number"),
    ],
)
def test_a_checkpoint_that_is_no_bert_is_refused(encoder: Path, changed: dict, complaint: str) -> None:
    with pytest.raises(EncoderUnsupported, match=complaint):
        encoders.parse_config({**read_config(encoder), **changed}, "config.json")


@pytest.mark.runbook("retraining", "train: ArtifactBroken")
def test_a_truncated_checkpoint_is_refused(encoder: Path, tmp_path: Path) -> None:
    whole = (encoder / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtifactBroken, match="expected whole safetensors"):
        read_weights(tmp_path / "model.safetensors")


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"found no config\.json"):
        read_config(tmp_path)
    with pytest.raises(InputMissing, match=r"found no model\.safetensors"):
        read_weights(tmp_path / "model.safetensors")


def test_weights_of_other_sizes_are_refused(encoder: Path, tmp_path: Path) -> None:
    shutil.copytree(encoder, tmp_path, dirs_exist_ok=True)
    config = {**read_config(encoder), "intermediate_size": 128}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactBroken, match=r"found shape \[64, 32\], expected \[128, 32\]"):
        load(tmp_path)
