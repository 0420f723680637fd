"""PDF with a text layer. A picture of text is not read here, and is never passed over in silence."""

import io
import logging

from ner_tasks.documents import scans
from ner_tasks.documents.extract import CannotRead, Extract, Limits


def read(data: bytes, limits: Limits) -> Extract:
    """Text of all pages, a blank line between two of them.

    Raises:
        CannotRead: `encrypted`, or `no-text-layer` if no page has any text.
    """
    from pypdf import PdfReader

    # pypdf mends what it can and tells the log, which belongs to the night and not to one document's commas.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise CannotRead("encrypted", "found a PDF that asks for a password, expected one that opens")
    pages = [page.extract_text() for page in reader.pages]
    if not any(text.strip() for text in pages) and limits.ocr:
        return scans.read_pdf(data)
    if not any(text.strip() for text in pages):
        raise CannotRead("no-text-layer", f"found no text on {len(pages)} page(s), expected a text layer; {scans.HINT}")
    unread = tuple(
        f"page {number}: pictures, no text layer"
        for number, (page, text) in enumerate(zip(reader.pages, pages, strict=True), start=1)
        if not text.strip() and "/XObject" in (page.get("/Resources") or {})
    )
    return Extract("\n\n".join(pages), unread=unread)
