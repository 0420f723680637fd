"""Draw one page of a document as a picture of bounded size."""

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ner_tasks.documents.types import CannotRead, Limits

if TYPE_CHECKING:
    from PIL import Image

# Formats whose entities have a page and boxes.
PAGED = ("pdf", "image")
RECOGNISED = "ocr"  # encoding of a document all of whose text was recognised
MEDIA_TYPE = "image/webp"
POINTS_PER_INCH, DPI = 72.0, 150.0
# A4 at 150 dpi has 2.2 million pixels. WebP has at most 16,383 a side.
MAX_PIXELS, MAX_SIDE = 4_000_000, 10_000
_QUALITY, _METHOD = 75, 2  # WebP: 0 to 100; 0 (quick) to 6 (small)


@dataclass(frozen=True)
class DrawnPage:
    """A page and its picture.

    Attributes:
        width, height: of the displayed page in points; boxes of entities count from its top left.
        n_pages: number of pages of the document.
        picture: WebP.
        text: text layer of the page as the reader gives it; "" for a picture.
    """

    width: float
    height: float
    n_pages: int
    picture: bytes
    text: str = ""


def draw_page(format_: str, data: bytes, number: int, limits: Limits) -> DrawnPage:
    """Draw a page.

    Args:
        format_: name of the document's format, one of `PAGED`.
        data: bytes of the document.
        number: page number, from 1, as the reader counts.
        limits: limits on what is unpacked.

    Raises:
        CannotRead: `no-pages`, `no-page`, or why the document or the page cannot be read.
    """
    if format_ == "pdf":
        from ner_tasks.documents.rendering import pdf_page

        image, size, n_pages, text = pdf_page.draw(data, number, limits)
        return DrawnPage(*size, n_pages, _encode(image), text)
    if format_ == "image":
        from ner_tasks.documents.readers import image as picture_reader

        picture, dpi, n_pages = picture_reader.load_page(data, number)
        width, height = (POINTS_PER_INCH * side / dpi for side in picture.size)
        return DrawnPage(width, height, n_pages, _encode(_shrink(picture, dpi)))
    raise CannotRead("no-pages", f"found the format {format_[:40]!r}, which has no pages, expected a PDF or a picture")


def fit_scale(width: float, height: float) -> float:
    """Return the pixels per point at which a page is drawn: 150 dpi, or less so that the picture is not too large."""
    most = math.sqrt(MAX_PIXELS / max(width * height, 1.0))
    # a little less, since PDFium's sides are rounded up, and 1650.0000000000002 would become 1651
    return min(DPI / POINTS_PER_INCH, most, MAX_SIDE / max(width, height, 1.0)) * (1 - 1e-6)


def _shrink(picture: "Image.Image", dpi: float) -> "Image.Image":
    from PIL import Image

    width, height = picture.size
    factor = min(1.0, DPI / dpi, math.sqrt(MAX_PIXELS / (width * height)), MAX_SIDE / max(width, height))
    picture = _to_plain(picture)
    if factor == 1.0:
        return picture
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _to_plain(picture: "Image.Image") -> "Image.Image":
    """Return a picture in 8-bit grey or colour, with transparency on white."""
    from ner_tasks.documents.ocr import ocr_images

    if picture.mode in ("RGB", "L"):
        return picture
    is_colour = picture.mode in ("RGBA", "P", "PA", "CMYK", "YCbCr", "LAB", "HSV", "RGBX", "RGBa")
    return ocr_images.to_opaque(picture).convert("RGB") if is_colour else ocr_images.to_grey(picture)


def _encode(picture: "Image.Image") -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=_QUALITY, method=_METHOD)
    return file.getvalue()
