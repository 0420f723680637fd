"""Reorder columns of running text that PDFium returns row by row.

PDFium joins everything on one line, so that columns are interleaved. A table looks the same, but must stay in rows:
columns count as running text only if their lines continue each other.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import numpy as np
import numpy.typing as npt

from ner_tasks.documents.readers.pdf.pdf_words import LINE_END_HYPHEN, Floats, Integers, PdfWords
from ner_tasks.documents.source_map import Box, around

_LINE = re.compile(r"[^\r\n]+")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
# Minimum gap between columns as a multiple of the letter height; the gap between words is about a third of it.
_MIN_GUTTER = 1.0
_MIN_ROWS = 3
_LEAST_WORDS = 2  # on each side of a gutter, for a candidate line
_NOWHERE = 2**31  # number of a line far below
_MIN_WORDS = 3  # median number of words in a line of a column
_MIN_GOING_ON = 0.4  # share of a column's lines that begin in lower case, as in the middle of a sentence
_MAX_ENDING = 0.4  # share of a column's lines that end like labels and cells
_MAX_COLUMNS = 4
_MAX_LEADING = 2.5
_ENDS = (":", "?", "$", "%")


@dataclass
class _Segment:
    """Part of a line without a wide gap."""

    start: int
    end: int
    box: Box


@dataclass
class _Rows:
    """Consecutive lines with the same gutters."""

    first: int
    gutters: list[tuple[float, float]]
    rows: list[list[_Segment]] = field(default_factory=list)


def reorder(text: str, words: PdfWords) -> tuple[str, PdfWords]:
    """Return text and words with columns one after another, if there are any."""
    lines = _PageLines(text, words)
    if not lines.candidates or _RIGHT_TO_LEFT.search(text):
        return text, words
    blocks = [rows for rows in _iter_blocks(lines) if _is_running_text(rows, text)]
    return _put_in_order(text, words, lines.spans, blocks) if blocks else (text, words)


class _PageLines:
    """Lines of a page, split at wide gaps.

    Attributes:
        spans: characters `[start, end)` of each line.
        candidates: indices of the lines with a wide gap that has words on both sides.
    """

    def __init__(self, text: str, words: PdfWords) -> None:
        self._words = words
        self.spans: list[tuple[int, int]] = []
        self.candidates: list[int] = []
        boxes = words.boxes
        # The first word of a line is to the left of the word before it, so its gap is negative.
        gaps = boxes[1:, 0] - boxes[:-1, 2]
        is_wide = gaps > _MIN_GUTTER * (boxes[1:, 3] - boxes[1:, 1])
        self._wide = (np.flatnonzero(is_wide) + 1).tolist()
        if len(self._wide) < _MIN_ROWS - 1:
            return
        spans = [match.span() for match in _LINE.finditer(text)]
        firsts = np.searchsorted(words.starts, [start for start, _ in spans])  # first word of each line
        goes_on = self._go_on(firsts, gaps)
        self.spans = [
            (start, end)
            for (start, _), (_, end) in zip(
                (span for span, is_on in zip(spans, goes_on, strict=True) if not is_on),
                (span for span, is_on in zip(spans, [*goes_on[1:], False], strict=True) if not is_on),
                strict=True,
            )
        ]
        firsts = firsts[~goes_on]
        at = np.searchsorted(firsts, self._wide, "right") - 1
        n_left = self._wide - firsts[at]
        n_right = np.append(firsts, len(words))[at + 1] - self._wide
        candidates = np.unique(at[(n_left >= _LEAST_WORDS) & (n_right >= _LEAST_WORDS)])
        is_near = np.diff(candidates, append=_NOWHERE) <= _MIN_ROWS  # followed by another candidate
        self.candidates = candidates[is_near].tolist()
        self._firsts = [*firsts.tolist(), len(words)]

    def _go_on(self, firsts: Integers, gaps: Floats) -> npt.NDArray[np.bool_]:
        """Whether each line continues to the right of the one before, slightly higher or lower, as in another column."""
        goes_on = np.zeros(len(firsts), bool)
        inner = np.flatnonzero((firsts > 0) & (firsts < len(self._words)))
        word = firsts[inner]
        tops, bottoms = self._words.boxes[:, 1], self._words.boxes[:, 3]
        heights = bottoms[word] - tops[word]
        overlaps = np.minimum(bottoms[word], bottoms[word - 1]) - np.maximum(tops[word], tops[word - 1])
        goes_on[inner] = (gaps[word - 1] > _MIN_GUTTER * heights) & (overlaps > heights / 2)
        return goes_on

    def segments(self, number: int) -> list[_Segment]:
        """Return the parts of a line between wide gaps."""
        first, last = self._firsts[number], self._firsts[number + 1]
        if first == last:
            return []
        words = self._words
        cuts = self._wide[bisect_left(self._wide, first + 1) : bisect_left(self._wide, last)]
        return [
            _Segment(int(words.starts[one]), int(words.ends[end - 1]), around(words.box(one), words.box(end - 1)))
            for one, end in pairwise([first, *cuts, last])
        ]


def _iter_blocks(lines: _PageLines) -> Iterator[_Rows]:
    """Yield runs of lines with the same gutters."""
    behind = 0
    for number in lines.candidates:
        if number < behind:
            continue
        line = lines.segments(number)
        gaps = [(left.box[2], right.box[0]) for left, right in pairwise(line)]
        if not 1 < len(line) <= _MAX_COLUMNS or not all(left < right for left, right in gaps):
            continue
        rows = _Rows(number, gaps, [line])
        behind = number + 1
        while behind < len(lines.spans):
            line = lines.segments(behind)
            if not line or not _goes_on(rows, line):
                break
            behind += 1
        if len(rows.rows) >= _MIN_ROWS:
            yield rows


def _goes_on(rows: _Rows, line: list[_Segment]) -> bool:
    """Add a line to the rows above it if it has the same gutters; return whether it has."""
    above, below = rows.rows[-1][0].box, line[0].box
    height = max(above[3] - above[1], 1.0)
    if not 0 < below[3] - above[3] <= _MAX_LEADING * height:
        return False
    gutters = []
    for before, after in rows.gutters:
        middle = (before + after) / 2
        left = max([before, *(segment.box[2] for segment in line if segment.box[0] < middle)])
        right = min([after, *(segment.box[0] for segment in line if segment.box[0] >= middle)])
        if right - left < _MIN_GUTTER * height / 2:
            return False
        gutters.append((left, right))
    rows.gutters = gutters
    rows.rows.append(line)
    return True


def _columns(rows: _Rows) -> list[list[_Segment]]:
    middles = [(left + right) / 2 for left, right in rows.gutters]
    columns: list[list[_Segment]] = [[] for _ in range(len(middles) + 1)]
    for row in rows.rows:
        for segment in row:
            columns[bisect_left(middles, segment.box[0])].append(segment)
    return columns


def _is_running_text(rows: _Rows, text: str) -> bool:
    return all(_runs_on(column, text) for column in _columns(rows))


def _runs_on(column: list[_Segment], text: str) -> bool:
    """Whether the lines of a column are running text rather than cells of a table."""
    pieces = [text[segment.start : segment.end] for segment in column]
    if len(pieces) < _MIN_ROWS - 1 or median(len(piece.split()) for piece in pieces) < _MIN_WORDS:
        return False
    n_going_on = sum(piece[0].islower() for piece in pieces[1:])
    n_ending = sum(piece.endswith(_ENDS) for piece in pieces)
    n_letters = sum(map(str.isalpha, "".join(pieces)))
    is_of_words = 2 * n_letters > sum(len("".join(piece.split())) for piece in pieces)
    return is_of_words and n_going_on >= _MIN_GOING_ON * (len(pieces) - 1) and n_ending <= _MAX_ENDING * len(pieces)


def _put_in_order(
    text: str, words: PdfWords, lines: list[tuple[int, int]], blocks: list[_Rows]
) -> tuple[str, PdfWords]:
    pieces: list[str] = []
    taken: list[PdfWords] = []
    length = position = 0

    def take(start: int, end: int, separator: str = "") -> None:
        nonlocal length
        if separator and text[end - 1] in "-\u2010\u00ad" and text[end - 2 : end - 1].isalpha():
            end, separator = end - 1, LINE_END_HYPHEN
        here = words.between(start, end)
        some, shift = slice(here.start, here.stop), length - start
        taken.append(PdfWords(words.starts[some] + shift, words.ends[some] + shift, words.boxes[some]))
        pieces.extend((text[start:end], separator))
        length += end - start + len(separator)

    for rows in blocks:
        take(position, lines[rows.first][0])
        for column in _columns(rows):
            for segment in column:
                take(segment.start, segment.end, "\n")
        position = lines[rows.first + len(rows.rows) - 1][1]
    take(position, len(text))
    starts, ends = (np.concatenate([getattr(some, name) for some in taken]) for name in ("starts", "ends"))
    return "".join(pieces), PdfWords(starts, ends, np.concatenate([some.boxes for some in taken]))
