"""BERT token classifier in Keras 3 that loads any Hugging Face BERT checkpoint.

All layers but the attention work on `[pieces, hidden]` matrices, since Intel Neural Compressor quantizes plain MatMuls
with BiasAdd; one MatMul computes query, key and value. `docs/decisions/0001` explains why we have our own model.

Shapes: B windows, T pieces per window, H hidden size, A heads, D = H / A, K tags.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ner_tasks.errors import ArtifactBroken, EncoderUnsupported, InputMissing
from ner_tasks.files import atomic
from ner_tasks.model.tokenization import SHAPES

_SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
_ACTIVATIONS = {"gelu": False, "gelu_new": True, "gelu_pytorch_tanh": True}
Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class EncoderConfig:
    """Settings from the `config.json` of a BERT, under their Hugging Face names."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float
    approximate_gelu: bool

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: Path | str) -> "EncoderConfig":
        """Read the settings from a parsed `config.json`; `where` is its source, for error messages.

        Raises:
            EncoderUnsupported: not a BERT, or a variant that is not supported.
        """
        if config.get("model_type") != "bert":
            raise EncoderUnsupported(f"found model_type {config.get('model_type')!r}, expected 'bert', in {where}")
        if missing := [name for name in _SIZES if not isinstance(config.get(name), int)]:
            raise EncoderUnsupported(f"found no {', '.join(missing)}, expected the sizes of a BERT, in {where}")
        if config.get("hidden_act", "gelu") not in _ACTIVATIONS:
            raise EncoderUnsupported(f"found hidden_act {config['hidden_act']!r}, expected gelu, in {where}")
        if config.get("position_embedding_type", "absolute") != "absolute":
            kind = config["position_embedding_type"]
            raise EncoderUnsupported(f"found position_embedding_type {kind!r}, expected 'absolute', in {where}")
        if config["hidden_size"] % config["num_attention_heads"]:
            sizes = f"{config['hidden_size']} / {config['num_attention_heads']} heads"
            raise EncoderUnsupported(f"found hidden_size {sizes}, expected a whole number, in {where}")
        return cls(
            **{name: config[name] for name in _SIZES},
            layer_norm_eps=float(config.get("layer_norm_eps", 1e-12)),
            approximate_gelu=_ACTIVATIONS[config.get("hidden_act", "gelu")],
        )


class LayerNorm(keras.layers.Layer):
    """Layer normalization over the last axis, in fewer operations than Keras' own."""

    def __init__(self, epsilon: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, shape: tuple[int, ...]) -> None:
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(shape[-1],), initializer="zeros", name="beta")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        mean = tf.reduce_mean(x, axis=-1, keepdims=True)  # [.., 1]
        centred = x - mean  # [.., H]
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)  # [.., 1]
        return centred * (tf.math.rsqrt(variance + self.epsilon) * self.gamma) + self.beta  # [.., H]


def gelu(x: tf.Tensor, *, approximate: bool) -> tf.Tensor:
    """Compute GELU with Erf; `tf.nn.gelu` uses Erfc, which is not vectorized on CPUs and takes three times as long.

    Args:
        x: any shape.
        approximate: use the tanh approximation of `tf.nn.gelu`.
    """
    if approximate:
        return tf.nn.gelu(x, approximate=True)
    return 0.5 * x * (1.0 + tf.math.erf(x * 2**-0.5))


