"""Words of a page: where they stand in its text, and on the page."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from ner_tasks.documents.source_map import Box

LINE_END_HYPHEN = "\ufffe"  # what PDFium makes of a hyphen at a line's end, and of the end
_EDGES = 4


def _floats() -> "array[float]":
    return array("f")


@dataclass
class Words:
    """Runs of characters without spaces between them, in the order of the text.

    Attributes:
        starts, ends: characters `[start, end)` of each in the text.
        lefts, tops, rights, bottoms: edges of each, in points of the page as it is shown.
    """

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    lefts: "array[float]" = field(default_factory=_floats)
    tops: "array[float]" = field(default_factory=_floats)
    rights: "array[float]" = field(default_factory=_floats)
    bottoms: "array[float]" = field(default_factory=_floats)

    def __len__(self) -> int:
        return len(self.starts)

    def box(self, number: int) -> Box:
        """Left, top, right, bottom of one word."""
        return self.lefts[number], self.tops[number], self.rights[number], self.bottoms[number]

    def between(self, start: int, end: int) -> range:
        """Numbers of the words that begin within `[start, end)` of the text."""
        first = bisect_left(self.starts, start)
        return range(first, bisect_left(self.starts, end, first))

    def chosen(self, numbers: Iterable[int], starts: list[int], ends: list[int]) -> "Words":
        """Some of the words, or all in another order, at new places of a text."""
        at = list(numbers)
        edges = (self.lefts, self.tops, self.rights, self.bottoms)
        return Words(starts, ends, *(array("f", [values[number] for number in at]) for values in edges))

    def moved(self, places: list[int], n_before: int, length: int) -> "Words":
        """The same words after characters of the text were replaced.

        Args:
            places: where each character of the text before is in the text after, and its end [n_characters + 1].
            n_before: characters that were taken off the beginning afterwards.
            length: of the text after.
        """
        starts = [places[start] - n_before for start in self.starts]
        ends = [places[end] - n_before for end in self.ends]
        kept = [n for n, (start, end) in enumerate(zip(starts, ends, strict=True)) if 0 <= start < end <= length]
        return self.chosen(kept, [starts[n] for n in kept], [ends[n] for n in kept])

    def shifted(self, changes: list[tuple[int, int, int]], n_before: int) -> "Words":
        """The same words after what stands between them was replaced; those that were replaced themselves are gone.

        Args:
            changes: first and last character, `[start, end)`, of each stretch, and the length of what replaced it.
            n_before: characters that were taken off the beginning afterwards.
        """
        starts: list[int] = []
        ends: list[int] = []
        gone: list[int] = []
        at, shift = 0, -n_before
        for start, end, length in [*changes, (self.ends[-1] if self.ends else 0, 0, 0)]:
            stop = bisect_left(self.starts, start, at)
            starts += [place + shift for place in self.starts[at:stop]]
            ends += [place + shift for place in self.ends[at:stop]]
            at = stop
            while at < len(self.starts) and self.starts[at] < end:
                gone.append(at)
                at += 1
            shift += length - (end - start)
        if not gone:
            return Words(starts, ends, self.lefts, self.tops, self.rights, self.bottoms)
        without = set(gone)
        return self.chosen((n for n in range(len(self)) if n not in without), starts, ends)

    def edges(self) -> "array[float]":
        """Left, top, right, bottom of each word, one word after the other [n_words * 4]."""
        found = array("f", bytes(_EDGES * len(self) * self.lefts.itemsize))
        for number, values in enumerate((self.lefts, self.tops, self.rights, self.bottoms)):
            found[number::_EDGES] = values
        return found

    def are_apart(self, start: int, end: int, max_leading: float) -> bool:
        """Whether what stands before `start` and from `end` on is farther apart than two lines of a paragraph.

        What goes on farther up goes on in the next column.
        """
        at = bisect_left(self.starts, end)
        before = bisect_left(self.starts, start) - 1
        if before < 0 or at >= len(self.starts):
            return False
        height = max(self.bottoms[before] - self.tops[before], 1.0)
        return self.tops[at] - self.tops[before] > max_leading * height
