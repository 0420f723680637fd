"""Read the text layer of a PDF page: characters in reading order, cleaned, each word with its box.

PDFium returns characters in drawing order, joined to lines. Its text differs from the displayed text by line-end
hyphens (U+FFFE), ligatures, control codes for glyphs without a Unicode value, and columns drawn row by row.
"""

import ctypes
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
from pypdfium2 import raw

from ner_tasks.documents.ocr.ocr import LIGATURES
from ner_tasks.documents.readers.pdf import pdf_accents, pdf_columns, pdf_garbled, pdf_spacing, pdfium
from ner_tasks.documents.readers.pdf.pdf_geometry import Frame
from ner_tasks.documents.readers.pdf.pdf_words import LINE_END_HYPHEN, Codes, PdfWords, find_spans, to_codes
from ner_tasks.documents.source_map import Box, SourceMap
from ner_tasks.surrogates import replace_surrogates

REPLACEMENT = "\ufffd"
_HYPHEN_CODE = 2  # a line-end hyphen in PDFium's list of characters
_SPECIAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\ufffe\uffff]")
_CARRIAGE_RETURN = 13
_LONE_RETURN = re.compile("\r(?!\n)")
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_MAX_LOOKED_THROUGH = 100_000
_LAST_WORD, _FIRST_WORD = re.compile(r"[^\W\d_]+$"), re.compile(r"[^\W\d_]+")
_MAX_WORD = 60
# Maximum line distance within a paragraph, as a multiple of the letter height.
_MAX_LEADING = 2.5


@dataclass
class PageText:
    """Text of a page.

    Attributes:
        text: cleaned text, stripped.
        words: its words, with their positions in the text and on the displayed page.
        n_unmapped: number of glyphs within words without a Unicode value; each is U+FFFD in the text.
        is_garbled: whether the text layer is nonsense; the text is then empty.
    """

    text: str = ""
    words: PdfWords = field(default_factory=PdfWords)
    n_unmapped: int = 0
    is_garbled: bool = False

    def add_boxes(self, sources: SourceMap, offset: int) -> None:
        """Add the boxes of the words to a source map; the text begins at `offset` of the document."""
        words = self.words
        starts, ends = (
            array("I", (places + offset).astype(np.uint32).tobytes()) for places in (words.starts, words.ends)
        )
        sources.add_boxes(starts, ends, array("f", words.boxes.tobytes()))


def read_page(text_page: Any, frame: Frame, begin: int = 0) -> PageText:
    """Read the text of a page.

    Args:
        text_page: PDFium's handle of the page's text.
        frame: geometry of the displayed page.
        begin: index of the first character to read.
    """
    at = pdfium.get_address(text_page)
    text, index = _read_characters(text_page, at, begin)
    if not text.strip():
        return PageText()
    codes = to_codes(text)
    if pdf_garbled.is_garbled(text, codes, at, len(text)):
        return PageText(is_garbled=True)
    text = pdf_accents.compose_accents(text, lambda place: _read_boxes(text_page, index, begin, place))
    words = _find_words(codes, index, text_page, frame, begin)
    generated: Callable[[int], bool] = lambda place: bool(  # noqa: E731
        pdfium.char_is_generated(at, (index[place] if index else place) + begin)
    )
    text, words = pdf_spacing.join_spaced_letters(text, words, generated)
    text, words = pdf_columns.reorder(text, words)
    return _clean(text, words)


def _read_characters(text_page: Any, at: int, begin: int) -> tuple[str, list[int]]:
    """Return PDFium's text, and the index of each character in PDFium's list; an empty list if they coincide."""
    n_chars = max(int(raw.FPDFText_CountChars(text_page)) - begin, 0)
    if not n_chars:
        return "", []
    buffer = (ctypes.c_ushort * (n_chars + 2))()
    n_units = max(int(raw.FPDFText_GetText(text_page, begin, n_chars, buffer)) - 1, 0)
    data = bytes(memoryview(buffer).cast("B")[: 2 * n_units])
    if n_units != n_chars:  # PDFium omits glyphs without a Unicode value
        codes = (min(pdfium.char_code(at, begin + number), 0xFFFF) for number in range(n_chars))
        data = b"".join(
            (0xFFFE if code == _HYPHEN_CODE and pdfium.char_is_hyphen(at, begin + number) == 1 else code).to_bytes(
                2, "little"
            )
            for number, code in enumerate(codes)
        )
    try:
        text = data.decode("utf-16-le")
    except UnicodeDecodeError:
        text = replace_surrogates(data.decode("utf-16-le", "surrogatepass"))
    text = _LONE_RETURN.sub("\n", text)
    if len(text) == n_chars:
        return text, []
    index, place = [], 0
    for char in text:
        index.append(place)
        place += 2 if char > "\uffff" else 1
    return text, index


