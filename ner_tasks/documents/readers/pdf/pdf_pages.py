"""Read the pages of a PDF one by one: text, pictures and annotations, each item with its fate."""

from typing import Any

from ner_tasks.documents.readers.pdf import pdf_appearances, pdf_geometry, pdf_pictures, pdf_text, pdfium
from ner_tasks.documents.readers.pdf.pdf_annotations import Annotations, Notes
from ner_tasks.documents.readers.pdf.pdf_files import Files
from ner_tasks.documents.readers.pdf.pdf_geometry import Frame
from ner_tasks.documents.readers.pdf.pdf_ocr import Recogniser
from ner_tasks.documents.readers.pdf.pdf_pictures import Drawn
from ner_tasks.documents.readers.pdf.pdf_text import PageText
from ner_tasks.documents.types import CannotRead, ExtractBuilder, Limits

OCR_OFF = "OCR is switched off"


class Pages:
    """Reads the pages of a document.

    Attributes:
        n_broken: number of pages that cannot be loaded.
        n_recognised: number of pages read by OCR alone.
        n_with_text: number of pages with a text layer that was read.
        n_drawn: number of pages of pictures or outlines that require OCR.
        n_lined: number of pages of nothing but lines and boxes.
    """

    def __init__(
        self,
        data: bytes,
        document: Any,
        annotations: Annotations,
        builder: ExtractBuilder,
        files: Files,
        limits: Limits,
    ) -> None:
        self._data, self._document, self._builder, self._limits = data, document, builder, limits
        self._inventory, self._files = builder.inventory, files
        self._copy: Any = None  # scratch copy of the document, to read appearances
        self._annotations = annotations
        self.n_broken = self.n_recognised = self.n_with_text = self.n_drawn = self.n_lined = 0

    def close(self) -> None:
        """Close the scratch copy."""
        if self._copy is not None:
            self._copy.close()

    def read(self, number: int) -> None:
        """Read one page.

        Args:
            number: page number, from 1.

        Raises:
            CannotRead: `too-long`.
        """
        with pdfium.open_page(self._document, number - 1) as page:
            if page is None:
                self.n_broken += 1
                self._inventory.unread("page", f"page {number}", "broken")
                return
            frame = pdf_geometry.read_frame(page)
            with pdfium.open_text_page(page) as text_page:
                text = PageText() if text_page is None else pdf_text.read_page(text_page, frame)
            recogniser = Recogniser(self._builder, self._limits, self._document, number, text.words)
            self._add(recogniser, page, number, frame, text)
            self._add_notes(recogniser, page, number, frame, self._annotations.read_page(page, number, frame, text))
        if self._builder.length > self._limits.max_characters:
            most = self._limits.max_characters
            raise CannotRead("too-long", f"found more than {most} characters, expected at most that many")

    def _add(self, recogniser: Recogniser, page: Any, number: int, frame: Frame, text: PageText) -> None:
        if text.is_garbled:
            if self._limits.ocr:
                recogniser.add_page()
                self.n_recognised += 1
            else:
                self._inventory.unread("page", f"page {number}", f"its text layer is garbled; {OCR_OFF}")
                self.n_drawn += 1
            return
        drawn = pdf_pictures.find_pictures(page, frame, text.words)
        if text.text:
            self._add_text(number, text)
            self._add_pictures(recogniser, number, drawn)
        elif drawn.pictures or drawn.has_outlines:
            if self._limits.ocr:
                recogniser.add_page()
                self.n_recognised += 1
            else:
                self.n_drawn += 1
                self._inventory.unread("page", f"page {number}", f"pictures, no text layer; {OCR_OFF}")
        elif not drawn.is_empty:
            self.n_lined += 1
        else:
            self._inventory.ignored("page", "blank-page")

    def _add_text(self, number: int, text: PageText) -> None:
        start = self._builder.block(text.text, number)
        text.add_boxes(self._builder.sources, start)
        self._inventory.read("page")
        self.n_with_text += 1
        if text.n_unmapped:
            what = f"{text.n_unmapped} letter(s) within words have no Unicode value"
            self._inventory.unread("glyph", f"page {number}", what, text.n_unmapped)

    def _add_pictures(self, recogniser: Recogniser, number: int, drawn: Drawn) -> None:
        self._inventory.ignored("picture", "small-picture", drawn.n_small)
        self._inventory.read("picture", drawn.n_under_text)
        for box in drawn.pictures:
            if self._limits.ocr:
                recogniser.add_picture(box)
            else:
                size = f"{box[2] - box[0]:.0f} x {box[3] - box[1]:.0f} points"
                self._inventory.unread("picture", f"page {number}", f"a picture of {size}; {OCR_OFF}")
        if drawn.has_outlines and not self._limits.ocr:
            self._inventory.unread("picture", f"page {number}", f"text or drawings as outlines; {OCR_OFF}")
        elif drawn.has_outlines:
            recogniser.add_picture(drawn.page)

    def _add_notes(self, recogniser: Recogniser, page: Any, number: int, frame: Frame, notes: Notes) -> None:
        start = self._builder.block("\n".join(line for line, _ in notes.lines), number)
        for line, box in notes.lines:
            self._builder.sources.add_box(start, start + len(line), box)
            start += len(line) + 1
        if notes.drawn:
            self._add_drawn(number, frame, notes)
        for box, kind, what in notes.pictures:
            if self._limits.ocr:
                recogniser.add_picture(box, kind=kind, with_annotations=True)
            else:
                self._inventory.unread(kind, f"page {number}", f"{what} with a picture; {OCR_OFF}")
        for index in notes.files:
            self._files.add_from_annotation(page, index, number)

    def _add_drawn(self, number: int, frame: Frame, notes: Notes) -> None:
        """Add text that is only in the appearance of annotations."""
        if self._copy is None:
            self._copy = pdfium.PdfDocument(self._data)
        indices = [index for index, _, _ in notes.drawn]
        text = pdf_appearances.read_text(self._copy, number - 1, indices, frame)
        start = self._builder.block(text.text, number)
        text.add_boxes(self._builder.sources, start)
        for _, kind, what in notes.drawn:
            if text.text and not text.is_garbled:
                self._inventory.read(kind)
            else:
                self._inventory.unread(kind, f"page {number}", f"{what} with text that is only drawn")
