"""Adds up how frequent the mentions of a day are in its parts, and finds the most frequent ones.

Each part ranks its own most frequent mentions, see `N_TOP`. A mention that no part ranks is in at most as many documents as
the last ranked mentions of all parts together. If those that are sought are in more, they are proved without reading on;
otherwise all mentions of the label are read, merged in order, so that memory does not grow with them.

Source: R. Fagin, A. Lotem, M. Naor, Optimal aggregation algorithms for middleware, Journal of Computer and System Sciences 66 (2003).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush, heappushpop, merge
from itertools import groupby
from operator import itemgetter

from ner_tasks.tagging.entity_index.reader import EntityIndex, TopMention
from ner_tasks.tagging.entity_index.writer import N_TOP

LONGEST_S = 2.0  # of reading all mentions
_MAX_COUNTED = 2000  # mentions that are counted in single parts before all are read
_N_UNTIMED = 10_000  # mentions that are read before the clock is looked at again


@dataclass(frozen=True)
class DayMentions:
    """The mentions in most documents of a day.

    Attributes:
        by_label: labels and their mentions.
        n_documents, n_without_text: number of tagged documents, and of those whose mentions are not known.
        unranked: labels with too many different mentions to rank while somebody waits.
    """

    by_label: Sequence[tuple[str, Sequence[TopMention]]]
    n_documents: int
    n_without_text: int
    unranked: Sequence[str] = ()


def rank_mentions(
    indexes: Sequence[EntityIndex], *, most: int, clock: Callable[[], float] = time.monotonic
) -> DayMentions:
    """Rank the mentions of each label by the number of documents, exactly.

    Args:
        indexes: entity indexes of a day's parts, in order.
        most: maximum number of mentions of each label, at most `N_TOP`.
        clock: returns seconds.
    """
    ends, by_label, unranked = clock() + LONGEST_S, list[tuple[str, Sequence[TopMention]]](), list[str]()
    for label in sorted({label for index in indexes for label in index.labels()}):
        if len(indexes) == 1:
            ranked: list[TopMention] | None = indexes[0].top(label, most)
        else:
            ranked = _Candidates(indexes, label).prove(most)
            if ranked is None:
                ranked = _read_all(indexes, label, most, lambda: clock() > ends)
        if ranked is None:
            unranked.append(label)
        else:
            by_label.append((label, ranked))
    n_documents, n_without_text = sum(one.n_documents for one in indexes), sum(one.n_without_text for one in indexes)
    return DayMentions(by_label, n_documents, n_without_text, unranked)


class _Candidates:
    """The mentions of a label that some part ranks, with what is known of their counts.

    Args:
        indexes: entity indexes of the parts.
        label: the label.
    """

    def __init__(self, indexes: Sequence[EntityIndex], label: str) -> None:
        self._indexes, self._label = indexes, label
        self._known: dict[str, dict[int, TopMention]] = {}  # by mention and part
        self._last = [0] * len(indexes)  # most documents of a part with a mention that it does not rank
        for part, index in enumerate(indexes):
            ranked = index.top(label, N_TOP)
            for one in ranked:
                self._known.setdefault(one.folded, {})[part] = one
            if len(ranked) == N_TOP:
                self._last[part] = ranked[-1].n_documents

    def prove(self, most: int) -> list[TopMention] | None:
        """Return the most frequent mentions; None if others may be as frequent."""
        n_others = sum(self._last)
        # the most promising ones first
        bounds = sorted(((self._bound(folded, n_others), folded) for folded in self._known), reverse=True)
        best, counted = list[int](), list[TopMention]()
        for number, (bound, folded) in enumerate(bounds):
            if len(best) == most and bound < best[0]:
                break
            if (n_others and bound <= n_others) or number == _MAX_COUNTED:
                break
            counted.append(self._count(folded))
            n = counted[-1].n_documents
            heappush(best, n)
            if len(best) > most:
                heappop(best)
        if n_others and (len(best) < most or best[0] <= n_others):
            return None
        return sorted(counted, key=lambda one: (-one.n_documents, one.folded))[:most]

    def _bound(self, folded: str, n_others: int) -> int:
        """Return how many documents a mention is in at most."""
        known = self._known[folded]
        return n_others + sum(one.n_documents - self._last[part] for part, one in known.items())

    def _count(self, folded: str) -> TopMention:
        known = self._known[folded]
        for part, index in enumerate(self._indexes):
            # what a part does not rank, though it ranks all that it has, is not there
            if part not in known and self._last[part] and (one := index.count(self._label, folded)):
                known[part] = one
        counts = [known[part] for part in sorted(known)]
        return TopMention(
            counts[0].mention,
            self._label,
            sum(one.n_documents for one in counts),
            sum(one.n_entities for one in counts),
            folded,
        )


def _read_all(
    indexes: Sequence[EntityIndex], label: str, most: int, is_late: Callable[[], bool]
) -> list[TopMention] | None:
    """Add up all mentions of a label; None if that takes too long."""
    best = list[tuple[int, int, TopMention]]()  # the second: of equally frequent ones the last is dropped first
    merged = merge(*(_number(part, index.iter_counts(label)) for part, index in enumerate(indexes)))
    for number, (folded, rows) in enumerate(groupby(merged, key=itemgetter(0))):
        if number % _N_UNTIMED == 0 and is_late():
            return None
        _, _, n_documents, n_entities, written = next(rows)
        for _, _, more_documents, more_entities, _ in rows:
            n_documents, n_entities = n_documents + more_documents, n_entities + more_entities
        if len(best) < most:
            heappush(best, (n_documents, -number, TopMention(written, label, n_documents, n_entities, folded)))
        elif n_documents > best[0][0]:  # of equal ones the first
            one = TopMention(written, label, n_documents, n_entities, folded)
            heappushpop(best, (n_documents, -number, one))
    return sorted((one for _, _, one in best), key=lambda one: (-one.n_documents, one.folded))


def _number(part: int, rows: Iterator[tuple[str, int, int, str]]) -> Iterator[tuple[str, int, int, int, str]]:
    for folded, n_documents, n_entities, written in rows:
        yield folded, part, n_documents, n_entities, written