def _find_words(codes: Codes, index: list[int], text_page: Any, frame: Frame, begin: int) -> PdfWords:
    """Return the words of PDFium's text, each with the box around its first and last character."""
    starts, ends = find_spans(codes)
    heads, tails = starts, ends - 1
    if index:
        indices = np.array(index, np.int64)
        heads, tails = indices[heads], indices[tails]
    boxes = pdfium.character_boxes.read_boxes(text_page, (heads + begin).tolist(), (tails + begin).tolist())
    first, last = boxes[:, 0], boxes[:, 1]  # left, top, right, bottom of each
    low, high = np.minimum(first, last), np.maximum(first, last)
    around = np.stack((low[:, 0], low[:, 3], high[:, 2], high[:, 1]), axis=1)
    return PdfWords(starts, ends, frame.to_shown_all(around))


def _read_boxes(text_page: Any, index: list[int], begin: int, place: int) -> tuple[Box, Box]:
    """Return the boxes of the character at an offset and of the next one."""
    first, second = (index[at] if index else at for at in (place, place + 1))
    ((one, other),) = pdfium.character_boxes.read_boxes(text_page, [first + begin], [second + begin]).tolist()
    return (one[0], one[1], one[2], one[3]), (other[0], other[1], other[2], other[3])


def _expand_ligatures(text: str, words: PdfWords) -> tuple[str, PdfWords]:
    """Expand ligatures: those in Unicode, and those of TeX's fonts without a Unicode value."""
    is_plain = text.isascii() or not _LIGATURE.search(text)
    if is_plain and not pdf_accents.has_ligatures(text):
        return text, words
    pieces = [LIGATURES.get(ord(char), char) for char in text]
    for place in pdf_accents.find_ligatures(text):
        pieces[place] = pdf_accents.LIGATURES[text[place]]
    places = np.array([0, *accumulate(map(len, pieces))], np.int64)
    return "".join(pieces), words.remap(places)


def _clean(text: str, words: PdfWords) -> PageText:
    """Remove control characters and line-end hyphens from the text, and adjust the offsets of the words."""
    text, words = _expand_ligatures(text, words)
    breaks = np.flatnonzero(to_codes(text) == _CARRIAGE_RETURN)  # PDFium ends lines with "\r\n"
    changes = [np.stack((breaks, breaks + 2, np.ones_like(breaks)), axis=1)]
    pieces: list[str] = []
    position = n_unmapped = 0
    for match in _SPECIAL.finditer(text):
        start, end = match.span()
        sign = match[0]
        if sign == LINE_END_HYPHEN:
            new = _replace_line_end(text, start, end, words)
        elif sign == "\u00ad":
            new = "-"  # within a line, a soft hyphen is drawn as a hyphen
        elif sign != pdf_accents.GONE and text[start - 1 : start].isalpha() and text[end : end + 1].isalpha():
            new, n_unmapped = REPLACEMENT, n_unmapped + 1
        else:
            new = ""
        pieces += (text[position:start], new)
        changes.append(np.array([[start, end, len(new)]]))
        position = end
    cleaned = ("".join(pieces) + text[position:]).replace("\r\n", "\n")
    n_before = len(cleaned) - len(cleaned.lstrip())
    all_changes = np.concatenate(changes)
    if position:
        all_changes = all_changes[np.argsort(all_changes[:, 0], kind="stable")]
    return PageText(cleaned.strip(), words.shift(all_changes, n_before), n_unmapped)


def _replace_line_end(text: str, start: int, end: int, words: PdfWords) -> str:
    """Return the replacement for a line-end hyphen and the line break after it.

    The halves of a word are joined. The hyphen is dropped before a lower-case letter, unless the page has the same word
    with a hyphen elsewhere; before a capital or a digit it belongs to a compound and is kept.
    """
    before = _LAST_WORD.search(text, max(start - _MAX_WORD, 0), start)
    after = _FIRST_WORD.match(text, end)
    if words.are_apart(start, end, _MAX_LEADING):
        return "-\n"
    if not before or not after or not after[0][0].islower():
        return "-"
    return "-" if len(text) <= _MAX_LOOKED_THROUGH and f"{before[0]}-{after[0]}" in text else ""
