"""Allowed operations of a model graph.

A graph is a program: TensorFlow has operations that read and write files, run Python code or open connections. Only the
operations of frozen graphs, INC's graphs and fused INT8 graphs are allowed; none of them has side effects.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken

# Frozen graphs; Pow and Tanh belong to the approximate GELU.
_FROZEN = (
    *("AddV2", "BatchMatMulV2", "BiasAdd", "Cast", "Const", "Equal", "Erf", "GatherV2", "Identity", "Less", "MatMul"),
    *("Mean", "Mul", "Pack", "Placeholder", "Pow", "Reshape", "Rsqrt", "SelectV2", "Shape", "Softmax", "Square"),
    *("StridedSlice", "Sub", "Tanh", "Transpose", "Unpack"),
)
# Fused operations of `build_int8_graph`.
_FUSED = (
    "ConcatV2",
    "FloorDiv",
    "FloorMod",
    "QuantizeV2",
    "_MklFusedBatchMatMulV2",
    "_MklLayerNorm",
    "_QuantizedMatMul",
)
# INC's own graphs, which vary in what is fused.
_INC = (
    *("Dequantize", "HostConst", "QuantizedMatMulWithBias", "QuantizedMatMulWithBiasAndDequantize"),
    *("QuantizedMatMulWithBiasAndRequantize", "Requantize"),
)
ALLOWED = frozenset((*_FROZEN, *_FUSED, *_INC))


def check_operations(graph: Any, path: Path) -> None:
    """Check that a graph has only allowed operations.

    Args:
        graph: graph to check before it is loaded; TensorFlow's GraphDef or `tensorflow_protos.GraphDef`.
        path: file of the graph, for the error message.

    Raises:
        ArtifactBroken: another operation in the graph or in a function of its library.
    """
    for name, operation in _iter_operations(graph):
        if operation not in ALLOWED:
            raise ArtifactBroken(
                f"found operation {operation[:100]!r} ({name[:100]!r}), expected those of a tagger's graph, in {path}"
            )


def _iter_operations(graph: Any) -> Iterator[tuple[str, str]]:
    yield from ((node.name, node.op) for node in graph.node)
    for function in graph.library.function:
        yield from ((f"{function.signature.name}/{node.name}", node.op) for node in function.node_def)
