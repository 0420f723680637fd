"""Join letter-spaced words, such as `H e n r y  Q u i n n`.

PDFium inserts a space at each gap that is wide for the font. Where all gaps of a line are about equally wide, or all
letters have the same pitch, only wider gaps are spaces.
"""

import re
from collections.abc import Callable
from statistics import median

import numpy as np

from ner_tasks.documents.readers.pdf.pdf_words import PdfWords

# A line may be letter-spaced if it has at least four tokens, most of them of one or two letters.
_SHORT = re.compile(r"(?<!\S)[^\W\d_]{1,2}(?!\S)")
_SHORT_LENGTH = 2
_MIN_TOKENS = 4
_MIN_SHORT_SHARE = 0.6
_MAX_MEAN_LENGTH = 3.0
# Maximum gap between letter-spaced letters, as a share of their height.
_MAX_GAP = 0.8
_WIDER = 0.2
_MAX_CHARACTERS = 400


def join_spaced_letters(text: str, words: PdfWords, is_generated: Callable[[int], bool]) -> tuple[str, PdfWords]:
    """Remove the spaces between letter-spaced letters.

    Args:
        text: text of a page.
        words: words of the text.
        is_generated: whether PDFium inserted the character at an offset, so that there is no space in the file.
    """
    is_short = words.ends - words.starts <= _SHORT_LENGTH
    # Three short words in a row, each one character apart.
    in_row = is_short[:-1] & is_short[1:] & (words.starts[1:] - words.ends[:-1] == 1)
    gone: set[int] = set()
    behind = -1
    for place in words.starts[:-2][in_row[:-1] & in_row[1:]].tolist():
        if place < behind:
            continue
        start, behind = _line_around(text, place)
        line = text[start:behind]
        tokens = line.split()
        if len(tokens) >= _MIN_TOKENS and len(line) <= _MAX_CHARACTERS and _may_be_spaced(line, tokens):
            gone.update(_false_spaces(text, start, behind, words, is_generated))
    if not gone:
        return text, words
    kept = "".join(char for place, char in enumerate(text) if place not in gone)
    places = np.arange(len(text) + 1) - np.searchsorted(np.array(sorted(gone)), np.arange(len(text) + 1))
    return kept, words.remap(places)


def _line_around(text: str, place: int) -> tuple[int, int]:
    end = text.find("\r", place)
    return text.rfind("\n", 0, place) + 1, end if end >= 0 else len(text)


def _may_be_spaced(line: str, tokens: list[str]) -> bool:
    mean = sum(map(len, tokens)) / len(tokens)
    return mean <= _MAX_MEAN_LENGTH and len(_SHORT.findall(line)) >= _MIN_SHORT_SHARE * len(tokens)


def _false_spaces(text: str, start: int, end: int, words: PdfWords, is_generated: Callable[[int], bool]) -> list[int]:
    """Return the offsets of the spaces of a line at gaps no wider than those between its letters."""
    here = words.between(start, end)
    starts, ends = (places[here.start : here.stop].tolist() for places in (words.starts, words.ends))
    spaces = []
    for one, stop, begin in zip(here, ends, starts[1:], strict=False):
        if begin == stop + 1 and text[stop] == " " and is_generated(stop):
            _, top, right, bottom = words.box(one)
            spaces.append((stop, words.box(one + 1)[0] - right, bottom - top))
    if len(spaces) < _MIN_TOKENS - 1:
        return []
    usual = median(gap for _, gap, _ in spaces)
    height = median(height for _, _, height in spaces)
    if not 0 < usual <= _MAX_GAP * height:
        return []
    narrow = [place for place, gap, _ in spaces if gap <= usual + _WIDER * height]
    return narrow if len(narrow) >= _MIN_SHORT_SHARE * len(spaces) else []
