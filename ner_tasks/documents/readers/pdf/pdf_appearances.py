"""Read text that is only in the appearance of an annotation, as on a stamp or a signature.

PDFium reads the text of pages, not of annotations. Therefore the annotations are flattened into the page in a scratch
copy of the document, and the added text is read.
"""

from typing import Any

from pypdfium2 import raw

from ner_tasks.documents.readers.pdf import pdf_text, pdfium
from ner_tasks.documents.readers.pdf.pdf_geometry import Frame
from ner_tasks.documents.readers.pdf.pdf_text import PageText

_PRINT = 4  # flag of an annotation that is displayed and printed
_FLAT_NORMALDISPLAY, _FLATTEN_SUCCESS = 0, 1
_MAX_OBJECTS = 100_000
_MAX_DEPTH = 8


def read_text(document: Any, number: int, wanted: list[int], frame: Frame) -> PageText:
    """Read the text in the appearances of some annotations of a page.

    Args:
        document: a scratch copy, which is modified.
        number: index of the page, from 0.
        wanted: indices of the annotations.
        frame: geometry of the displayed page.
    """
    with pdfium.open_page(document, number) as page:
        if page is None or not _leave_only(page, set(wanted)):
            return PageText()
        if raw.FPDFPage_Flatten(page, _FLAT_NORMALDISPLAY) != _FLATTEN_SUCCESS:
            return PageText()
    with pdfium.open_page(document, number) as page:
        return PageText() if page is None else _read_last_form(page, frame)


def _leave_only(page: Any, wanted: set[int]) -> bool:
    for index in range(raw.FPDFPage_GetAnnotCount(page) - 1, -1, -1):
        if index not in wanted:
            if not raw.FPDFPage_RemoveAnnot(page, index):
                return False
            continue
        with pdfium.open_annotation(page, index) as annotation:
            if annotation is not None:
                raw.FPDFAnnot_SetFlags(annotation, _PRINT)  # hidden ones would be omitted
    return True


def _read_last_form(page: Any, frame: Frame) -> PageText:
    """Return the text of the last form on a page, which contains the flattened annotations."""
    at = pdfium.get_address(page)
    n_objects = pdfium.count_objects(at)
    last = pdfium.page_object(at, n_objects - 1) if n_objects > 0 else 0
    if not last or pdfium.object_kind(last) != pdfium.FORM:
        return PageText()
    added = _find_texts(last)
    with pdfium.open_text_page(page) as text_page:
        if text_page is None:
            return PageText()
        handle = pdfium.get_address(text_page)
        n_chars = raw.FPDFText_CountChars(text_page)
        begin = next((n for n in range(n_chars) if pdfium.char_object(handle, n) in added), None)
        return PageText() if begin is None else pdf_text.read_page(text_page, frame, begin)


def _find_texts(form: int) -> set[int]:
    texts: set[int] = set()
    pending = [(form, 0)]
    n_seen = 0
    while pending and n_seen < _MAX_OBJECTS:
        address, depth = pending.pop()
        for number in range(min(pdfium.count_in_form(address), _MAX_OBJECTS)):
            inner = pdfium.object_in_form(address, number)
            n_seen += 1
            kind = pdfium.object_kind(inner) if inner else 0
            if kind == pdfium.TEXT:
                texts.add(inner)
            elif kind == pdfium.FORM and depth < _MAX_DEPTH:
                pending.append((inner, depth + 1))
    return texts
