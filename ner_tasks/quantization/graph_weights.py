"""Weights of a frozen graph and calibrated ranges of a quantized graph, by layer.

The constants of a frozen graph are named after the layers of `model.token_classifier`.

Shapes: E width of the embeddings, H hidden size, A heads.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ner_tasks.errors import ArtifactBroken
from ner_tasks.model.encoders.base import EncoderConfig

Array = NDArray[np.float32]
_INT8_MATMUL = "QuantizedMatMul"
# The number of a block is part of its name; Keras may append another number to any layer name.
_NUMBERED = re.compile(r"^(block_\d+|[a-z_]+?)(?:_\d+)?\Z")


class Range(NamedTuple):
    """Range `[least, largest]` of the input of a layer on calibration text."""

    least: float
    largest: float

    @property
    def span(self) -> float:
        return self.largest - self.least


@dataclass(frozen=True)
class Dense:
    """Weights of a dense layer: kernel [K, N], bias [N]."""

    name: str
    kernel: Array
    bias: Array


@dataclass(frozen=True)
class Norm:
    """Weights of a layer normalization: gamma and beta, both [H]."""

    gamma: Array
    beta: Array


@dataclass(frozen=True)
class BlockWeights:
    """Weights of one transformer layer."""

    qkv: Dense
    attended: Dense
    attended_norm: Norm
    up: Dense
    down: Dense
    down_norm: Norm


@dataclass(frozen=True)
class GraphWeights:
    """All weights of a token classifier.

    Attributes:
        words: word embeddings [vocabulary, E].
        shapes: shape embeddings [word shapes, E].
        positions: position embeddings plus that of segment 0, [maximum window, E].
        norm: normalization of the summed embeddings.
        project: projection of the embeddings to H; None if they have that width.
        relative: bias of the attention scores by bucket of the relative position, [buckets, A]; None without.
        blocks: transformer layers, the lowest first.
        classifier: tagging head.
    """

    words: Array
    shapes: Array
    positions: Array
    norm: Norm
    project: Dense | None
    relative: Array | None
    blocks: tuple[BlockWeights, ...]
    classifier: Dense

    @classmethod
    def from_graph(cls, graph_def: tf.compat.v1.GraphDef, sizes: EncoderConfig) -> "GraphWeights":
        """Read the weights of a frozen graph.

        Args:
            graph_def: frozen FP32 graph.
            sizes: settings of its encoder.

        Raises:
            ArtifactBroken: not the graph of a token classifier with this encoder.
        """
        named = _Constants(graph_def)
        segment = named.get("ReadVariableOp_1")[0] if sizes.type_vocab_size else np.float32(0)
        return cls(
            words=named.get("words/Shape/ReadVariableOp"),
            shapes=named.get("shapes/Shape/ReadVariableOp"),
            positions=named.get("ReadVariableOp")[sizes.first_position :] + segment,
            norm=named.norm("norm"),
            project=named.dense("project") if sizes.embedding_size != sizes.hidden_size else None,
            relative=named.get("relative/transpose/ReadVariableOp") if sizes.family.n_buckets else None,
            blocks=tuple(_block(named, f"block_{index}") for index in range(sizes.num_hidden_layers)),
            classifier=named.dense("classifier"),
        )


def _block(named: "_Constants", path: str) -> BlockWeights:
    return BlockWeights(
        qkv=named.dense(f"{path}/qkv"),
        attended=named.dense(f"{path}/attended"),
        attended_norm=named.norm(f"{path}/attended_norm"),
        up=named.dense(f"{path}/up"),
        down=named.dense(f"{path}/down"),
        down_norm=named.norm(f"{path}/down_norm"),
    )


class _Constants:
    """Constants of a frozen graph, by layer path."""

    def __init__(self, graph_def: tf.compat.v1.GraphDef):
        self._values = {layer_path(node.name): node for node in graph_def.node if node.op == "Const"}

    def get(self, path: str) -> Array:
        node = self._values.get(f"{path}/resource")
        if node is None:
            raise ArtifactBroken(f"found no constant {path}, expected one, in the frozen graph of a token classifier")
        return np.asarray(tf.make_ndarray(node.attr["value"].tensor), np.float32)

    def dense(self, path: str) -> Dense:
        return Dense(path, self.get(f"{path}/Cast/ReadVariableOp"), self.get(f"{path}/BiasAdd/ReadVariableOp"))

    def norm(self, path: str) -> Norm:
        return Norm(self.get(f"{path}/mul/ReadVariableOp"), self.get(f"{path}/add_1/ReadVariableOp"))


def layer_path(node: str) -> str:
    """Return the path of a node below the model, without the numbers that Keras appends to layer names.

    `token_classifier_1/block_0_1/qkv_1/MatMul` becomes `block_0/qkv/MatMul`.
    """
    path = node.partition("/")[2].split("/")
    n_layers = 2 if path[0].startswith("block_") else 1
    return "/".join([_NUMBERED.sub(r"\1", part) for part in path[:n_layers]] + path[n_layers:])


def read_ranges(quantized: tf.compat.v1.GraphDef) -> dict[str, Range]:
    """Read the calibrated input ranges of the dense layers that INC quantized, by layer path."""
    nodes = {node.name: node for node in quantized.node}

    def value(name: str) -> float:
        return float(tf.make_ndarray(nodes[name].attr["value"].tensor))

    def items() -> Iterator[tuple[str, Range]]:
        for node in quantized.node:
            if node.op.startswith(_INT8_MATMUL):
                quantize = nodes[node.input[0]]
                yield layer_path(node.name).partition("/MatMul")[0], Range(*map(value, quantize.input[1:3]))

    return dict(items())
