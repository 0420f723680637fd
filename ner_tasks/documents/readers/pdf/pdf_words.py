"""Words of a page with their positions in the text and on the page."""

import re
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from ner_tasks.documents.source_map import Box

LINE_END_HYPHEN = "\ufffe"  # PDFium's replacement for a line-end hyphen and the line break
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint32]
_LETTER, _SIGN = 1, 2
_N_TABLED = 0x20000
# Each Chinese, Japanese or Korean character is a word: tokens may begin and end between any two of them.
_SINGLE = re.compile("[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff]")
# Signs that neither begin nor end a name; they get no box.
_NO_BOX = frozenset(',;"')


def _empty_offsets() -> Integers:
    return np.zeros(0, np.int64)


def _empty_boxes() -> Floats:
    return np.zeros((0, 4), np.float32)


@dataclass
class PdfWords:
    """Runs of letters and digits, and single signs, in the order of the text; tokens begin and end at their edges.

    Attributes:
        starts, ends: characters `[start, end)` of each word in the text [n_words].
        boxes: left, top, right, bottom of each word in points of the displayed page [n_words, 4].
    """

    starts: Integers = field(default_factory=_empty_offsets)
    ends: Integers = field(default_factory=_empty_offsets)
    boxes: Floats = field(default_factory=_empty_boxes)

    def __len__(self) -> int:
        return len(self.starts)

    def box(self, number: int) -> Box:
        """Return left, top, right, bottom of one word."""
        left, top, right, bottom = self.boxes[number].tolist()
        return left, top, right, bottom

    def between(self, start: int, end: int) -> range:
        """Return the indices of the words that begin within `[start, end)` of the text."""
        first, last = np.searchsorted(self.starts, (start, end)).tolist()
        return range(first, last)

    def within(self, box: Box) -> Integers:
        """Return the indices of the words whose centre is in a box."""
        x, y = self.boxes[:, 0] + self.boxes[:, 2], self.boxes[:, 1] + self.boxes[:, 3]
        is_in = (x >= 2 * box[0]) & (x <= 2 * box[2]) & (y >= 2 * box[1]) & (y <= 2 * box[3])
        return np.flatnonzero(is_in)

    def remap(self, places: Integers) -> "PdfWords":
        """Return the words after characters of the text were replaced.

        Args:
            places: new offset of each character and of the end of the text [n_characters + 1].
        """
        return PdfWords(places[self.starts], places[self.ends], self.boxes)

    def shift(self, changes: Integers, n_before: int) -> "PdfWords":
        """Return the words after text between them was replaced; words inside replaced text are dropped.

        Args:
            changes: replaced characters `[start, end)` and length of the replacement, ascending [n_changes, 3].
            n_before: number of characters removed from the beginning afterwards.
        """
        starts, ends, lengths = changes.T
        shifts = np.concatenate(([-n_before], np.cumsum(lengths - ends + starts) - n_before))
        n_passed = np.searchsorted(starts, self.starts, "right")  # changes that begin before, or with, each word
        is_kept = self.starts >= np.concatenate(([0], ends))[n_passed]
        moves = shifts[n_passed]
        if is_kept.all():
            return PdfWords(self.starts + moves, self.ends + moves, self.boxes)
        return PdfWords((self.starts + moves)[is_kept], (self.ends + moves)[is_kept], self.boxes[is_kept])

    def are_apart(self, start: int, end: int, max_leading: float) -> bool:
        """Whether the words before `start` and from `end` on are farther apart than two lines of a paragraph.

        A following word that is higher up is in the next column, and not apart.
        """
        before, at = (np.searchsorted(self.starts, (start, end)) - (1, 0)).tolist()
        if before < 0 or at >= len(self):
            return False
        above, below = self.box(before), self.box(at)
        return below[1] - above[1] > max_leading * max(above[3] - above[1], 1.0)


def to_codes(text: str) -> Codes:
    """Return the code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def find_spans(codes: Codes) -> tuple[Integers, Integers]:
    """Return starts and ends of the words of a text."""
    kinds = _load_kinds()[np.minimum(codes, _N_TABLED)]
    is_letter = kinds == _LETTER
    is_edge = np.empty(len(codes) + 1, bool)  # between a letter and another character
    is_edge[0], is_edge[-1] = is_letter[0], is_letter[-1]
    np.not_equal(is_letter[1:], is_letter[:-1], out=is_edge[1:-1])
    is_sign = kinds == _SIGN
    begins = (is_edge[:-1] & is_letter) | is_sign
    stops = (is_edge[1:] & is_letter) | is_sign
    return np.flatnonzero(begins), np.flatnonzero(stops) + 1


@cache
def _load_kinds() -> npt.NDArray[np.uint8]:
    """Return the kind of each character up to U+1FFFF; the last entry applies to all beyond."""
    kinds = [_SIGN] * (_N_TABLED + 1)
    for code in range(_N_TABLED):
        char = chr(code)
        if char.isspace() or char in _NO_BOX:
            kinds[code] = 0
        elif (char.isalnum() or char == "_") and not _SINGLE.match(char):
            kinds[code] = _LETTER
    return np.array(kinds, np.uint8)
