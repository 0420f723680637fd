"""Read the annotations of a PDF page: notes, typed text, stamps, filled form fields.

They are not part of the page's text layer. The text of an annotation is in its `Contents`, in the value of a field, or
only in its appearance.

Source: PDF 32000-1, 12.5 (annotations), 12.7 (interactive forms).
"""

import ctypes
from dataclasses import dataclass, field
from html import unescape
from re import compile as pattern
from typing import Any

from pypdfium2 import raw

from ner_tasks.documents.inventory import Inventory
from ner_tasks.documents.readers.pdf import pdf_fields, pdfium
from ner_tasks.documents.readers.pdf.pdf_geometry import Frame
from ner_tasks.documents.readers.pdf.pdf_text import PageText
from ner_tasks.documents.source_map import Box

# Per document; each takes time, and pages may share them.
MAX_ANNOTATIONS = 200_000
_KIND = "annotation"
_RECORDINGS = {raw.FPDF_ANNOT_SOUND: "a recording", raw.FPDF_ANNOT_MOVIE: "a film", raw.FPDF_ANNOT_RICHMEDIA: "a film"}
_SHOWN_WITHOUT_AUTHOR = (raw.FPDF_ANNOT_FREETEXT, raw.FPDF_ANNOT_LINK)
# The `Contents` of these often repeat the text under them.
_ON_TEXT = (
    raw.FPDF_ANNOT_LINK,
    raw.FPDF_ANNOT_HIGHLIGHT,
    raw.FPDF_ANNOT_UNDERLINE,
    raw.FPDF_ANNOT_SQUIGGLY,
    raw.FPDF_ANNOT_STRIKEOUT,
)
_NAMES = {
    raw.FPDF_ANNOT_FREETEXT: "typed text",
    raw.FPDF_ANNOT_STAMP: "a stamp",
    raw.FPDF_ANNOT_WIDGET: "a form field",
    raw.FPDF_ANNOT_WATERMARK: "a watermark",
}
_TAG = pattern(r"<[^<>]{0,2000}>")
_WORDS = pattern(r"\w+")
_MAX_OBJECTS = 2_000
_MAX_DEPTH = 5
_MAX_SOUGHT = 100  # annotations of a page that are searched in its text


@dataclass
class Notes:
    """Annotations of one page.

    Attributes:
        lines: texts, each with the box of its annotation on the displayed page.
        drawn: annotations whose text is only in their appearance: index, kind of item, description.
        pictures: annotations with a picture in their appearance: box, kind of item, description.
        files: indices of the annotations with a file.
    """

    lines: list[tuple[str, Box]] = field(default_factory=list)
    drawn: list[tuple[int, str, str]] = field(default_factory=list)
    pictures: list[tuple[Box, str, str]] = field(default_factory=list)
    files: list[int] = field(default_factory=list)


class Annotations:
    """Reads the annotations of a document, page by page."""

    def __init__(self, form: Any, inventory: Inventory) -> None:
        self._inventory = inventory
        self._fields = pdf_fields.PdfFields(form, inventory)
        self._n_left = MAX_ANNOTATIONS

    @property
    def values(self) -> set[str]:
        """Values of the form fields read so far."""
        return self._fields.values

    def read_page(self, page: Any, number: int, frame: Frame, text: PageText) -> Notes:
        """Read the annotations of a page.

        Args:
            page: handle of the page.
            number: page number, from 1.
            frame: geometry of the displayed page.
            text: text layer of the page.
        """
        notes = Notes()
        n_here = raw.FPDFPage_GetAnnotCount(page)
        n_taken = min(n_here, self._n_left)
        self._n_left -= n_taken
        if n_taken < n_here:
            what = f"more than {MAX_ANNOTATIONS} annotations"
            self._inventory.unread(_KIND, f"page {number}", what, n_here - n_taken)
        seen = _SeenTexts(text)
        for index in range(n_taken):
            with pdfium.open_annotation(page, index) as annotation:
                if annotation is None:
                    self._inventory.ignored(_KIND, "no-annotation")
                else:
                    self._read(annotation, index, f"page {number}", frame, seen, notes)
        return notes

    def _read(self, annotation: Any, index: int, where: str, frame: Frame, seen: "_SeenTexts", notes: Notes) -> None:
        kind = raw.FPDFAnnot_GetSubtype(annotation)
        if kind == raw.FPDF_ANNOT_LINK and not raw.FPDFAnnot_HasKey(annotation, b"Contents"):
            self._inventory.ignored(_KIND, "link")
            return
        box = _read_box(annotation, frame)
        if kind == raw.FPDF_ANNOT_WIDGET:
            line = self._fields.read(annotation)
            if line is not None:
                if line and not seen.is_under(self._fields.last_value, box):
                    notes.lines.append((line, box))
                return
        elif kind == raw.FPDF_ANNOT_FILEATTACHMENT:
            notes.files.append(index)
        text = "" if kind == raw.FPDF_ANNOT_WIDGET else _read_text(annotation, kind)
        if text and not seen.is_repeated(text, is_on_text=kind in _ON_TEXT):
            notes.lines.append((text, box))
        self._account(annotation, index, where, box, kind, text, notes)

    def _account(self, annotation: Any, index: int, where: str, box: Box, kind: int, text: str, notes: Notes) -> None:
        item = pdf_fields.KIND if kind == raw.FPDF_ANNOT_WIDGET else _KIND
        if kind in _RECORDINGS:
            self._inventory.unread(item, where, f"{_RECORDINGS[kind]}, which is not read")
            return
        has_text, has_picture = (False, False) if kind == raw.FPDF_ANNOT_POPUP else _inspect_appearance(annotation)
        name = _NAMES.get(kind, "an annotation")
        if has_picture:
            notes.pictures.append((box, item, name))
        if has_text and not text:
            notes.drawn.append((index, item, name))
        elif has_text or text or kind == raw.FPDF_ANNOT_FILEATTACHMENT:
            self._inventory.read(item)
        elif not has_picture:
            rule = {raw.FPDF_ANNOT_LINK: "link", raw.FPDF_ANNOT_POPUP: "popup"}.get(kind, "mark-without-text")
            self._inventory.ignored(item, "empty-field" if kind == raw.FPDF_ANNOT_WIDGET else rule)
        # Pictures are counted where they are read.


