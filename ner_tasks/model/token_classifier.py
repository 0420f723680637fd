"""Token classifier in Keras 3 that loads the Hugging Face checkpoint of any family in `encoders`.

All layers but the attention work on `[pieces, hidden]` matrices, since Intel Neural Compressor quantizes plain MatMuls
with BiasAdd; one MatMul computes query, key and value. `docs/decisions/0001` explains why we have our own model.

Shapes: B windows, T pieces per window, E width of the embeddings, H hidden size, A heads, D = H / A, K tags.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ner_tasks.errors import ArtifactBroken
from ner_tasks.model.encoders.base import EncoderConfig, LayerNames
from ner_tasks.model.tokenization import SHAPES
from ner_tasks.model.weights import Weights

SHAPE_EMBEDDINGS = "shape_embeddings.weight"
# Hugging Face names, variable and "stored transposed" of a weight; fused weights have three names.
Slot = tuple[tuple[str, ...], keras.Variable, bool]


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
        """Compute the output [B*T, H] of `x` [B*T, H]; `bias`, [B, 1, 1, T] or [B, A, T, T], is added to the scores."""
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
    """Encoder with a tagging head and embeddings for word shapes.

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
        width = {"output_dim": sizes.embedding_size}
        self.words = keras.layers.Embedding(sizes.vocab_size, **width, name="words")
        self.positions = keras.layers.Embedding(sizes.max_position_embeddings, **width, name="positions")
        self.segments = self.project = self.relative = None
        if sizes.type_vocab_size:
            self.segments = keras.layers.Embedding(sizes.type_vocab_size, **width, name="segments")
        # Initialized to zero, so that training starts from the exact output of the checkpoint.
        self.shapes = keras.layers.Embedding(len(SHAPES), **width, embeddings_initializer="zeros", name="shapes")
        for table in (self.words, self.positions, self.segments, self.shapes):
            if table is not None:
                table.build()
        self.norm = LayerNorm(sizes.layer_norm_eps, name="norm")
        self.dropout = keras.layers.Dropout(dropout)
        if sizes.embedding_size != sizes.hidden_size:
            self.project = keras.layers.Dense(sizes.hidden_size, name="project")
        if sizes.family.find_buckets is not None:
            self.relative = keras.layers.Embedding(sizes.family.n_buckets, sizes.num_attention_heads, name="relative")
            self.relative.build()
            self._buckets = sizes.family.find_buckets(sizes.max_pieces)  # [T, T] of the longest window
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
        constant = self._embed_positions(n_pieces)  # [T, E]
        x = self.words(piece_ids) + self.shapes(shape_ids) + constant  # [B, T, E]
        x = tf.reshape(x, [-1, self.sizes.embedding_size])  # [B*T, E]
        x = self.dropout(self.norm(x), training=training)
        if self.project is not None:
            x = self.project(x)  # [B*T, H]
        bias = tf.cast(tf.equal(piece_ids, self.pad_id), x.dtype)[:, None, None, :] * -1e4  # [B, 1, 1, T]
        if self.relative is not None:
            bias += self._relative_bias(self.relative, n_pieces)  # [B, A, T, T]
        for block in self.blocks:
            x = block(x, bias, training=training)  # [B*T, H]
        logits = self.classifier(x)  # [B*T, K]
        return tf.reshape(logits, [-1, n_pieces, self.classifier.units])  # [B, T, K]

    def _embed_positions(self, n_pieces: tf.Tensor) -> tf.Tensor:
        """Return the embeddings of the positions, plus that of segment 0, [T, E]."""
        first = self.sizes.first_position
        # None and not 0, whose graph differs
        table = self.positions.embeddings[first or None : first + n_pieces if first else n_pieces]
        return table if self.segments is None else table + self.segments.embeddings[0]

    def _relative_bias(self, table: keras.layers.Embedding, n_pieces: tf.Tensor) -> tf.Tensor:
        """Return what the relative position of two pieces adds to their attention scores, [A, T, T]."""
        with tf.name_scope("relative"):
            by_head = tf.transpose(table.embeddings)  # [A, buckets]
            return tf.gather(by_head, tf.constant(self._buckets)[:n_pieces, :n_pieces], axis=1)

    @property
    def embedding_layers(self) -> list[keras.layers.Layer]:
        """Layers below the first transformer layer, without the word shapes."""
        layers = (self.words, self.positions, self.segments, self.norm, self.project, self.relative)
        return [layer for layer in layers if layer is not None]

    def import_encoder(self, weights: Weights, where: Path | str) -> None:
        """Load the weights of an encoder by Hugging Face name; the tagging head is unchanged.

        Raises:
            ArtifactBroken: a weight is missing, has another shape, or is none of this encoder's; `where` is the source
                in the message.
        """
        self._import(weights, where, optional=(SHAPE_EMBEDDINGS, "classifier."))

    def import_all(self, weights: Weights, where: Path | str) -> None:
        """Load all weights, as returned by `export`; arguments and errors as for `import_encoder`."""
        self._import(weights, where, optional=())

    def _import(self, weights: Weights, where: Path | str, *, optional: tuple[str, ...]) -> None:
        family, slots = self.sizes.family, list(self._slots())
        weights = family.rename(weights)
        _assign(slots, weights, where, optional=optional)
        if extra := family.find_extra(weights, {name for names, *_ in slots for name in names}):
            raise ArtifactBroken(
                f"found weight {extra[0]}, expected none besides those of a {family.name} with the sizes of its "
                f"config.json, in {where}"
            )

    def export(self) -> Weights:
        """Return all weights as float32 by Hugging Face name."""
        weights: Weights = {}
        for names, variable, transpose in self._slots():
            value = np.asarray(variable.numpy(), np.float32)
            for name, part in zip(names, np.split(value, len(names), axis=-1), strict=True):
                weights[name] = np.ascontiguousarray(part.T if transpose else part)
        return weights

    def _slots(self) -> Iterator[Slot]:
        family = self.sizes.family
        for name, table in (("word", self.words), ("position", self.positions), ("token_type", self.segments)):
            if table is not None:
                yield (f"embeddings.{name}_embeddings.weight",), table.embeddings, False
        yield (SHAPE_EMBEDDINGS,), self.shapes.embeddings, False
        yield from _norm_slots("embeddings.LayerNorm", self.norm)
        if self.project is not None:
            yield from _dense_slots(["embeddings_project"], self.project)
        if self.relative is not None:
            yield ("encoder.relative_attention_bias.weight",), self.relative.embeddings, False
        for index, block in enumerate(self.blocks):
            yield from _layer_slots(f"{family.layers}.{index}.", family.layer, block)
        yield from _dense_slots(["classifier"], self.classifier)


