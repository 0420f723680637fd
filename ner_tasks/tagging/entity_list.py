"""Compact list of a document's entities: a document may have hundreds of thousands."""

from array import array
from collections.abc import Iterator

_N_VALUES = 4  # start, end, number of the label, score


class EntityList:
    """Entities in text order: `[start, end)` in characters, label, and score (0 to 1)."""

    __slots__ = ("_labels", "_values")

    def __init__(self) -> None:
        # allocated on first use: most waiting documents are copies, without entities of their own
        self._values: array[float] | None = None
        self._labels: dict[str, int] | None = None

    def append(self, start: int, end: int, label: str, score: float) -> None:
        """Add an entity."""
        if self._values is None or self._labels is None:
            self._values, self._labels = array("d"), {}
        number = self._labels.setdefault(label, len(self._labels))
        self._values.extend((start, end, number, score))

    def __len__(self) -> int:
        return len(self._values or ()) // _N_VALUES

    def __iter__(self) -> Iterator[tuple[int, int, str, float]]:
        values, labels = iter(self._values or ()), [*(self._labels or ())]
        for start, end, number, score in zip(values, values, values, values, strict=True):
            yield int(start), int(end), labels[int(number)], score
