"""What INC was told to quantize against what it has quantized: its result is checked and not believed."""

import math
import re
from collections.abc import Collection, Sequence

import tensorflow as tf

from ner_tasks.errors import ArtifactBroken
from ner_tasks.quantization.graph_weights import Range, layer_path, read_ranges


def select_layers(frozen: tf.compat.v1.GraphDef, keep_fp32: Sequence[str]) -> list[str]:
    """Dense layers of a frozen graph that shall become INT8, in the order of the graph.

    Args:
        frozen: the FP32 graph.
        keep_fp32: patterns of the names of operations that stay as they are, from their beginning as INC matches them.
    """
    names = [node.name for node in frozen.node if node.op == "MatMul"]
    chosen = [name for name in names if not any(re.match(pattern, name) for pattern in keep_fp32)]
    return [layer_path(name).partition("/MatMul")[0] for name in chosen]


def verify_ranges(quantized: tf.compat.v1.GraphDef, layers: Collection[str]) -> dict[str, Range]:
    """Calibrated ranges of exactly these layers' inputs.

    Raises:
        ArtifactBroken: INC has quantized others, or a range is empty or not finite.
    """
    ranges = read_ranges(quantized)
    missing, extra = sorted(set(layers) - set(ranges)), sorted(set(ranges) - set(layers))
    if missing or extra:
        found = f"{len(ranges)} INT8 MatMuls, without {missing[:3]} and with {extra[:3]}"
        raise ArtifactBroken(f"found {found}, expected the {len(layers)} that were asked for, in INC's graph")
    for layer, one in ranges.items():
        if not (math.isfinite(one.least) and math.isfinite(one.largest) and one.least < one.largest):
            found = f"{one.least} to {one.largest}"
            raise ArtifactBroken(f"found {found}, expected a finite range, at the input of {layer} in INC's graph")
    return ranges