class _SeenTexts:
    """Texts of a page so far, to drop repetitions."""

    def __init__(self, page: PageText) -> None:
        self._page, self._flat = page, " ".join(page.text.split())
        self._texts: set[str] = set()
        self._n_sought = 0

    def is_repeated(self, text: str, *, is_on_text: bool) -> bool:
        """Whether another annotation of the page has the same text, or the words under it repeat it."""
        flat = " ".join(text.split())
        if flat in self._texts:
            return True
        self._texts.add(flat)
        return is_on_text and self._is_on_page(flat)

    def is_under(self, value: str, box: Box) -> bool:
        """Whether the page's text repeats a field's value at its position, as in a form that was also printed."""
        flat = " ".join(value.split())
        if not self._is_on_page(flat):
            return False
        words = self._page.words
        here = [self._page.text[words.starts[number] : words.ends[number]] for number in words.within(box)]
        return "".join(_WORDS.findall(flat)) in "".join(_WORDS.findall(" ".join(here)))

    def _is_on_page(self, flat: str) -> bool:
        self._n_sought += 1
        return self._n_sought <= _MAX_SOUGHT and flat in self._flat


def _read_text(annotation: Any, kind: int) -> str:
    """Return the text of an annotation, preceded by its author where viewers show one."""
    text = _read_string(annotation, b"Contents").strip()
    if not text and raw.FPDFAnnot_HasKey(annotation, b"RC"):
        text = unescape(_TAG.sub(" ", _read_string(annotation, b"RC"))).strip()
    if not text:
        return ""
    author = "" if kind in _SHOWN_WITHOUT_AUTHOR else _read_string(annotation, b"T").strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"{author}: {text}" if author else text


def _read_string(annotation: Any, key: bytes) -> str:
    return pdfium.clean(pdfium.read_string(raw.FPDFAnnot_GetStringValue, annotation, key))


def _read_box(annotation: Any, frame: Frame) -> Box:
    edges = raw.FS_RECTF()
    if not raw.FPDFAnnot_GetRect(annotation, ctypes.byref(edges)):
        return 0.0, 0.0, 0.0, 0.0
    left, right = sorted((edges.left, edges.right))
    bottom, top = sorted((edges.bottom, edges.top))
    return frame.clip(frame.to_shown(left, bottom, right, top))


def _inspect_appearance(annotation: Any) -> tuple[bool, bool]:
    """Return whether the appearance of an annotation has text, and whether it has pictures."""
    if not raw.FPDFAnnot_HasKey(annotation, b"AP"):
        return False, False
    at = pdfium.get_address(annotation)
    n_objects = min(pdfium.count_in_annotation(at), _MAX_OBJECTS)
    pending: list[tuple[int, int]] = [(pdfium.object_in_annotation(at, number), 0) for number in range(n_objects)]
    kinds: set[int] = set()
    n_seen = 0
    while pending and n_seen < _MAX_OBJECTS:
        address, depth = pending.pop()
        n_seen += 1
        if not address:
            continue
        kind = pdfium.object_kind(address)
        kinds.add(kind)
        if kind == pdfium.FORM and depth < _MAX_DEPTH:
            n_inside = min(pdfium.count_in_form(address), _MAX_OBJECTS)
            pending += [(pdfium.object_in_form(address, number), depth + 1) for number in range(n_inside)]
    return pdfium.TEXT in kinds, pdfium.IMAGE in kinds
