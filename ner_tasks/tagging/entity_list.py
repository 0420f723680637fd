"""Compact list of a document's entities: a document may have hundreds of thousands."""

from array import array
from collections.abc import Iterator

from ner_tasks.enrichment.document_enricher import NO_MEANING, EntityMeaning

_N_VALUES = 5  # start, end, number of the label, score, number of the meaning


class EntityList:
    """Entities in text order: `[start, end)` in characters, label, score (0 to 1), and meaning."""

    __slots__ = ("_labels", "_meanings", "_values")

    def __init__(self) -> None:
        # allocated on first use: most waiting documents are copies, without entities of their own
        self._values: array[float] | None = None
        self._labels: dict[str, int] | None = None
        self._meanings: dict[EntityMeaning, int] | None = None

    def append(self, start: int, end: int, label: str, score: float, meaning: EntityMeaning = NO_MEANING) -> None:
        """Add an entity."""
        if self._values is None or self._labels is None or self._meanings is None:
            self._values, self._labels, self._meanings = array("d"), {}, {}
        number = self._labels.setdefault(label, len(self._labels))
        combination = self._meanings.setdefault(meaning, len(self._meanings))
        self._values.extend((start, end, number, score, combination))

    def __len__(self) -> int:
        return len(self._values or ()) // _N_VALUES

    def __iter__(self) -> Iterator[tuple[int, int, str, float, EntityMeaning]]:
        values, labels, meanings = iter(self._values or ()), [*(self._labels or ())], [*(self._meanings or ())]
        for start, end, number, score, combination in zip(*[values] * _N_VALUES, strict=True):
            yield int(start), int(end), labels[int(number)], score, meanings[int(combination)]
