"""Read PDF: text layers, annotations, form fields and embedded files; OCR for pictures and outlines.

Everything that cannot be read is listed by page.
"""

from typing import Any

from pypdfium2 import raw

from ner_tasks.documents.ocr import ocr
from ner_tasks.documents.readers.pdf import pdf_bombs, pdf_files, pdf_properties, pdf_xfa, pdfium
from ner_tasks.documents.readers.pdf.pdf_annotations import Annotations
from ner_tasks.documents.readers.pdf.pdf_pages import Pages
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

MAX_PAGES = 50_000
# The declared number of pages may be false: if this many pages are broken and none is readable, the rest is skipped.
_MAX_BROKEN = 500


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read a PDF: all pages with their annotations, separated by blank lines, and its files as parts.

    Raises:
        CannotRead: `encrypted`, `broken`, `bomb`, `too-long`; `needs-ocr` if there is no text, but drawn pages, and OCR
            is off.
    """
    pdf_bombs.check(data, limits)
    with pdfium.open_document(data) as document:
        builder = ExtractBuilder()
        if raw.FPDF_GetSecurityHandlerRevision(document) >= 0:
            builder.note("encrypted; the empty password opens it")
        files = pdf_files.Files(builder, limits)
        annotations = Annotations(pdfium.open_form(document), builder.inventory)
        pages = Pages(data, document, annotations, builder, files, limits)
        try:
            n_pages = _read_pages(document, pages, builder)
        finally:
            pages.close()
        lines = pdf_xfa.read_lines(document, limits, annotations.values, builder.inventory)
        builder.lines(lines, "XFA form")
        files.add_attached(document)
        pdf_properties.add(document, builder)
        return _extract(builder, pages, n_pages, limits)


def _read_pages(document: Any, pages: Pages, builder: ExtractBuilder) -> int:
    n_pages = len(document)
    builder.inventory.expect("page", n_pages)
    n_read = 0
    for n_read in range(1, min(n_pages, MAX_PAGES) + 1):
        pages.read(n_read)
        if pages.n_broken >= _MAX_BROKEN and pages.n_broken == n_read:
            break
    if n_read < n_pages:
        n_left = n_pages - n_read
        builder.inventory.unread(
            "page", f"pages from {n_read + 1} on", f"not read; the document has {n_pages} pages", n_left
        )
    return n_pages


def _extract(builder: ExtractBuilder, pages: Pages, n_pages: int, limits: Limits) -> Extract:
    """Return the extract, or raise the reason why it is empty."""
    is_empty = not builder.length and not builder.parts
    if is_empty and not limits.ocr and (pages.n_drawn or pages.n_lined):
        raise ocr.needs_ocr(f"no text on {n_pages} page(s)")
    if is_empty and pages.n_broken and pages.n_broken == n_pages:
        raise CannotRead("broken", f"found {n_pages} page(s), none of which can be read, expected a whole PDF")
    # In a document with text, a page of nothing but lines and boxes counts as empty.
    builder.inventory.ignored("page", "lines-only", pages.n_lined)
    is_recognised = pages.n_recognised > 0 and not pages.n_with_text
    return builder.extract(ocr.ENCODING if is_recognised and builder.length else "")
