"""The weights of a frozen graph, and the calibrated ranges of a quantized one, by the layer that they belong to.

A frozen graph is what the quantization begins with: its constants carry the names that `model` gives to its layers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ner_tasks.errors import ArtifactBroken

Array = NDArray[np.float32]
_INT8_MATMUL = "QuantizedMatMul"
# The numbers of blocks are theirs; Keras puts its own behind them, as behind the names of all layers.
_NUMBERED = re.compile(r"^(block_\d+|[a-z_]+?)(?:_\d+)?\Z")


class Range(NamedTuple):
    """The values `[least, largest]` that a layer's input takes on calibration text."""

    least: float
    largest: float

    @property
    def span(self) -> float:
        return self.largest - self.least


@dataclass(frozen=True)
class Dense:
    """A dense layer: kernel [K, N], bias [N]."""

    name: str
    kernel: Array
    bias: Array


@dataclass(frozen=True)
class Norm:
    """A layer normalization: scale and offset, [H] both."""

    gamma: Array
    beta: Array


@dataclass(frozen=True)
class BlockWeights:
    """One transformer layer."""

    qkv: Dense
    attended: Dense
    attended_norm: Norm
    up: Dense
    down: Dense
    down_norm: Norm


@dataclass(frozen=True)
class GraphWeights:
    """Everything that a token classifier computes with.

    Attributes:
        words: [vocabulary, H].
        shapes: [word shapes, H].
        positions: [longest window, H], the first segment added.
        norm: of the embeddings' sum.
    """

    words: Array
    shapes: Array
    positions: Array
    norm: Norm
    blocks: tuple[BlockWeights, ...]
    classifier: Dense

    @classmethod
    def of(cls, graph_def: tf.compat.v1.GraphDef, n_blocks: int) -> "GraphWeights":
        """Weights of a frozen graph.

        Raises:
            ArtifactBroken: it is not the graph of a token classifier with so many blocks.
        """
        named = _Constants(graph_def)
        return cls(
            words=named.get("words/Shape/ReadVariableOp"),
            shapes=named.get("shapes/Shape/ReadVariableOp"),
            positions=named.get("ReadVariableOp") + named.get("ReadVariableOp_1")[0],
            norm=named.norm("norm"),
            blocks=tuple(_block(named, f"block_{index}") for index in range(n_blocks)),
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
    """A frozen graph's constants, by the path that the model's layers have in it."""

    def __init__(self, graph_def: tf.compat.v1.GraphDef):
        self._values = {layer_path(node.name): node for node in graph_def.node if node.op == "Const"}

    def get(self, read: str) -> Array:
        node = self._values.get(f"{read}/resource")
        if node is None:
            raise ArtifactBroken(f"found no constant {read}, expected one, in the frozen graph of a token classifier")
        return np.asarray(tf.make_ndarray(node.attr["value"].tensor), np.float32)

    def dense(self, path: str) -> Dense:
        return Dense(path, self.get(f"{path}/Cast/ReadVariableOp"), self.get(f"{path}/BiasAdd/ReadVariableOp"))

    def norm(self, path: str) -> Norm:
        return Norm(self.get(f"{path}/mul/ReadVariableOp"), self.get(f"{path}/add_1/ReadVariableOp"))


def layer_path(node: str) -> str:
    """A node's path below the model, without the numbers that Keras puts behind the names of layers.

    `token_classifier_1/block_0_1/qkv_1/MatMul` is `block_0/qkv/MatMul`.
    """
    path = node.partition("/")[2].split("/")
    n_layers = 2 if path[0].startswith("block_") else 1
    return "/".join([_NUMBERED.sub(r"\1", part) for part in path[:n_layers]] + path[n_layers:])


def read_ranges(quantized: tf.compat.v1.GraphDef) -> dict[str, Range]:
    """Calibrated ranges of the inputs of all dense layers that INC has quantized, by the layer's path."""
    nodes = {node.name: node for node in quantized.node}

    def value(name: str) -> float:
        return float(tf.make_ndarray(nodes[name].attr["value"].tensor))

    def found() -> Iterator[tuple[str, Range]]:
        for node in quantized.node:
            if node.op.startswith(_INT8_MATMUL):
                quantize = nodes[node.input[0]]
                yield layer_path(node.name).partition("/MatMul")[0], Range(*map(value, quantize.input[1:3]))

    return dict(found())
