"""PDF: its text layer, and by OCR the pages that have none. None is passed over in silence."""

import io
import logging
from typing import TYPE_CHECKING

from ner_tasks.documents import ocr
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

if TYPE_CHECKING:
    from pypdf import PageObject


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Text of all pages, a blank line between two of them.

    Raises:
        CannotRead: `encrypted`, `bomb`, or `needs-ocr` if no page has any text and OCR is off.
    """
    from pypdf import PdfReader
    from pypdf.errors import LimitReachedError

    # pypdf mends what it can and tells the log, which belongs to the night and not to one document's commas.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise CannotRead("encrypted", "found a PDF that asks for a password, expected one that opens")
    try:
        pages = [page.extract_text() for page in reader.pages]
        scanned = [
            number for number, text in enumerate(pages) if not text.strip() and _has_content(reader.pages[number])
        ]
    except LimitReachedError as error:
        raise CannotRead("bomb", f"found {' '.join(str(error).split())[:200]}, expected less") from None
    if any(text.strip() for text in pages):  # where others have text, lines and boxes are an empty page
        scanned = [number for number in scanned if "/XObject" in (reader.pages[number].get("/Resources") or {})]
    if scanned and limits.ocr:
        for number, text in zip(scanned, ocr.read_pages(data, scanned), strict=True):
            pages[number] = text
        scanned = [number for number in scanned if not pages[number]]
    elif scanned and not any(text.strip() for text in pages):
        raise ocr.needs_ocr(f"no text on {len(pages)} page(s)")
    builder = ExtractBuilder()
    builder.inventory.found("page", len(pages))
    for number, text in enumerate(pages):
        builder.block(text, number + 1)
        if number in scanned:
            builder.inventory.unread("page", f"page {number + 1}", "pictures, no text layer")
        else:
            builder.inventory.read("page")
    return builder.extract()


def _has_content(page: "PageObject") -> bool:
    """Whether anything is drawn on a page; unpacked within pypdf's limit, before another library unpacks it."""
    contents = page.get_contents()
    return contents is not None and bool(contents.get_data().strip())
