"""Verification of INC's result: quantized layers and ranges must match the request."""

import math
import re
from collections.abc import Collection, Sequence

import tensorflow as tf

from ner_tasks.errors import ArtifactBroken
from ner_tasks.quantization.graph_weights import Range, layer_path, read_ranges


def select_layers(frozen: tf.compat.v1.GraphDef, keep_fp32: Sequence[str]) -> list[str]:
    """Select the dense layers of a frozen graph to be quantized, in the order of the graph.

    Args:
        frozen: FP32 graph.
        keep_fp32: regular expressions for operations that stay FP32, matched at the start of the name as in INC.

    Returns:
        Layer paths, see `layer_path`.
    """
    names = [node.name for node in frozen.node if node.op == "MatMul"]
    selected = [name for name in names if not any(re.match(pattern, name) for pattern in keep_fp32)]
    return [layer_path(name).partition("/MatMul")[0] for name in selected]


def verify_ranges(quantized: tf.compat.v1.GraphDef, layers: Collection[str]) -> dict[str, Range]:
    """Read the calibrated ranges of a graph from INC and check them.

    Args:
        quantized: graph from INC.
        layers: paths of the layers that INC had to quantize.

    Returns:
        Input range of each layer, by layer path.

    Raises:
        ArtifactBroken: INC quantized other layers, or a range is empty or not finite.
    """
    ranges = read_ranges(quantized)
    missing, extra = sorted(set(layers) - set(ranges)), sorted(set(ranges) - set(layers))
    if missing or extra:
        difference = f"missing {missing[:3]}, unexpected {extra[:3]}"
        raise ArtifactBroken(
            f"found {len(ranges)} INT8 MatMuls ({difference}), expected the {len(layers)} requested, in INC's graph"
        )
    for layer, (least, largest) in ranges.items():
        if not (math.isfinite(least) and math.isfinite(largest) and least < largest):
            raise ArtifactBroken(
                f"found {least} to {largest}, expected a finite range, at the input of {layer} in INC's graph"
            )
    return ranges