def _layer_slots(path: str, names: LayerNames, block: EncoderLayer) -> Iterator[Slot]:
    yield from _dense_slots([path + names.query, path + names.key, path + names.value], block.qkv)
    yield from _dense_slots([path + names.attended], block.attended)
    yield from _norm_slots(path + names.attended_norm, block.attended_norm)
    yield from _dense_slots([path + names.up], block.up)
    yield from _dense_slots([path + names.down], block.down)
    yield from _norm_slots(path + names.down_norm, block.down_norm)


def _dense_slots(names: list[str], layer: keras.layers.Dense) -> Iterator[Slot]:
    yield tuple(f"{name}.weight" for name in names), layer.kernel, True
    yield tuple(f"{name}.bias" for name in names), layer.bias, False


def _norm_slots(name: str, layer: LayerNorm) -> Iterator[Slot]:
    yield (f"{name}.weight",), layer.gamma, False
    yield (f"{name}.bias",), layer.beta, False


def _assign(slots: Iterable[Slot], weights: Weights, where: Path | str, *, optional: tuple[str, ...]) -> None:
    for names, variable, transpose in slots:
        if names[0] not in weights and names[0].startswith(optional or "\0"):
            continue
        if missing := [name for name in names if name not in weights]:
            raise ArtifactBroken(f"found no weight {missing[0]}, expected one, in {where}")
        parts = [weights[name].T if transpose else weights[name] for name in names]
        expected = [*variable.shape[:-1], variable.shape[-1] // len(names)]
        for name, part in zip(names, parts, strict=True):
            if list(part.shape) != expected:
                raise ArtifactBroken(
                    f"found shape {_stored(part.shape, transpose)}, expected {_stored(expected, transpose)}, "
                    f"for {name} in {where}"
                )
        variable.assign(np.concatenate(parts, axis=-1))


def _stored(shape: Sequence[int], transpose: bool) -> list[int]:
    return list(reversed(shape)) if transpose else list(shape)
