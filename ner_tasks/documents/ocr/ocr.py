"""Recognises the text of pictures: scans, faxes, pages of a PDF without a text layer.

By Tesseract, where that is switched on; a switch, so that no answer depends on what is installed.
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
# Of the time that a file may take without a document; the rest is for whatever else the file holds.
_SHARE_OF_SECONDS = 0.8
_MAX_PAGE_SECONDS = 120.0
LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
_NO_TEXT = re.compile(r"[\x00-\x20\x7f-\x9f\ud800-\udfff]+")
# Mean confidence, in percent, from which on a page is not looked at from its other sides.
_SURE = 80.0
# Confidence, in percent, from which on a word is no noise.
_LIKELY = 50

# Each is called before each page, and may raise `CannotRead` to leave it unread.
before_page: list[Callable[[], None]] = []
# Each is called after each page: a file of many pages takes longer than a reader may be without a sign of life.
after_page: list[Callable[[], None]] = []


@dataclass(frozen=True)
class OcrWord:
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
    words: list[OcrWord] = field(default_factory=list)
    mean_confidence: float = 0.0
    is_blank: bool = False


def find_missing(languages: str) -> str:
    """What OCR in these languages needs and is not there, as words for a message; "" if all is.

    Args:
        languages: Tesseract's names, joined by `+`.
    """
    return tesseract.find_missing(languages)


def needs_ocr(what: str) -> CannotRead:
    """What is said of a picture where it is not to be read."""
    return CannotRead("needs-ocr", f"found {what}, expected text; OCR is switched off, see docs/formats.md")


def recognize(image: "Image.Image", dpi: float, limits: Limits) -> Recognized:
    """Recognise the text of one page.

    Args:
        image: the page as it is shown, of any mode.
        dpi: its pixels per inch.
        limits: `ocr_languages` and `seconds` count.

    Raises:
        CannotRead: `too-slow`; `bomb` for too many pixels; `broken` if Tesseract gives up.
    """
    for check in before_page:
        check()
    page = ocr_images.prepare(image, dpi)
    if page is None:
        return Recognized("", is_blank=True)
    turned, recognized = _recognize_upright(page, limits)
    for tell in after_page:
        tell()
    if not recognized and ocr_images.is_blank(page.image):
        return Recognized("", is_blank=True)
    text, spans = ocr_layout.lay_out(recognized)
    words = [
        OcrWord(*span, turned.to_page_box(word.box), word.confidence)
        for word, span in zip(recognized, spans, strict=True)
    ]
    return Recognized(text, words, _mean_confidence(recognized))


def add_text(builder: ExtractBuilder, recognized: Recognized, number: int) -> None:
    """Add a recognised page as a block, with its boxes."""
    start = builder.block(recognized.text, number)
    for word in recognized.words:
        builder.sources.add_box(start + word.start, start + word.end, word.box, word.confidence)


def add_page(builder: ExtractBuilder, recognized: Recognized, number: int, limits: Limits, kind: str = "page") -> None:
    """Add a recognised page as a block, with its boxes, and account for it.

    The text of a page that lies below `limits.min_ocr_confidence` is kept, and the page named as unread.
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
    """The page as it is, or turned to the side on which its text stands, with its words."""
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
            break  # what was found before stands
        if (score := _score_words(words)) > best_score:
            best, best_score = (turned, words), score
            if _mean_confidence(words) >= _SURE:
                break
    return best


def _score_words(words: Sequence[TesseractWord]) -> int:
    """How much text was recognised: what stands on its head gives noise, of which Tesseract is not sure."""
    if ocr_layout.is_sideways(words):
        return 0
    return sum(word.confidence * len(word.text) for word in words if word.confidence >= _LIKELY)


def _recognize_words(page: PageImage, languages: str, deadline: float) -> list[TesseractWord]:
    """Words without what is no text; where there is nothing else, Tesseract gives a space as a word."""
    words = tesseract.recognize_words(page.image, page.dpi, languages, deadline - time.monotonic())
    texts = (_NO_TEXT.sub("", word.text.translate(LIGATURES)) for word in words)
    return [replace(word, text=text) for word, text in zip(words, texts, strict=True) if text]


def _mean_confidence(words: Sequence[TesseractWord]) -> float:
    return sum(word.confidence for word in words) / len(words) if words else 0.0
