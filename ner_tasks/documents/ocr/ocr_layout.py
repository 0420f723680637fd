"""Lay out recognised words as text: lines as on the page, separated paragraphs, hyphenated words joined.

Tesseract's blocks and lines are kept, its paragraphs are not: it ends one at each line that is shorter than the line
before, which would split sentences. A paragraph ends where the distance to the next line is larger than usual.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

from ner_tasks.documents.ocr.tesseract import TesseractWord

# A paragraph ends at a line distance above this multiple of the usual one.
_APART = 1.4
# Usual line distance as a multiple of the line height, where it cannot be measured.
_USUAL_PITCH = 1.8
_FEW_DISTANCES = 3
_FEW_WORDS = 4
_HYPHENS = "-\u2010"
_SPACE, _LINE_END, _PARAGRAPH_END = " ", "\n", "\n\n"


@dataclass(frozen=True)
class _OcrLine:
    """Words of one line with its position, corrected for the skew of the page."""

    words: Sequence[TesseractWord]
    middle: float
    height: float
    left: float
    right: float

    @property
    def place(self) -> tuple[int, int, int]:
        return self.words[0].line


def lay_out(words: Sequence[TesseractWord]) -> tuple[str, list[tuple[int, int]]]:
    """Return the words as one text, and the characters `[start, end)` of each word."""
    lines = _group_lines(words)
    pitches = _measure_pitches(lines)
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    length = 0
    for line, following in zip(lines, [*lines, None][1:], strict=True):
        end = _choose_separator(line, following, pitches) if following else ""
        is_cut = end == _LINE_END and following is not None and _is_cut(line.words[-1].text, following.words[0].text)
        for index, word in enumerate(line.words):
            is_last = index == len(line.words) - 1
            text = word.text[:-1] if is_last and is_cut else word.text
            separator = _SPACE if not is_last else "" if is_cut else end
            spans.append((length, length + len(text)))
            pieces += [text, separator]
            length += len(text) + len(separator)
    return "".join(pieces), spans


def is_sideways(words: Sequence[TesseractWord]) -> bool:
    """Whether most words are in vertical lines."""
    n_sideways = 0
    for _, group in groupby(words, key=lambda word: word.line):
        line = list(group)
        across = max(word.box[2] for word in line) - min(word.box[0] for word in line)
        along = max(word.box[3] for word in line) - min(word.box[1] for word in line)
        n_sideways += len(line) if len(line) > 1 and along > across else 0
    return n_sideways > len(words) / 2


def _group_lines(words: Sequence[TesseractWord]) -> list[_OcrLine]:
    grouped = [list(group) for _, group in groupby(words, key=lambda word: word.line)]
    slopes = [slope for line in grouped if (slope := _measure_slope(line)) is not None]
    slope = median(slopes) if slopes else 0.0
    return [
        _OcrLine(
            line,
            median(_middle(word) - slope * word.box[0] for word in line),
            median(word.box[3] - word.box[1] for word in line),
            min(word.box[0] for word in line),
            max(word.box[2] for word in line),
        )
        for line in grouped
    ]


def _measure_slope(line: Sequence[TesseractWord]) -> float | None:
    first, last = line[0], line[-1]
    run = last.box[0] - first.box[0]
    return (_middle(last) - _middle(first)) / run if len(line) >= _FEW_WORDS and run > 0 else None


def _middle(word: TesseractWord) -> float:
    return (word.box[1] + word.box[3]) / 2


def _measure_pitches(lines: Sequence[_OcrLine]) -> dict[int, float]:
    """Return the usual line distance by block; the key 0 holds that of the page."""
    by_block: dict[int, list[float]] = {}
    for line, following in pairwise(lines):
        if line.place[:2] == following.place[:2] and following.middle > line.middle:
            by_block.setdefault(line.place[0], []).append(following.middle - line.middle)
    everywhere = [distance for distances in by_block.values() for distance in distances]
    usual = _USUAL_PITCH * median(line.height for line in lines) if lines else 0.0
    pitches = {block: median(gaps) for block, gaps in by_block.items() if len(gaps) >= _FEW_DISTANCES}
    return {0: median(everywhere) if everywhere else usual, **pitches}


def _choose_separator(line: _OcrLine, following: _OcrLine, pitches: dict[int, float]) -> str:
    """Return the separator between two lines."""
    pitch = pitches.get(line.place[0], pitches[0])
    distance = following.middle - line.middle
    if line.place[0] == following.place[0]:
        return _PARAGRAPH_END if distance > _APART * pitch else _LINE_END
    # The next block may be another column, or continue right below.
    is_below = distance > 0 and following.left < line.right and line.left < following.right
    return _LINE_END if is_below and distance <= _APART * pitch else _PARAGRAPH_END


def _is_cut(text: str, following: str) -> bool:
    """Whether a hyphen at the end of a line splits a word."""
    return len(text) > 1 and text[-1] in _HYPHENS and text[-2].isalpha() and following[0].islower()
