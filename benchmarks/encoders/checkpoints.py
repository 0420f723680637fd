"""Tiny checkpoints of every encoder family: configurations, weights and inputs that follow from a name or a seed."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_TAGS = 5
_SIZES = {
    "vocab_size": 100,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
_ROBERTA = {**_SIZES, "max_position_embeddings": 66, "type_vocab_size": 1, "pad_token_id": 1, "layer_norm_eps": 1e-5}
_MPNET = {**_ROBERTA, "max_position_embeddings": 202, "relative_attention_num_buckets": 32}
CONFIGS: dict[str, dict[str, Any]] = {
    "bert": {"model_type": "bert", **_SIZES, "type_vocab_size": 2},
    "bert-gelu-new": {"model_type": "bert", **_SIZES, "type_vocab_size": 2, "hidden_act": "gelu_new"},
    "distilbert": {
        "model_type": "distilbert",
        **{name: _SIZES[name] for name in ("vocab_size", "max_position_embeddings", "pad_token_id")},
        "dim": 32,
        "n_layers": 2,
        "n_heads": 4,
        "hidden_dim": 64,
    },
    "roberta": {"model_type": "roberta", **_ROBERTA},
    "xlm-roberta": {"model_type": "xlm-roberta", **_ROBERTA},
    "camembert": {"model_type": "camembert", **_ROBERTA},
    "mpnet": {"model_type": "mpnet", **{name: _MPNET[name] for name in _MPNET if name != "type_vocab_size"}},
    "electra": {"model_type": "electra", **_SIZES, "type_vocab_size": 2, "embedding_size": 16},
    "electra-wide": {"model_type": "electra", **_SIZES, "type_vocab_size": 2, "embedding_size": 32},
}


def draw_weights(shapes: Mapping[str, Sequence[int]]) -> dict[str, NDArray[np.float32]]:
    """Draw weights of a size at which every part of the model changes the logits; each follows from its name."""
    return {name: _draw(name, shape) for name, shape in shapes.items()}


def _draw(name: str, shape: Sequence[int]) -> NDArray[np.float32]:
    values = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(tuple(shape))
    if len(shape) == 1:
        is_scale = "norm" in name.lower() and name.endswith(".weight")
        return (is_scale + 0.1 * values).astype(np.float32)
    is_table = "embeddings." in name or "relative_attention_bias" in name
    return (values * (0.5 if is_table else shape[1] ** -0.5)).astype(np.float32)


def draw_pieces(config: Mapping[str, Any], *, seed: int = 0) -> NDArray[np.int32]:
    """Draw the piece ids [B, T] of three windows, two of them padded; long windows if positions are relative."""
    n_pieces = 144 if "relative_attention_num_buckets" in config else 24
    piece_ids = np.random.default_rng(seed).integers(5, config["vocab_size"], (3, n_pieces)).astype(np.int32)
    piece_ids[1, n_pieces // 2 :] = piece_ids[2, n_pieces - 3 :] = config["pad_token_id"]
    return piece_ids
