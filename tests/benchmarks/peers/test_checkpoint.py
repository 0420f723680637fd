"""The checkpoint that all peers come from computes what our own model computes."""

import shutil
from dataclasses import replace
from math import erf
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from benchmarks.peers.checkpoint import hugging_face_weights, write_checkpoint
from benchmarks.peers.models import read_labels, read_max_pieces
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, EncoderUnsupported
from ner_tasks.files import atomic
from ner_tasks.model import model_folder
from ner_tasks.model.model_folder import ModelManifest
from ner_tasks.model.tokenization import SHAPES
from tests import tiny

LABELS = ("geo", "per")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained folder with random weights, those of the shapes among them."""
    encoder = tiny.make_tiny_encoder(tmp_path_factory.mktemp("encoder"))
    folder = tmp_path_factory.mktemp("trained")
    random, hidden = np.random.default_rng(1), tiny.CONFIG["hidden_size"]
    weights = load_file(encoder / "model.safetensors")
    weights["shape_embeddings.weight"] = random.standard_normal((len(SHAPES), hidden)).astype(np.float32)
    weights["classifier.weight"] = random.standard_normal((5, hidden)).astype(np.float32)
    weights["classifier.bias"] = random.standard_normal(5).astype(np.float32)
    save_file(weights, folder / model_folder.WEIGHTS)
    (folder / model_folder.TOKENIZER).write_bytes((encoder / "tokenizer.json").read_bytes())
    config = atomic.read_json(encoder / "config.json")
    model_folder.write_manifest(folder, ModelManifest("trained", LABELS, encoder=config, max_pieces=64))
    return folder


def bert_logits(folder, input_ids, attention_mask, token_type_ids):
    """`BertForTokenClassification` as its paper and its checkpoint format define it, in numpy."""
    weights, config = load_file(folder / "model.safetensors"), atomic.read_json(folder / "config.json")

    def dense(name, x):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(name, x):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + config["layer_norm_eps"])
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def heads(x):
        return x.reshape(*x.shape[:2], config["num_attention_heads"], -1).transpose(0, 2, 1, 3)

    x = weights["bert.embeddings.word_embeddings.weight"][input_ids]
    x = x + weights["bert.embeddings.token_type_embeddings.weight"][token_type_ids]
    x = norm("bert.embeddings.LayerNorm", x + weights["bert.embeddings.position_embeddings.weight"][: x.shape[1]])
    for index in range(config["num_hidden_layers"]):
        layer = f"bert.encoder.layer.{index}"
        query, key, value = (heads(dense(f"{layer}.attention.self.{part}", x)) for part in ("query", "key", "value"))
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(query.shape[-1])
        scores = scores - 1e9 * (1 - attention_mask)[:, None, None, :]
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        read = (shares / shares.sum(-1, keepdims=True)) @ value
        read = read.transpose(0, 2, 1, 3).reshape(x.shape)
        x = norm(f"{layer}.attention.output.LayerNorm", x + dense(f"{layer}.attention.output.dense", read))
        wide = dense(f"{layer}.intermediate.dense", x)
        wide = 0.5 * wide * (1 + np.vectorize(erf)(wide / np.sqrt(2)))
        x = norm(f"{layer}.output.LayerNorm", x + dense(f"{layer}.output.dense", wide))
    return dense("classifier", x)


def test_a_bert_that_reads_shapes_as_segments_gives_our_logits(trained, tmp_path):
    from ner_tasks.model import freezing

    checkpoint = write_checkpoint(trained, tmp_path / "hugging_face")
    random, n_windows, n_pieces = np.random.default_rng(2), 3, 12
    pieces = random.integers(5, 60, (n_windows, n_pieces)).astype(np.int32)
    pieces[1, 7:] = 0
    shapes = random.integers(0, len(SHAPES), pieces.shape).astype(np.int32)
    ours = freezing.load_trained(trained, model_folder.read_manifest(trained))(
        {"piece_ids": pieces, "shape_ids": shapes}
    )
    mask = (pieces != 0).astype(np.int64)
    found = bert_logits(checkpoint, pieces, mask, shapes)
    assert np.abs(found - np.asarray(ours))[mask == 1].max() < 1e-3


def test_the_checkpoint_says_its_tags_its_shapes_and_its_longest_window(trained, tmp_path):
    checkpoint = write_checkpoint(trained, tmp_path / "hugging_face")
    assert read_labels(checkpoint) == LABELS
    assert read_max_pieces(checkpoint) == 64
    assert atomic.read_json(checkpoint / "config.json")["type_vocab_size"] == len(SHAPES)
    assert (checkpoint / "tokenizer.json").read_bytes() == (trained / "tokenizer.json").read_bytes()


def test_weights_without_shapes_are_refused():
    with pytest.raises(ArtifactBroken, match=r"found no weight shape_embeddings\.weight, expected one, in x"):
        hugging_face_weights({"embeddings.token_type_embeddings.weight": np.zeros((2, 4), np.float32)}, "x")


def test_only_a_trained_model_is_made_into_a_checkpoint(trained, tmp_path):
    folder = tmp_path / "frozen"
    folder.mkdir()
    (folder / model_folder.GRAPH).write_bytes(b"")
    (folder / model_folder.TOKENIZER).write_bytes(b"")
    model_folder.write_manifest(folder, replace(model_folder.read_manifest(trained), kind="frozen"))
    with pytest.raises(ConfigInvalid, match="found a frozen model, expected a trained one"):
        write_checkpoint(folder, tmp_path / "out")


def test_an_encoder_without_segments_is_refused_in_one_line(trained, tmp_path):
    manifest = model_folder.read_manifest(trained)
    folder = Path(shutil.copytree(trained, tmp_path / "mpnet"))
    model_folder.write_manifest(folder, replace(manifest, encoder={**manifest.encoder, "model_type": "mpnet"}))
    with pytest.raises(EncoderUnsupported, match="found model_type 'mpnet', expected bert"):
        write_checkpoint(folder, tmp_path / "peer")
