"""Names of the inputs and outputs of an inference graph.

An FP32 graph has one output. An INT8 graph has one output for each route through the same weights; the session keeps the
route that is fastest on the host and prunes the others.
"""

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

INPUTS = ("piece_ids", "shape_ids")
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


def select_output(names: Container[str], *, bf16: bool, few: bool) -> str:
    """Return the name of the output to fetch.

    Args:
        names: names of the nodes in the graph.
        bf16: whether the CPU has instructions for bfloat16.
        few: whether single sentences are tagged.
    """
    output = Route("bfloat16" if bf16 else "float32", few).output
    return output if output in names else OUTPUT
