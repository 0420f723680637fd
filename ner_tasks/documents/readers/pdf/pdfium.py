"""Bindings to PDFium: documents, pages, strings and page objects, as context managers where they must be closed.

Functions that are called for each word or object of a page take plain addresses and keep the GIL, which takes a third of
the time of pypdfium2's prototypes.

Source: the headers `fpdfview.h`, `fpdf_text.h`, `fpdf_annot.h`, `fpdf_edit.h` of PDFium.
"""

import ctypes
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pypdfium2
from pypdfium2 import raw

from ner_tasks.documents.source_map import Box
from ner_tasks.documents.types import CannotRead

PdfDocument, PdfiumError = pypdfium2.PdfDocument, pypdfium2.PdfiumError
TEXT, PATH, IMAGE, FORM = 1, 2, 3, 5  # kinds of page objects
_PASSWORD = 4  # FPDF_ERR_PASSWORD
_SECURITY = 5  # FPDF_ERR_SECURITY
_MAX_STRING_BYTES = 64 * 2**20
# Suppress its warning for each XFA form that this build does not render them; they are read from their XML.
logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)

_Int, _Address = ctypes.c_int, ctypes.c_void_p


def _bind(name: str, *arguments: Any, result: Any = _Int) -> Callable[..., Any]:
    address = ctypes.cast(getattr(raw, name), ctypes.c_void_p).value
    assert address
    return ctypes.PYFUNCTYPE(result, *arguments)(address)


char_code = _bind("FPDFText_GetUnicode", _Address, _Int, result=ctypes.c_uint)
char_is_hyphen = _bind("FPDFText_IsHyphen", _Address, _Int)
char_is_generated = _bind("FPDFText_IsGenerated", _Address, _Int)
char_is_unmapped = _bind("FPDFText_HasUnicodeMapError", _Address, _Int)
char_object = _bind("FPDFText_GetTextObject", _Address, _Int, result=_Address)
count_objects = _bind("FPDFPage_CountObjects", _Address)
page_object = _bind("FPDFPage_GetObject", _Address, _Int, result=_Address)
object_kind = _bind("FPDFPageObj_GetType", _Address)
count_in_form = _bind("FPDFFormObj_CountObjects", _Address)
object_in_form = _bind("FPDFFormObj_GetObject", _Address, ctypes.c_ulong, result=_Address)
count_segments = _bind("FPDFPath_CountSegments", _Address)
render_mode = _bind("FPDFTextObj_GetTextRenderMode", _Address)
_bounds = _bind("FPDFPageObj_GetBounds", _Address, _Address, _Address, _Address, _Address)
_matrix = _bind("FPDFPageObj_GetMatrix", _Address, _Address)
_pixel_size = _bind("FPDFImageObj_GetImagePixelSize", _Address, _Address, _Address)
count_in_annotation = _bind("FPDFAnnot_GetObjectCount", _Address)
object_in_annotation = _bind("FPDFAnnot_GetObject", _Address, _Int, result=_Address)


class CharacterBoxes:
    """Reads the boxes of many characters of a page, two per word.

    Without prototypes, and with preallocated pointers, a call takes a quarter of the usual time of ctypes.
    """

    _N_WORDS = 2048
    _EDGES = 4

    def __init__(self) -> None:
        address = ctypes.cast(raw.FPDFText_GetLooseCharBox, ctypes.c_void_p).value
        assert address
        self._call = ctypes.PYFUNCTYPE(ctypes.c_int)(address)
        edges = (ctypes.c_float * (2 * self._EDGES * self._N_WORDS))()
        self._boxes = np.frombuffer(memoryview(edges).cast("B"), np.float32).reshape(self._N_WORDS, 2, self._EDGES)
        pointers = [ctypes.byref(edges, 16 * number) for number in range(2 * self._N_WORDS)]
        self._of_heads, self._of_tails = pointers[0::2], pointers[1::2]

    def read_boxes(self, text_page: Any, heads: list[int], tails: list[int]) -> npt.NDArray[np.float32]:
        """Return left, top, right, bottom of the first and last character of each word [n_words, 2, 4].

        Args:
            text_page: handle of the page's text.
            heads: index of the first character of each word.
            tails: index of the last character of each word.
        """
        page = ctypes.byref(text_page.contents)
        boxes = np.empty((len(heads), 2, self._EDGES), np.float32)
        for begin in range(0, len(heads), self._N_WORDS):
            some = heads[begin : begin + self._N_WORDS]
            deque(map(self._call, repeat(page), some, self._of_heads), 0)
            deque(map(self._call, repeat(page), tails[begin : begin + self._N_WORDS], self._of_tails), 0)
            boxes[begin : begin + len(some)] = self._boxes[: len(some)]
        return boxes


