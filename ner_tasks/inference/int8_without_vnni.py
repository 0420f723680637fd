"""INT8 graphs on CPUs without VNNI: 7-bit kernels instead of 8-bit kernels prevent overflow.

Without VNNI, the CPU multiplies unsigned by signed bytes with VPMADDUBSW, which adds two products in 16 bits and
saturates silently: 255 * 127 * 2 overflows. With kernel values of at most 64 it never does. Graphs are stored with
8-bit kernels, which VNNI accumulates in 32 bits; a host without VNNI halves them when it loads the graph.

Source: oneDNN, Developer Guide, "Nuances of int8 computations".
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_tasks import hardware
from ner_tasks.errors import ArtifactBroken

N_WEIGHT_LEVELS = 127  # largest signed byte
_QINT8 = 11  # number of the type in TensorFlow's graphs
# Suffixes of the constants of a dense layer. `shift` was subtracted from the input of the layer; the bias compensates it.
KERNEL, BIAS, LEAST, LARGEST, SHIFT = (f"/{part}" for part in ("kernel", "bias", "least", "largest", "shift"))


def adapt_to_host(graph: Any) -> Any:
    """Return the graph with kernels that this CPU multiplies without overflow; an FP32 graph is unchanged."""
    return graph if hardware.has_vnni() else narrow_kernels(graph)


def narrow_kernels(graph: Any) -> Any:
    """Convert the INT8 kernels of a graph to 7 bits, in place.

    Args:
        graph: graph from `build_int8_graph`, TensorFlow's GraphDef or `tensorflow_protos.GraphDef`.

    Raises:
        ArtifactBroken: the graph lacks the input shift of a layer.
    """
    nodes = {node.name: node for node in graph.node}
    for layer in [name.removesuffix(KERNEL) for name, node in nodes.items() if _is_kernel(node)]:
        if layer + SHIFT not in nodes:
            raise ArtifactBroken(
                f"found an INT8 graph without {layer}{SHIFT}, expected it on a CPU without VNNI; quantize the model again"
            )
        kernel, largest = nodes[layer + KERNEL], _value(nodes[layer + LARGEST])
        wide = np.frombuffer(kernel.attr["value"].tensor.tensor_content, np.int8)
        narrow = np.rint(wide / 2).astype(np.int8)  # at most 64
        kernel.attr["value"].tensor.tensor_content = narrow.tobytes()
        rounding = (2 * narrow.astype(np.int64) - wide).reshape(-1, len(largest)).sum(axis=0)  # [N]
        unit = largest / N_WEIGHT_LEVELS
        _set(nodes[layer + BIAS], _value(nodes[layer + BIAS]) + _value(nodes[layer + SHIFT]) * rounding * unit)
        _set(nodes[layer + LARGEST], 2 * largest)
        _set(nodes[layer + LEAST], -2 * largest)
    return graph


def _is_kernel(node: Any) -> bool:
    return node.op == "Const" and node.attr["dtype"].type == _QINT8 and node.name.endswith(KERNEL)


def _value(node: Any) -> NDArray[np.float32]:
    """Return the value of a float constant, [N], or [1] if it is a scalar."""
    tensor = node.attr["value"].tensor
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, np.float32)
    return np.array(tensor.float_val, np.float32)  # where TensorFlow stores single numbers


def _set(node: Any, value: NDArray[np.float32]) -> None:
    """Replace the value of a float constant by another one of the same shape."""
    tensor = node.attr["value"].tensor
    del tensor.float_val[:]
    tensor.tensor_content = value.astype(np.float32).tobytes()
