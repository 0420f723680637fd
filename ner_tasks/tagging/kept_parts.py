"""Which parts of a published day the next night keeps: those whose files have not changed since they were tagged.

A day that is published many times would otherwise be read as a whole each time. A part is kept while the inbox has the same
files, by names and ETags, from the first to the last one of the part. All other files are divided into shards, around the
parts that are kept, so that the parts of a day stay in the order of the inbox.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from ner_tasks.records import PartRecord
from ner_tasks.store import StoredFile

_N_AT_ONCE = 8  # shards that a night may have beside kept parts, so that several workers have work


class Segment(NamedTuple):
    """Consecutive files of a listing.

    Attributes:
        n_files: number of files.
        n_bytes: their total size.
        part: the part that holds their answers; None if they are to be tagged.
    """

    n_files: int
    n_bytes: int
    part: PartRecord | None


@dataclass
class _Run:
    """Files that follow each other and lie in the range of one part, or between two."""

    part: PartRecord | None
    n_files: int = 0
    n_bytes: int = 0
    state: Any = field(default_factory=hashlib.sha256)


class PartRanges:
    """Compares the files of an inbox with those that the parts of its published day were made of.

    Args:
        parts: the parts, in the order of the inbox; those that do not say what they were made of are not kept.
    """

    def __init__(self, parts: Iterable[PartRecord] = ()) -> None:
        self._ranges = list[tuple[str, str, PartRecord]]()
        for part in parts:
            first, last = part.get("first_file"), part.get("last_file")
            if first is not None and last is not None and "inbox_sha256" in part:
                self._ranges.append((first, last, part))
        self._runs = [_Run(None)]
        self._next, self._last, self._in_order = 0, "", True

    def add(self, file: StoredFile, encoded: bytes) -> None:
        """Add the next file of the inbox.

        Args:
            file: the file.
            encoded: its `arrivals.encode_state`.
        """
        self._in_order = self._in_order and file.name > self._last
        self._last = file.name
        part = self._find_part(file.name) if self._ranges else None
        if self._runs[-1].part is not part:
            self._runs.append(_Run(part))
        run = self._runs[-1]
        run.n_files += 1
        run.n_bytes += file.n_bytes
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
        return _join(
            Segment(run.n_files, run.n_bytes, run.part if self._is_unchanged(run) else None)
            for run in self._runs
            if run.n_files
        )

    def _is_unchanged(self, run: _Run) -> bool:
        return self._in_order and run.part is not None and run.state.hexdigest() == run.part.get("inbox_sha256")


def choose_segments(segments: Sequence[Segment], *, shard_bytes: int, max_parts: int) -> list[Segment]:
    """Give up parts that are too small to keep, so that a day published many times has few parts.

    A part smaller than a shard is tagged again together with neighbouring files if it is less than twice as large as they
    are. A file is thus tagged again a number of times that grows with the logarithm of the number of nights.

    Args:
        segments: result of `PartRanges.segments`.
        shard_bytes: size of a shard in bytes, from 1.
        max_parts: maximum number of parts of a day, from 1.

    Returns:
        The segments, at most `max_parts`; no two that follow each other are both to be tagged.
    """
    chosen = list(segments)
    while (index := _find_small(chosen, shard_bytes)) is not None:
        chosen = _give_up(chosen, index, index + 1)
    n_wanted = sum(max(1, segment.n_bytes // shard_bytes) for segment in chosen if segment.part is None)
    while len(chosen) > 1 and _count_parts(chosen, n_new=min(n_wanted, _N_AT_ONCE)) > max_parts:
        sizes = [_size(one) + _size(other) for one, other in pairwise(chosen)]
        smallest = sizes.index(min(sizes))
        chosen = _give_up(chosen, smallest, smallest + 2)
    return chosen


def share_shards(segments: Sequence[Segment], max_parts: int) -> list[int]:
    """Return into how many shards each segment may be divided; 0 for a kept part.

    Args:
        segments: result of `choose_segments`.
        max_parts: maximum number of parts of a day.
    """
    to_tag = sum(_size(segment) for segment in segments if segment.part is None)
    n_runs = sum(segment.part is None for segment in segments)
    n_free = max_parts - len(segments) + n_runs
    # an eighth is left to later nights, which would have to tag large parts again to make room for their own
    n_spare = max(n_free - max_parts // 8, min(n_free, _N_AT_ONCE), n_runs) - n_runs
    return [0 if segment.part is not None else 1 + n_spare * _size(segment) // max(1, to_tag) for segment in segments]


def _find_small(segments: Sequence[Segment], shard_bytes: int) -> int | None:
    """Find a part that is to be tagged again together with a neighbour."""
    for index, segment in enumerate(segments):
        if segment.part is None:
            continue
        beside = [other for other in segments[max(0, index - 1) : index + 2] if other.part is None]
        if segment.n_bytes < shard_bytes and any(_size(segment) < 2 * _size(other) for other in beside):
            return index
    return None


def _give_up(segments: Sequence[Segment], first: int, end: int) -> list[Segment]:
    return _join([s._replace(part=None) if first <= index < end else s for index, s in enumerate(segments)])


def _join(segments: Iterable[Segment]) -> list[Segment]:
    """Join segments that follow each other and are to be tagged."""
    joined = list[Segment]()
    for segment in segments:
        if joined and joined[-1].part is None and segment.part is None:
            before = joined.pop()
            segment = Segment(before.n_files + segment.n_files, before.n_bytes + segment.n_bytes, None)  # noqa: PLW2901
        joined.append(segment)
    return joined


def _count_parts(segments: Sequence[Segment], n_new: int) -> int:
    """Return how many parts a day would have, of them at least `n_new` new ones."""
    n_kept = sum(segment.part is not None for segment in segments)
    return n_kept + max(n_new, len(segments) - n_kept)


def _size(segment: Segment) -> int:
    """Size in bytes; one more for each file, since empty files are work as well."""
    return segment.n_bytes + segment.n_files
