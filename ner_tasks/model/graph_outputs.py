"""What goes into an inference graph and what comes out, under which names.

A graph of FP32 has one output. An INT8 graph has several, one for each route through the same weights; a host takes the
one that suits it, and the session prunes the others.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

INPUTS = ("piece_ids", "shape_ids")
OUTPUT = "logits"


@dataclass(frozen=True)
class Route:
    """One way through an INT8 graph.

    Attributes:
        attention: type that attention computes in; bfloat16 is for CPUs that multiply it.
        few: for a sentence alone, where preparing a oneDNN primitive takes longer than many small operations.
    """

    attention: Literal["float32", "bfloat16"]
    few: bool

    @property
    def output(self) -> str:
        """Name of its logits in the graph."""
        return OUTPUT + ("_bf16" if self.attention == "bfloat16" else "") + ("_few" if self.few else "")


ROUTES = tuple(Route(attention, few) for attention in ("float32", "bfloat16") for few in (False, True))


def select_output(names: Collection[str], *, bf16: bool, few: bool) -> str:
    """The output to fetch of a graph.

    Args:
        names: those of the graph's nodes.
        bf16: whether the CPU multiplies bfloat16.
        few: whether sentences come alone.
    """
    wanted = Route("bfloat16" if bf16 else "float32", few).output
    return wanted if wanted in names else OUTPUT
