"""OCR of pages and pictures in a PDF, rendered as displayed."""

from dataclasses import replace
from typing import Any

from pypdfium2 import raw

from ner_tasks.documents.ocr import ocr, ocr_images
from ner_tasks.documents.ocr.ocr_images import POINTS_PER_INCH
from ner_tasks.documents.readers.pdf import pdfium
from ner_tasks.documents.readers.pdf.pdf_words import PdfWords
from ner_tasks.documents.source_map import Box
from ner_tasks.documents.types import CannotRead, ExtractBuilder, Limits

_DPI = 300


class Recogniser:
    """Recognises the pictures of one page, which is rendered at most twice: with and without annotations.

    Words of the text layer are erased from the image, so that none is read twice.
    """

    def __init__(self, builder: ExtractBuilder, limits: Limits, document: Any, number: int, words: PdfWords) -> None:
        self._builder, self._limits = builder, limits
        self._document, self._number, self._words = document, number, words
        self._images: dict[bool, tuple[Any, float]] = {}  # with annotations, and without

    def add_page(self, kind: str = "page") -> None:
        """Add the text of a whole page."""
        try:
            image, dpi = self._get_image(with_annotations=False)
            recognized = ocr.recognize(image, dpi, self._limits)
        except CannotRead as error:
            self._builder.inventory.unread(kind, f"page {self._number}", f"OCR {error.reason}")
            return
        ocr.add_page(self._builder, recognized, self._number, self._limits, kind)

    def add_picture(self, box: Box, *, kind: str = "picture", with_annotations: bool = False) -> None:
        """Add the text of a picture on the page; one in an annotation requires `with_annotations`."""
        what = f"page {self._number}"
        try:
            image, dpi = self._get_image(with_annotations=with_annotations)
            scale = dpi / POINTS_PER_INCH
            cut = image.crop(tuple(round(edge * scale) for edge in box))
            recognized = (
                ocr.recognize(cut, dpi, self._limits) if min(cut.size) > 0 else ocr.Recognized("", is_blank=True)
            )
        except CannotRead as error:
            self._builder.inventory.unread(kind, what, f"OCR {error.reason}")
            return
        if not recognized.words and not recognized.is_blank:
            # A photograph or a logo.
            self._builder.inventory.ignored(kind, "picture-without-words")
            return
        if recognized.words and recognized.mean_confidence < self._limits.min_ocr_confidence:
            # Noise that OCR recognises in a photograph is not text of the page.
            sure = f"recognised with a confidence of {recognized.mean_confidence:.0f} %, too low to be text"
            self._builder.inventory.unread(kind, what, f"a picture, {sure}")
            return
        moved = [replace(word, box=_shift_box(word.box, box)) for word in recognized.words]
        ocr.add_page(self._builder, replace(recognized, words=moved), self._number, self._limits, kind)

    def _get_image(self, *, with_annotations: bool) -> tuple[Any, float]:
        if with_annotations not in self._images:
            image, dpi = self._draw(with_annotations=with_annotations)
            if not with_annotations:
                self._wipe(image, dpi)
            self._images[with_annotations] = image, dpi
        return self._images[with_annotations]

    def _draw(self, *, with_annotations: bool) -> tuple[Any, float]:
        try:
            page = self._document[self._number - 1]
            try:
                width, height = page.get_size()
                most = (ocr_images.MAX_PIXELS / max(width * height, 1.0)) ** 0.5 * 0.999
                scale = min(_DPI / POINTS_PER_INCH, most)
                bitmap = page.render(
                    scale=scale, draw_annots=with_annotations, may_draw_forms=False, force_bitmap_format=_GREY
                )
                try:
                    return bitmap.to_pil().copy(), scale * POINTS_PER_INCH
                finally:
                    bitmap.close()
            finally:
                page.close()
        except pdfium.PdfiumError:
            raise CannotRead("broken", "found a page that cannot be rendered, expected a whole one") from None

    def _wipe(self, image: Any, dpi: float) -> None:
        from PIL import ImageDraw

        draw = ImageDraw.Draw(image)
        scale = dpi / POINTS_PER_INCH
        for number in range(len(self._words)):
            draw.rectangle([edge * scale for edge in self._words.box(number)], fill=ocr_images.WHITE)


_GREY = raw.FPDFBitmap_Gray


def _shift_box(box: Box, within: Box) -> Box:
    return box[0] + within[0], box[1] + within[1], box[2] + within[0], box[3] + within[1]
