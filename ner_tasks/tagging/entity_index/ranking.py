"""Keeps the highest-ranking mentions of each label, in bounded memory."""

from collections.abc import Iterator
from heapq import heappush, heappushpop


class Ranking:
    """The mentions in most documents, at most `most` for each label; of equal ones the first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._best: dict[str, list[tuple[int, int]]] = {}

    def add(self, label: str, n_documents: int, mention: int) -> None:
        """Add a mention by its number."""
        best = self._best.setdefault(label, [])
        if len(best) < self._most:
            heappush(best, (n_documents, -mention))
        elif (n_documents, -mention) > best[0]:
            heappushpop(best, (n_documents, -mention))

    def __iter__(self) -> Iterator[tuple[str, int, int]]:
        """Yield label, place from 0, and number of each mention, by label."""
        for label in sorted(self._best):
            for place, (_, mention) in enumerate(sorted(self._best[label], reverse=True)):
                yield label, place, -mention
