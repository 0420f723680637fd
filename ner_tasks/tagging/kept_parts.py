"""Which parts of a published day the next night keeps: those whose files have not changed since they were tagged.

A day that is published many times would otherwise be read as a whole each time. A part is kept while the inbox has the same
files, by names and ETags, from the first to the last one of the part. All other files are divided into shards, around the
parts that are kept, so that the parts of a day stay in the order of the inbox.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from ner_tasks.documents.detection.sizes import find_size_rule
from ner_tasks.records import PartRecord, TimeOfFormat
from ner_tasks.store import StoredFile
from ner_tasks.tagging.time_estimates import estimate_s

_N_AT_ONCE = 8  # shards that a night may have beside kept parts, so that several workers have work


class Segment(NamedTuple):
    """Consecutive files of a listing.

    Attributes:
        sizes: how many files and bytes they are, by format, see `planning.InboxSummary`.
        part: the part that holds their answers; None if they are to be tagged.
    """

    sizes: Mapping[str, tuple[int, int]]
    part: PartRecord | None

    @property
    def n_files(self) -> int:
        """Number of files."""
        return sum(n_files for n_files, _ in self.sizes.values())


@dataclass
class _Run:
    """Files that follow each other and lie in the range of one part, or between two."""

    part: PartRecord | None
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    state: Any = field(default_factory=hashlib.sha256)


class PartRanges:
    """Compares the files of an inbox with those that the parts of its published day were made of.

    Args:
        parts: the parts, in the order of the inbox; those that do not say what they were made of are not kept.
    """

    def __init__(self, parts: Iterable[PartRecord]) -> None:
        self._ranges = list[tuple[str, str, PartRecord]]()
        for part in parts:
            first, last = part.get("first_file"), part.get("last_file")
            if first is not None and last is not None and "inbox_sha256" in part:
                self._ranges.append((first, last, part))
        self._runs = list[_Run]()
        self._next, self._last, self._in_order = 0, "", True

    def add(self, file: StoredFile, encoded: bytes) -> None:
        """Add the next file of the inbox.

        Args:
            file: the file.
            encoded: its `arrivals.encode_state`.
        """
        self._in_order = self._in_order and file.name > self._last
        self._last = file.name
        part = self._find_part(file.name)
        if not self._runs or self._runs[-1].part is not part:
            self._runs.append(_Run(part))
        run = self._runs[-1]
        rule = find_size_rule(file.name)
        n_files, n_bytes = run.sizes.get(rule.format, (0, 0))
        run.sizes[rule.format] = n_files + 1, n_bytes + rule.count_bytes(file.n_bytes)
        if part is not None:
            run.state.update(encoded)

    def _find_part(self, name: str) -> PartRecord | None:
        while self._next < len(self._ranges) and name > self._ranges[self._next][1]:
            self._next += 1
        if self._next < len(self._ranges) and name >= self._ranges[self._next][0]:
            return self._ranges[self._next][2]
        return None

    def segments(self) -> list[Segment]:
        """Divide the files into those of unchanged parts and the others, in order."""
        return join_segments(Segment(run.sizes, run.part if self._is_unchanged(run) else None) for run in self._runs)

    def _is_unchanged(self, run: _Run) -> bool:
        return self._in_order and run.part is not None and run.state.hexdigest() == run.part.get("inbox_sha256")


def choose_segments(
    segments: Sequence[Segment], times: Mapping[str, TimeOfFormat], *, shard_s: float, max_parts: int
) -> list[Segment]:
    """Give up parts that are too small to keep, so that a day published many times has few parts.

    A part smaller than a shard is tagged again together with neighbouring files if it takes less than twice as long as they
    do. A file is thus tagged again a number of times that grows with the logarithm of the number of nights.

    Args:
        segments: result of `PartRanges.segments`.
        times: how long files take, by format, see `time_estimates`.
        shard_s: seconds that a shard is to take, above 0.
        max_parts: maximum number of parts of a day, from 1.

    Returns:
        The segments, at most `max_parts`; no two that follow each other are both to be tagged.
    """
    chosen = list(segments)
    while (index := _find_small(chosen, [estimate_s(one.sizes, times) for one in chosen], shard_s)) is not None:
        chosen = _give_up(chosen, index, index + 1)
    work_s = [estimate_s(segment.sizes, times) for segment in chosen if segment.part is None]
    n_new = sum(max(1, int(min(takes_s / shard_s, _N_AT_ONCE))) for takes_s in work_s)
    while len(chosen) > 1 and _count_parts(chosen, n_new=min(n_new, _N_AT_ONCE)) > max_parts:
        both_s = [estimate_s(one.sizes, times) + estimate_s(other.sizes, times) for one, other in pairwise(chosen)]
        smallest = both_s.index(min(both_s))
        chosen = _give_up(chosen, smallest, smallest + 2)
    return chosen


def share_shards(segments: Sequence[Segment], times: Mapping[str, TimeOfFormat], max_parts: int) -> list[int]:
    """Return into how many shards each segment may be divided; 0 for a kept part.

    Args:
        segments: result of `choose_segments`.
        times: how long files take, by format, see `time_estimates`.
        max_parts: maximum number of parts of a day.
    """
    takes_s = [estimate_s(segment.sizes, times) if segment.part is None else 0.0 for segment in segments]
    n_runs, total_s = sum(segment.part is None for segment in segments), sum(takes_s)
    n_free = max_parts - len(segments) + n_runs
    # an eighth is left to later nights, which would have to tag large parts again to make room for their own
    n_spare = max(n_free - max_parts // 8, min(n_free, _N_AT_ONCE), n_runs) - n_runs
    return [
        0 if segment.part is not None else 1 + int(n_spare * (own_s / total_s if total_s else 0))
        for segment, own_s in zip(segments, takes_s, strict=True)
    ]


def _find_small(segments: Sequence[Segment], takes_s: Sequence[float], shard_s: float) -> int | None:
    """Find a part that is to be tagged again together with a neighbour."""
    for index, segment in enumerate(segments):
        beside = [at for at in (index - 1, index + 1) if 0 <= at < len(segments) and segments[at].part is None]
        if segment.part is not None and takes_s[index] < min(
            shard_s, max((2 * takes_s[at] for at in beside), default=0.0)
        ):
            return index
    return None


def _give_up(segments: Sequence[Segment], first: int, end: int) -> list[Segment]:
    return join_segments([s._replace(part=None) if first <= index < end else s for index, s in enumerate(segments)])


def join_segments(segments: Iterable[Segment]) -> list[Segment]:
    """Join segments that follow each other and are to be tagged."""
    joined = list[Segment]()
    for segment in segments:
        if joined and joined[-1].part is None and segment.part is None:
            before = joined.pop()
            sizes = {name: _add(before, segment, name) for name in (*before.sizes, *segment.sizes)}
            joined.append(Segment(sizes, None))
        else:
            joined.append(segment)
    return joined


def _add(one: Segment, other: Segment, name: str) -> tuple[int, int]:
    (n_files, n_bytes), (n_more, more_bytes) = one.sizes.get(name, (0, 0)), other.sizes.get(name, (0, 0))
    return n_files + n_more, n_bytes + more_bytes


def _count_parts(segments: Sequence[Segment], n_new: int) -> int:
    """Return how many parts a day would have, of them at least `n_new` new ones."""
    n_kept = sum(segment.part is not None for segment in segments)
    return n_kept + max(n_new, len(segments) - n_kept)
