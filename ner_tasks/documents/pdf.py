"""PDF: its text layer, and by OCR the pages that have none. None is passed over in silence."""

import io
import logging

from ner_tasks.documents import scans
from ner_tasks.documents.extract import CannotRead, Extract, Limits


def read(data: bytes, _limits: Limits) -> Extract:
    """Text of all pages, a blank line between two of them.

    Raises:
        CannotRead: `encrypted`, `bomb`, or `needs-ocr` if no page has any text and there is no OCR.
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
    except LimitReachedError as error:
        raise CannotRead("bomb", f"found {' '.join(str(error).split())[:200]}, expected less") from None
    scanned = [number for number, text in enumerate(pages) if not text.strip()]
    if len(scanned) < len(pages):  # a page without a text or a picture is empty, and may be so
        scanned = [number for number in scanned if "/XObject" in (reader.pages[number].get("/Resources") or {})]
    if not scanned:
        return Extract("\n\n".join(pages))
    if not scans.missing(pdf=True):
        for number, text in zip(scanned, scans.read_pages(data, scanned), strict=True):
            pages[number] = text
        blank = tuple(f"page {number + 1}: pictures, no text found in them" for number in scanned if not pages[number])
        return Extract("\n\n".join(pages), scans.ENCODING, blank)
    if len(scanned) == len(pages):
        raise scans.needs_ocr(f"no text on {len(pages)} page(s)", pdf=True)
    return Extract(
        "\n\n".join(pages), unread=tuple(f"page {number + 1}: pictures, no text layer" for number in scanned)
    )
