"""INT8 graphs on CPUs without VNNI: kernels of seven bits instead of eight, so that no sum overflows.

Such a CPU multiplies an unsigned byte by a signed one two pairs at a time (VPMADDUBSW) and adds both products in 16 bits,
where 255 * 127 * 2 is too much and is silently cut off. With kernels of at most 64 it never is. A graph is written with
eight bits, which VNNI sums up in 32; a host without it halves them when it opens the graph.

Source: oneDNN, Developer Guide, "Nuances of int8 computations".
"""

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import node_def_pb2

from ner_tasks import hardware
from ner_tasks.errors import ArtifactBroken

N_WEIGHT_LEVELS = 127  # of a signed byte on each side of 0
# Constants of a dense layer, below its name. The last is what the layer's input was shifted by; the bias makes up for it.
KERNEL, BIAS, LEAST, LARGEST, SHIFT = (f"/{part}" for part in ("kernel", "bias", "least", "largest", "shift"))


def adapt_to_host(graph: tf.compat.v1.GraphDef) -> tf.compat.v1.GraphDef:
    """The graph, whose kernels this CPU can multiply without overflow; an FP32 graph stays as it is."""
    return graph if hardware.has_vnni() else narrow_kernels(graph)


def narrow_kernels(graph: tf.compat.v1.GraphDef) -> tf.compat.v1.GraphDef:
    """The same graph with INT8 kernels of seven bits, changed in place.

    Raises:
        ArtifactBroken: it does not say what the input of a layer was shifted by.
    """
    nodes = {node.name: node for node in graph.node}
    for layer in [name.removesuffix(KERNEL) for name, node in nodes.items() if _is_kernel(node)]:
        if layer + SHIFT not in nodes:
            raise ArtifactBroken(
                f"found an INT8 graph without {layer}{SHIFT}, expected it on a CPU without VNNI: quantize the model again"
            )
        kernel, largest = nodes[layer + KERNEL], _value(nodes[layer + LARGEST])
        wide = np.frombuffer(kernel.attr["value"].tensor.tensor_content, np.int8)
        narrow = np.rint(wide / 2).astype(np.int8)  # at most 64
        kernel.attr["value"].tensor.tensor_content = narrow.tobytes()
        lost = (2 * narrow.astype(np.int64) - wide).reshape(-1, len(largest)).sum(axis=0)  # [N]
        unit = largest / N_WEIGHT_LEVELS
        _set(nodes[layer + BIAS], _value(nodes[layer + BIAS]) + _value(nodes[layer + SHIFT]) * lost * unit)
        _set(nodes[layer + LARGEST], 2 * largest)
        _set(nodes[layer + LEAST], -2 * largest)
    return graph


def _is_kernel(node: node_def_pb2.NodeDef) -> bool:
    return node.op == "Const" and node.attr["dtype"].type == tf.qint8.as_datatype_enum and node.name.endswith(KERNEL)


def _value(node: node_def_pb2.NodeDef) -> np.ndarray:
    return np.asarray(tf.make_ndarray(node.attr["value"].tensor), np.float32)


def _set(node: node_def_pb2.NodeDef, value: np.ndarray) -> None:
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.astype(np.float32)))