class EncoderLayer(keras.layers.Layer):
    """Transformer layer with post-layer normalization, as in BERT."""

    def __init__(self, sizes: EncoderConfig, dropout: float, attention_dropout: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.n_heads, self.hidden = sizes.num_attention_heads, sizes.hidden_size
        self.approximate_gelu = sizes.approximate_gelu
        self.qkv = keras.layers.Dense(3 * self.hidden, name="qkv")
        self.attended = keras.layers.Dense(self.hidden, name="attended")
        self.attended_norm = LayerNorm(sizes.layer_norm_eps, name="attended_norm")
        self.up = keras.layers.Dense(sizes.intermediate_size, name="up")
        self.down = keras.layers.Dense(self.hidden, name="down")
        self.down_norm = LayerNorm(sizes.layer_norm_eps, name="down_norm")
        self.dropout = keras.layers.Dropout(dropout)
        self.attention_dropout = keras.layers.Dropout(attention_dropout)

    def call(self, x: tf.Tensor, bias: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Compute the output [B*T, H] of `x` [B*T, H]; `bias` [B, 1, 1, T] is a large negative number at padding."""
        attended = self.attended(self.attention(x, bias, training=training))  # [B*T, H]
        x = self.attended_norm(x + self.dropout(attended, training=training))  # [B*T, H]
        wide = gelu(self.up(x), approximate=self.approximate_gelu)  # [B*T, 4H]
        return self.down_norm(x + self.dropout(self.down(wide), training=training))  # [B*T, H]

    def attention(self, x: tf.Tensor, bias: tf.Tensor, *, training: bool) -> tf.Tensor:
        """Compute multi-head self-attention [B*T, H], before the output projection."""
        n_windows, n_pieces, head = tf.shape(bias)[0], tf.shape(bias)[3], self.hidden // self.n_heads
        qkv = tf.reshape(self.qkv(x), [n_windows, n_pieces, 3, self.n_heads, head])  # [B, T, 3, A, D]
        query, key, value = tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4]))  # 3 of [B, A, T, D]
        scores = tf.matmul(query * head**-0.5, key, transpose_b=True) + bias  # [B, A, T, T]
        shares = self.attention_dropout(tf.nn.softmax(scores), training=training)  # [B, A, T, T]
        read = tf.matmul(shares, value)  # [B, A, T, D]
        return tf.reshape(tf.transpose(read, [0, 2, 1, 3]), [-1, self.hidden])  # [B*T, H]


class TokenClassifier(keras.Model):
    """BERT with a tagging head and embeddings for word shapes.

    Args:
        sizes: settings of the encoder.
        n_tags: K.
        pad_id: piece id of padding, which is masked in attention.
        dropout: dropout rate of the hidden layers, 0 to 1.
        attention_dropout: dropout rate of the attention probabilities, 0 to 1.
    """

    def __init__(
        self,
        sizes: EncoderConfig,
        *,
        n_tags: int,
        pad_id: int = 0,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
    ):
        super().__init__()
        self.sizes, self.pad_id = sizes, pad_id
        width = {"output_dim": sizes.hidden_size}
        self.words = keras.layers.Embedding(sizes.vocab_size, **width, name="words")
        self.positions = keras.layers.Embedding(sizes.max_position_embeddings, **width, name="positions")
        self.segments = keras.layers.Embedding(sizes.type_vocab_size, **width, name="segments")
        # Initialized to zero, so that training starts from the exact output of the checkpoint.
        self.shapes = keras.layers.Embedding(len(SHAPES), **width, embeddings_initializer="zeros", name="shapes")
        for table in (self.words, self.positions, self.segments, self.shapes):
            table.build()
        self.norm = LayerNorm(sizes.layer_norm_eps, name="norm")
        self.dropout = keras.layers.Dropout(dropout)
        self.blocks = [
            EncoderLayer(sizes, dropout, attention_dropout, name=f"block_{index}")
            for index in range(sizes.num_hidden_layers)
        ]
        self.classifier = keras.layers.Dense(n_tags, name="classifier")
        self({"piece_ids": np.zeros((1, 1), np.int32), "shape_ids": np.zeros((1, 1), np.int32)})

    def call(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Compute logits [B, T, K] from int32 `piece_ids` and `shape_ids`, both [B, T]."""
        piece_ids, shape_ids = inputs["piece_ids"], inputs["shape_ids"]
        n_pieces = tf.shape(piece_ids)[1]
        constant = self.positions.embeddings[:n_pieces] + self.segments.embeddings[0]  # [T, H]
        x = self.words(piece_ids) + self.shapes(shape_ids) + constant  # [B, T, H]
        x = tf.reshape(x, [-1, self.sizes.hidden_size])  # [B*T, H]
        x = self.dropout(self.norm(x), training=training)
        bias = tf.cast(tf.equal(piece_ids, self.pad_id), x.dtype)[:, None, None, :] * -1e4  # [B, 1, 1, T]
        for block in self.blocks:
            x = block(x, bias, training=training)  # [B*T, H]
        logits = self.classifier(x)  # [B*T, K]
        return tf.reshape(logits, [-1, n_pieces, self.classifier.units])  # [B, T, K]

    def import_encoder(self, weights: Weights, where: Path | str) -> None:
        """Load the weights of an encoder by Hugging Face name; the tagging head is unchanged.

        Raises:
            ArtifactBroken: a weight is missing or has another shape; `where` is the source in the message.
        """
        _assign(self._slots(), weights, where, optional=("shape_embeddings.weight", "classifier."))

    def import_all(self, weights: Weights, where: Path | str) -> None:
        """Load all weights, as returned by `export`; arguments and errors as for `import_encoder`."""
        _assign(self._slots(), weights, where, optional=())

    def export(self) -> Weights:
        """Return all weights as float32 by Hugging Face name."""
        weights: Weights = {}
        for names, variable, transpose in self._slots():
            value = np.asarray(variable.numpy(), np.float32)
            for name, part in zip(names, np.split(value, len(names), axis=-1), strict=True):
                weights[name] = np.ascontiguousarray(part.T if transpose else part)
        return weights

    def _slots(self) -> Iterator[tuple[tuple[str, ...], keras.Variable, bool]]:
        """Yield Hugging Face names, variable and "stored transposed" of each weight; fused weights have three names."""
        for name, layer in (("word", self.words), ("position", self.positions), ("token_type", self.segments)):
            yield (f"embeddings.{name}_embeddings.weight",), layer.embeddings, False
        yield ("shape_embeddings.weight",), self.shapes.embeddings, False
        yield from _norm_slots("embeddings.LayerNorm", self.norm)
        for index, block in enumerate(self.blocks):
            layer = f"encoder.layer.{index}"
            qkv = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
            yield from _dense_slots(qkv, block.qkv)
            yield from _dense_slots([f"{layer}.attention.output.dense"], block.attended)
            yield from _norm_slots(f"{layer}.attention.output.LayerNorm", block.attended_norm)
            yield from _dense_slots([f"{layer}.intermediate.dense"], block.up)
            yield from _dense_slots([f"{layer}.output.dense"], block.down)
            yield from _norm_slots(f"{layer}.output.LayerNorm", block.down_norm)
        yield from _dense_slots(["classifier"], self.classifier)


def _dense_slots(names: list[str], layer: keras.layers.Dense) -> Iterator[tuple[tuple[str, ...], keras.Variable, bool]]:
    yield tuple(f"{name}.weight" for name in names), layer.kernel, True
    yield tuple(f"{name}.bias" for name in names), layer.bias, False


def _norm_slots(name: str, layer: LayerNorm) -> Iterator[tuple[tuple[str, ...], keras.Variable, bool]]:
    yield (f"{name}.weight",), layer.gamma, False
    yield (f"{name}.bias",), layer.beta, False


def _assign(slots: Any, weights: Weights, where: Path | str, *, optional: tuple[str, ...]) -> None:
    for names, variable, transpose in slots:
        if names[0] not in weights and names[0].startswith(optional or "\0"):
            continue
        if missing := [name for name in names if name not in weights]:
            raise ArtifactBroken(f"found no weight {missing[0]}, expected one, in {where}")
        parts = [weights[name].T if transpose else weights[name] for name in names]
        value = np.concatenate(parts, axis=-1)
        if value.shape != tuple(variable.shape):
            shape, expected = list(value.shape), list(variable.shape)
            raise ArtifactBroken(f"found shape {shape}, expected {expected}, for {names[0]} in {where}")
        variable.assign(value)


def read_config(folder: Path) -> dict[str, Any]:
    """Read the `config.json` of a checkpoint.

    Raises:
        InputMissing: there is no checkpoint.
        ArtifactBroken: not JSON, or not an object.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise InputMissing(f"found no config.json, expected a Hugging Face checkpoint, in {folder}")
    config = atomic.read_json(path)
    if not isinstance(config, dict):
        raise ArtifactBroken(f"found {type(config).__name__}, expected an object, in {path}")
    return config


def read_weights(path: Path) -> Weights:
    """Read the weights of a safetensors file as float32, without the prefix `bert.` that task models add to the names.

    Raises:
        InputMissing: `path` does not exist.
        ArtifactBroken: truncated, or not safetensors.
    """
    if not path.is_file():
        raise InputMissing(f"found no {path.name}, expected the checkpoint's weights as safetensors, in {path.parent}")
    try:
        weights = load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise ArtifactBroken(f"found {error}, expected whole safetensors, in {path}") from None
    return {name.removeprefix("bert."): np.asarray(value, np.float32) for name, value in weights.items()}


def write_weights(path: Path, weights: Weights, metadata: dict[str, str] | None = None) -> None:
    """Write weights and metadata as a safetensors file, atomically.

    Raises:
        StorageFull: no space left; nothing is written.
    """
    with atomic.staged_file(path) as part:
        part.write_bytes(save(weights, metadata))
