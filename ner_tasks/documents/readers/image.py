"""Pictures of text (PNG, JPEG, TIFF, GIF, BMP, WebP), read by OCR."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ner_tasks.documents import ocr, ocr_images
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

if TYPE_CHECKING:
    from PIL import Image

_FORMATS = ("PNG", "JPEG", "MPO", "TIFF", "GIF", "BMP", "WEBP")


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read all pages of a picture, a blank line between two of them.

    Raises:
        CannotRead: `needs-ocr`, `bomb`, `too-slow`.
    """
    if not limits.ocr:
        raise ocr.needs_ocr("a picture")
    builder = ExtractBuilder()
    for number, (image, dpi) in enumerate(_pages(data), start=1):
        ocr.add_page(builder, ocr.recognize(image, dpi, limits), number, limits)
    return builder.extract(ocr.ENCODING)


def _pages(data: bytes) -> "Iterator[tuple[Image.Image, float]]":
    from PIL import Image, ImageSequence

    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as file:
            for image in ImageSequence.Iterator(file):
                ocr_images.check_size(image.size)
                yield image, 300.0
    except Image.DecompressionBombError as error:
        raise CannotRead("bomb", f"found {' '.join(str(error).split())}, expected fewer") from None