character_boxes = CharacterBoxes()


def get_address(handle: Any) -> int:
    """Return the address of a PDFium handle."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


@contextmanager
def open_document(data: bytes) -> Iterator[Any]:
    """Open a document, with the empty password if it is encrypted.

    Raises:
        CannotRead: `encrypted`, `broken`.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        code = getattr(error, "err_code", 0)
        if code in (_PASSWORD, _SECURITY):
            raise CannotRead("encrypted", "found a password-protected PDF, expected one without a password") from None
        raise CannotRead("broken", "found a PDF without a readable catalogue, expected a whole one") from None
    try:
        yield document
    finally:
        document.close()


@contextmanager
def open_page(document: Any, number: int) -> Iterator[Any]:
    """Load a page by its index, from 0; None if it cannot be loaded."""
    page = raw.FPDF_LoadPage(document, number)
    if not page:
        yield None
        return
    try:
        yield page
    finally:
        raw.FPDF_ClosePage(page)


@contextmanager
def open_text_page(page: Any) -> Iterator[Any]:
    """Load the text of a page; None if it cannot be loaded."""
    text_page = raw.FPDFText_LoadPage(page)
    if not text_page:
        yield None
        return
    try:
        yield text_page
    finally:
        raw.FPDFText_ClosePage(text_page)


def open_form(document: Any) -> Any:
    """Return the form of a document; None if it has none or it cannot be opened.

    Pages are not initialised for form filling, which takes time quadratic in the number of fields.
    """
    try:
        document.init_forms()
    except PdfiumError:
        return None
    return document.formenv


@contextmanager
def open_annotation(page: Any, number: int) -> Iterator[Any]:
    """Load an annotation of a page by its index, from 0; None if it cannot be loaded."""
    annotation = raw.FPDFPage_GetAnnot(page, number)
    if not annotation:
        yield None
        return
    try:
        yield annotation
    finally:
        raw.FPDFPage_CloseAnnot(annotation)


def read_string(function: Callable[..., int], *arguments: Any) -> str:
    """Call a PDFium function that writes a UTF-16 string to a buffer, and return the string."""
    n_bytes = function(*arguments, None, 0)
    if n_bytes <= 2 or n_bytes > _MAX_STRING_BYTES:  # includes a NUL of two bytes
        return ""
    buffer = ctypes.create_string_buffer(n_bytes)
    function(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), n_bytes)
    return buffer.raw[: n_bytes - 2].decode("utf-16-le", "replace")


def clean(text: str) -> str:
    """Remove NULs and other non-printable codes from a string."""
    return "".join(char for char in text if char in "\t\n\r" or char.isprintable() or char.isspace())


def read_bounds(address: int) -> Box | None:
    """Return left, bottom, right, top of a page object in the coordinates of its page or form."""
    edges = (ctypes.c_float * 4)()
    at = ctypes.addressof(edges)
    if not _bounds(address, at, at + 4, at + 8, at + 12):
        return None
    return edges[0], edges[1], edges[2], edges[3]


def read_matrix(address: int) -> tuple[float, ...]:
    """Return the matrix of a form object; the identity if it has none."""
    values = (ctypes.c_float * 6)()
    if not _matrix(address, ctypes.addressof(values)):
        return 1.0, 0.0, 0.0, 1.0, 0.0, 0.0
    return tuple(values)


def read_pixel_size(address: int) -> tuple[int, int]:
    """Return width and height of a picture in pixels; 0, 0 if unknown."""
    sides = (ctypes.c_uint * 2)()
    at = ctypes.addressof(sides)
    return (sides[0], sides[1]) if _pixel_size(address, at, at + 4) else (0, 0)
