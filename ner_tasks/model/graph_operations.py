"""The operations that a model's graph may hold.

A graph is a program: TensorFlow has operations that read and write files, run Python, or open connections. Only those
that a frozen model, INC's result or a fused INT8 graph is made of are let through; none of them touches anything but
its inputs.
"""

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from ner_tasks.errors import ArtifactBroken

# Of a frozen model; Pow and Tanh are of the approximate GELU.
_FROZEN = (
    *("AddV2", "BatchMatMulV2", "BiasAdd", "Cast", "Const", "Equal", "Erf", "GatherV2", "Identity", "Less", "MatMul"),
    *("Mean", "Mul", "Pack", "Placeholder", "Pow", "Reshape", "Rsqrt", "SelectV2", "Shape", "Softmax", "Square"),
    *("StridedSlice", "Sub", "Tanh", "Transpose", "Unpack"),
)
# Of `build_int8_graph`: what oneDNN fuses.
_FUSED = ("ConcatV2", "QuantizeV2", "_MklFusedBatchMatMulV2", "_MklLayerNorm", "_QuantizedMatMul")
# Of INC's own graph; how far it fuses is its own choice.
_INC = (
    *("Dequantize", "HostConst", "QuantizedMatMulWithBias", "QuantizedMatMulWithBiasAndDequantize"),
    *("QuantizedMatMulWithBiasAndRequantize", "Requantize"),
)
ALLOWED = frozenset((*_FROZEN, *_FUSED, *_INC))


def check_operations(graph: tf.compat.v1.GraphDef, path: Path) -> None:
    """Refuse a graph that is made of anything else.

    Args:
        graph: of which no operation has run.
        path: where it lies, for the error.

    Raises:
        ArtifactBroken: it holds another operation, in itself or in a function of its library.
    """
    for name, operation in _operations(graph):
        if operation not in ALLOWED:
            raise ArtifactBroken(
                f"found operation {operation[:100]!r} ({name[:100]!r}), expected those of a tagger's graph, in {path}"
            )


def _operations(graph: tf.compat.v1.GraphDef) -> Iterator[tuple[str, str]]:
    yield from ((node.name, node.op) for node in graph.node)
    for function in graph.library.function:
        yield from ((f"{function.signature.name}/{node.name}", node.op) for node in function.node_def)
