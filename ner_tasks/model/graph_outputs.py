"""Names of the inputs and outputs of an inference graph.

An FP32 graph has the inputs `INPUTS` and one output, the logits of all pieces [B, T, K]. An INT8 graph has the inputs
`PACKED_INPUTS` and one output for each route through the same weights, the logits of the pieces that are read [R, K]; the
session keeps the route that is fastest on the host and prunes the others. INT8 graphs of version 0.2.0 have routes, but
inputs and outputs like those of an FP32 graph.
"""

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

INPUTS = ("piece_ids", "shape_ids")
# The inputs with their number of dimensions; `packing.PackedBatch` explains the last three.
PACKED_INPUTS = {"piece_ids": 2, "shape_ids": 2, "positions": 1, "rows": 2, "read": 1}
OUTPUT = "logits"


@dataclass(frozen=True)
class Route:
    """One variant of the computation in an INT8 graph.

    Attributes:
        attention: type of the attention computation; bfloat16 for CPUs with instructions for it.
        few: for single sentences, where creating a oneDNN primitive takes longer than many small operations.
    """

    attention: Literal["float32", "bfloat16"]
    few: bool

    @property
    def output(self) -> str:
        """Name of the logits in the graph."""
        return OUTPUT + ("_bf16" if self.attention == "bfloat16" else "") + ("_few" if self.few else "")


ROUTES = tuple(Route(attention, few) for attention in ("float32", "bfloat16") for few in (False, True))


def select_inputs(names: Container[str]) -> tuple[str, ...]:
    """Return the names of the inputs to feed, in order; `names` are those of the nodes in the graph."""
    packed = tuple(PACKED_INPUTS)
    return packed if all(name in names for name in packed) else INPUTS


def select_output(names: Container[str], *, bf16: bool, few: bool) -> str:
    """Return the name of the output to fetch.

    Args:
        names: names of the nodes in the graph.
        bf16: whether the CPU has instructions for bfloat16.
        few: whether single sentences are tagged.
    """
    output = Route("bfloat16" if bf16 else "float32", few).output
    return output if output in names else OUTPUT
