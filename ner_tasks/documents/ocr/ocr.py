"""Recognise the text of pictures with Tesseract: scans, faxes, PDF pages without a text layer.

OCR is enabled explicitly, so that the result never depends on what is installed.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ner_tasks.documents.ocr import ocr_images, ocr_layout, tesseract
from ner_tasks.documents.ocr.ocr_images import PageImage
from ner_tasks.documents.ocr.tesseract import TesseractWord
from ner_tasks.documents.source_map import Box
from ner_tasks.documents.types import CannotRead, ExtractBuilder, Limits

if TYPE_CHECKING:
    from PIL import Image

ENCODING = "ocr"
# Share of `Limits.seconds` that OCR of one page may take.
_SHARE_OF_SECONDS = 0.8
_MAX_PAGE_SECONDS = 120.0
LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
_NO_TEXT = re.compile(r"[\x00-\x20\x7f-\x9f\ud800-\udfff]+")
# Mean confidence, in percent, from which a page is not tried in other orientations.
_SURE = 80.0
# Confidence, in percent, from which a word is not noise.
_LIKELY = 50

# Called before each page; may raise `CannotRead` to leave the page unread.
before_page: list[Callable[[], None]] = []
# Called after each page, to report progress: a file of many pages takes longer than `Limits.seconds`.
after_page: list[Callable[[], None]] = []


@dataclass(frozen=True)
class OcrWord:
    """A recognised word on a page.

    Attributes:
        start, end: its characters `[start, end)` in the text of the page.
        box: left, top, right, bottom in points, origin at the top left of the page.
        confidence: Tesseract's confidence in percent.
    """

    start: int
    end: int
    box: Box
    confidence: int


@dataclass(frozen=True)
class Recognized:
    """OCR result of a page.

    Attributes:
        text: lines as on the page, with a blank line between paragraphs.
        words: words in the order of the text.
        mean_confidence: mean confidence of the words in percent; 0 without words.
        is_blank: whether the page is blank.
    """

    text: str
    words: list[OcrWord] = field(default_factory=list)
    mean_confidence: float = 0.0
    is_blank: bool = False


def find_missing(languages: str) -> str:
    """Return what OCR in these languages requires but is not installed, as a phrase; "" if nothing is missing.

    Args:
        languages: Tesseract's names, joined by `+`.
    """
    return tesseract.find_missing(languages)


def needs_ocr(what: str) -> CannotRead:
    """Return the error for a picture when OCR is off."""
    return CannotRead("needs-ocr", f"found {what}, expected text; OCR is switched off, see docs/formats.md")


def recognize(image: "Image.Image", dpi: float, limits: Limits) -> Recognized:
    """Recognise the text of one page.

    Args:
        image: the page as displayed, in any mode.
        dpi: resolution in pixels per inch.
        limits: `ocr_languages` and `seconds` apply.

    Raises:
        CannotRead: `too-slow`; `bomb` for too many pixels; `broken` if Tesseract fails.
    """
    for check in before_page:
        check()
    page = ocr_images.prepare(image, dpi)
    if page is None:
        return Recognized("", is_blank=True)
    turned, recognized = _recognize_upright(page, limits)
    for report_progress in after_page:
        report_progress()
    if not recognized and ocr_images.is_blank(page.image):
        return Recognized("", is_blank=True)
    text, spans = ocr_layout.lay_out(recognized)
    words = [
        OcrWord(*span, turned.to_page_box(word.box), word.confidence)
        for word, span in zip(recognized, spans, strict=True)
    ]
    return Recognized(text, words, _mean_confidence(recognized))


def add_text(builder: ExtractBuilder, recognized: Recognized, number: int) -> None:
    """Append a recognised page as a block, with its boxes."""
    start = builder.block(recognized.text, number)
    for word in recognized.words:
        builder.sources.add_box(start + word.start, start + word.end, word.box, word.confidence)


def add_page(builder: ExtractBuilder, recognized: Recognized, number: int, limits: Limits, kind: str = "page") -> None:
    """Append a recognised page as a block, with its boxes, and count it in the inventory.

    A page below `limits.min_ocr_confidence` keeps its text, but is listed as unread.
    """
    add_text(builder, recognized, number)
    if recognized.is_blank:
        builder.inventory.ignored(kind, "blank-page")
    elif not recognized.words:
        builder.inventory.unread(kind, f"page {number}", "a picture in which OCR recognised no word")
    elif recognized.mean_confidence < limits.min_ocr_confidence:
        sure = (
            f"recognised with a confidence of {recognized.mean_confidence:.0f} %, below {limits.min_ocr_confidence:g} %"
        )
        builder.inventory.unread(kind, f"page {number}", sure)
    else:
        builder.inventory.read(kind)


def _recognize_upright(page: PageImage, limits: Limits) -> tuple[PageImage, list[TesseractWord]]:
    """Recognise a page in the orientation in which it reads best; return the rotated page and its words."""
    deadline = time.monotonic() + min(_MAX_PAGE_SECONDS, _SHARE_OF_SECONDS * limits.seconds)
    words = _recognize_words(page, limits.ocr_languages, deadline)
    best, best_score = (page, words), _score_words(words)
    is_sideways = ocr_layout.is_sideways(words)
    if _mean_confidence(words) >= _SURE and not is_sideways:
        return best
    for quarters in (1, 3, 2) if is_sideways else (2, 1, 3):
        turned = page.rotate(quarters)
        try:
            words = _recognize_words(turned, limits.ocr_languages, deadline)
        except CannotRead:
            break  # keep the best result so far
        if (score := _score_words(words)) > best_score:
            best, best_score = (turned, words), score
            if _mean_confidence(words) >= _SURE:
                break
    return best


def _score_words(words: Sequence[TesseractWord]) -> int:
    """Score the amount of recognised text; upside-down text yields noise of low confidence."""
    if ocr_layout.is_sideways(words):
        return 0
    return sum(word.confidence * len(word.text) for word in words if word.confidence >= _LIKELY)


def _recognize_words(page: PageImage, languages: str, deadline: float) -> list[TesseractWord]:
    """Return the words of a page without control characters; Tesseract returns a space for a page without words."""
    words = tesseract.recognize_words(page.image, page.dpi, languages, deadline - time.monotonic())
    texts = (_NO_TEXT.sub("", word.text.translate(LIGATURES)) for word in words)
    return [replace(word, text=text) for word, text in zip(words, texts, strict=True) if text]


def _mean_confidence(words: Sequence[TesseractWord]) -> float:
    return sum(word.confidence for word in words) / len(words) if words else 0.0
