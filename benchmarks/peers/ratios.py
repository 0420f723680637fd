"""Medians, and ratios of two engines, with their spread.

A ratio is computed within a round, so that noise of the machine affects both engines.
"""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Spread:
    """Median, minimum and maximum over the rounds."""

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
    """Return the speed-up of our engine over another one.

    Args:
        ours: rates per second of our engine, one per round.
        theirs: rates of the other engine in the same rounds.
    """
    return Spread.of([mine / other for mine, other in zip(ours, theirs, strict=True)])
