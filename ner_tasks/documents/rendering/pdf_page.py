"""Draw a page of a PDF with PDFium, as displayed: cropped, turned, with its annotations."""

from typing import TYPE_CHECKING

from ner_tasks.documents.readers.pdf import pdf_bombs, pdf_geometry, pdf_text, pdfium
from ner_tasks.documents.rendering import page_picture
from ner_tasks.documents.types import CannotRead, Limits

if TYPE_CHECKING:
    from PIL import Image

_TOLERANCE = 1.0  # points between the size that is drawn and the size that boxes refer to


def draw(data: bytes, number: int, limits: Limits) -> "tuple[Image.Image, tuple[float, float], int, str]":
    """Draw a page.

    Args:
        data: the PDF.
        number: page number, from 1.
        limits: `max_unpacked_bytes` applies to each stream.

    Returns:
        The image, width and height of the displayed page in points, number of pages, and the text of the page.

    Raises:
        CannotRead: `bomb`, `encrypted`, `broken`, `no-page`.
    """
    pdf_bombs.check(data, limits)
    with pdfium.open_document(data) as document:
        n_pages = len(document)
        if not 1 <= number <= n_pages:
            raise CannotRead("no-page", f"found {n_pages} page(s), expected a page {number}")
        size, text = _read_page(document, number)
        pdfium.open_form(document)  # otherwise the values of its fields are not drawn
        try:
            page = document[number - 1]
            try:
                bitmap = page.render(
                    scale=page_picture.fit_scale(*size), draw_annots=True, may_draw_forms=True, rev_byteorder=True
                )
                try:
                    return bitmap.to_pil().convert("RGB"), size, n_pages, text
                finally:
                    bitmap.close()
            finally:
                page.close()
        except pdfium.PdfiumError:
            raise CannotRead("broken", "found a page that cannot be drawn, expected a whole one") from None


def _read_page(document: "pdfium.PdfDocument", number: int) -> tuple[tuple[float, float], str]:
    """Return the size of a page to which its boxes refer, and its text as `pdf_pages` reads it."""
    with pdfium.open_page(document, number - 1) as page:
        if page is None:
            raise CannotRead("broken", "found a page that cannot be loaded, expected a whole one")
        frame = pdf_geometry.read_frame(page)
        drawn = pdf_geometry.read_drawn_size(page)
        if max(abs(one - other) for one, other in zip(frame.size, drawn, strict=True)) > _TOLERANCE:
            raise CannotRead("broken", f"found a page drawn at {drawn} points, expected {frame.size} as it was read")
        with pdfium.open_text_page(page) as text_page:
            return frame.size, "" if text_page is None else pdf_text.read_page(text_page, frame).text
