"""Quotas that keep the parts of a split near their shares while sentences are assigned one by one.

With `n` sentences assigned, a part with share `s` should have `s n`. Below 85 % of it the part is behind and gets the next
sentences; at 120 % it is full and gets none. With fewer than 500 sentences both bounds are wider.
"""

from collections.abc import Mapping, Sequence
from math import sqrt

PARTS = ("train", "dev", "calibration", "test")
# Relative. A part that is behind may have to wait for the end of a block of test, so the lower one is closer.
_BELOW, _ABOVE = 0.15, 0.2
# With fewer sentences, bounds as close as these would leave blocks of one or two sentences.
_FULL_SIZE = 500
# A part that is behind gets at most this many times its share of the new sentences: a new batch is never held out as a
# whole because an earlier release has left the parts too small.
_MAX_FORCED = 3.0


class PartQuotas:
    """Counts of the sentences in each part, and their bounds.

    Args:
        shares: share of each part in the order of `PARTS`.
        counts: number of sentences that have a part already.
    """

    def __init__(self, shares: Sequence[float], counts: Mapping[str, int]):
        self._shares = dict(zip(PARTS, shares, strict=True))
        self._counts = {part: counts.get(part, 0) for part in PARTS}
        self._n = sum(self._counts.values())
        self._n_new = 0
        self._forced = dict.fromkeys(PARTS, 0)

    def find_behind(self, *parts: str) -> str | None:
        """Return the one of the parts that lacks the next sentence most, relative to its share; None if none does."""
        behind = [
            part
            for part in parts
            if self._counts[part] < self._lower(part)
            and self._forced[part] <= _MAX_FORCED * self._shares[part] * self._n_new
        ]
        return self.find_roomiest(*behind) if behind else None

    def has_room(self, *parts: str) -> bool:
        """Return whether the parts, taken together, may have one more sentence."""
        return sum(self._counts[part] for part in parts) + 1 <= sum(self._upper(part) for part in parts)

    def find_roomiest(self, *parts: str) -> str:
        """Return the one of the parts with the fewest sentences for its share."""
        return min(parts, key=lambda part: self._counts[part] / self._shares[part])

    def add(self, part: str, *, is_forced: bool) -> None:
        """Count a new sentence.

        Args:
            part: its part.
            is_forced: whether it went there because the part was behind.
        """
        self._counts[part] += 1
        self._n += 1
        self._n_new += 1
        self._forced[part] += is_forced

    def _lower(self, part: str) -> float:
        """Return the lower bound; at least 1 as soon as the share rounds to one sentence."""
        wanted = self._shares[part] * (self._n + 1)
        return max(wanted * (1 - _BELOW * self._widening), 1.0 if wanted >= 0.5 else 0.0)

    def _upper(self, part: str) -> float:
        """Return the upper bound, at least 1."""
        return max(self._shares[part] * (self._n + 1) * (1 + _ABOVE * self._widening), 1.0)

    @property
    def _widening(self) -> float:
        """Factor of the tolerances for the next sentence, at least 1."""
        return max(1.0, sqrt(_FULL_SIZE / (self._n + 1)))
