"""Recognises the text of pictures: scans, faxes, pages of a PDF without a text layer.

By Tesseract, where that is switched on; a switch, so that no answer depends on what is installed.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from ner_tasks.documents import ocr_images, tesseract
from ner_tasks.documents.source_map import Box
from ner_tasks.documents.tesseract import FoundWord
from ner_tasks.documents.types import CannotRead, ExtractBuilder, Limits

if TYPE_CHECKING:
    from PIL import Image

ENCODING = "ocr"
# Of the time that a file may take without a document; the rest is for whatever else the file holds.
_SHARE_OF_SECONDS = 0.8
_MAX_PAGE_SECONDS = 120.0
_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
_NO_TEXT = re.compile(r"[\x00-\x20\x7f-\x9f\ud800-\udfff]+")
_HYPHENS = "-\u2010"


@dataclass(frozen=True)
class Word:
    """A word on a page.

    Attributes:
        start, end: its characters `[start, end)` in the page's text.
        box: left, top, right, bottom in points, origin at the top left of the page.
        confidence: how sure Tesseract is of it, percent.
    """

    start: int
    end: int
    box: Box
    confidence: int


@dataclass(frozen=True)
class Recognized:
    """What was recognised on a page.

    Attributes:
        text: a line for each of the page, a blank line between paragraphs.
        words: in the order of the text.
        mean_confidence: of the words, percent; 0 without one.
        is_blank: whether nothing is drawn on the page.
    """

    text: str
    words: list[Word] = field(default_factory=list)
    mean_confidence: float = 0.0
    is_blank: bool = False


def missing(languages: str) -> str:
    """What OCR in these languages needs and is not there, as words for a message; "" if all is.

    Args:
        languages: Tesseract's names, joined by `+`.
    """
    return tesseract.missing(languages)


def needs_ocr(found: str) -> CannotRead:
    """What is said of a picture where it is not to be read."""
    return CannotRead("needs-ocr", f"found {found}, expected text; OCR is switched off, see docs/formats.md")


def recognize(image: "Image.Image", dpi: float, limits: Limits) -> Recognized:
    """Recognise the text of one page.

    Args:
        image: the page as it is shown, of any mode.
        dpi: its pixels per inch.
        limits: `ocr_languages` and `seconds` count.

    Raises:
        CannotRead: `too-slow`; `bomb` for too many pixels; `broken` if Tesseract gives up.
    """
    page = ocr_images.prepare(image, dpi)
    if page is None:
        return Recognized("", is_blank=True)
    deadline = time.monotonic() + min(_MAX_PAGE_SECONDS, _SHARE_OF_SECONDS * limits.seconds)
    words = _words_of(page, limits.ocr_languages, deadline)
    return _laid_out([(word, page.box_of(word.box)) for word in words])


def add_page(builder: ExtractBuilder, found: Recognized, number: int, limits: Limits, kind: str = "page") -> None:
    """Add a recognised page as a block, with its boxes, and account for it.

    The text of a page that lies below `limits.min_ocr_confidence` is kept, and the page named as unread.
    """
    start = builder.block(found.text, number)
    for word in found.words:
        builder.sources.add_box(start + word.start, start + word.end, word.box, word.confidence)
    if found.is_blank:
        builder.inventory.ignored(kind, "blank-page")
    elif not found.words:
        builder.inventory.unread(kind, f"page {number}", "a picture in which OCR recognised no word")
    elif found.mean_confidence < limits.min_ocr_confidence:
        sure = f"recognised with a confidence of {found.mean_confidence:.0f} %, below {limits.min_ocr_confidence:g} %"
        builder.inventory.unread(kind, f"page {number}", sure)
    else:
        builder.inventory.read(kind)


def _words_of(page: ocr_images.Page, languages: str, deadline: float) -> list[FoundWord]:
    return _cleaned(tesseract.words_of(page.image, page.dpi, languages, deadline - time.monotonic()))


def _cleaned(words: list[FoundWord]) -> list[FoundWord]:
    """Words without what is no text; where there is nothing else, Tesseract gives a space as a word."""
    texts = (_NO_TEXT.sub("", word.text.translate(_LIGATURES)) for word in words)
    return [replace(word, text=text) for word, text in zip(words, texts, strict=True) if text]


def _mean_confidence(words: list[FoundWord]) -> float:
    return sum(word.confidence for word in words) / len(words) if words else 0.0


def _laid_out(found: list[tuple[FoundWord, Box]]) -> Recognized:
    """Words as text: by line, paragraphs apart, words that were hyphenated at a line's end whole."""
    pieces: list[str] = []
    words: list[Word] = []
    length = 0
    separators = [*_separators([word for word, _ in found]), ""]
    for (word, box), separator in zip(found, separators, strict=True) if found else ():
        text = word.text[:-1] if separator == "" and word is not found[-1][0] else word.text
        words.append(Word(length, length + len(text), box, word.confidence))
        pieces += [text, separator]
        length += len(text) + len(separator)
    return Recognized("".join(pieces), words, _mean_confidence([word for word, _ in found]))


def _separators(words: list[FoundWord]) -> Iterator[str]:
    """What stands between each word and the next; nothing, where a hyphen at a line's end cuts a word in two."""
    for word, following in pairwise(words):
        if word.line == following.line:
            yield " "
        elif word.line[:2] != following.line[:2]:
            yield "\n\n"
        else:
            yield "" if _is_cut(word.text, following.text) else "\n"


def _is_cut(text: str, following: str) -> bool:
    return len(text) > 1 and text[-1] in _HYPHENS and text[-2].isalpha() and following[0].islower()
