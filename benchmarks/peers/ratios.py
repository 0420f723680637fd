"""Medians, and ratios of two engines round by round, with their spread.

A ratio is taken within a round: whatever the machine did in it, it did to both.
"""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Spread:
    """Median, least and most of several rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        if not values:
            raise ValueError("found no round, expected at least one")
        return cls(statistics.median(values), min(values), max(values))

    def as_dict(self) -> dict[str, float]:
        return {name: float(f"{value:.5g}") for name, value in asdict(self).items()}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """How many times as fast ours is.

    Args:
        ours: rates (per second) of our engine in each round.
        theirs: those of the other in the same rounds.
    """
    return Spread.of([mine / other for mine, other in zip(ours, theirs, strict=True)])
