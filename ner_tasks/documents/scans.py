"""Pictures of text, read by Tesseract where it is installed: an extra, see `requirements-ocr.in`."""

import io
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from ner_tasks.documents.extract import CannotRead, Extract, Limits

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
# Enough for print; twice as much takes four times as long.
_DPI = 200
_MAX_PIXELS = 200_000_000
HINT = "a scan needs OCR, see docs/formats.md"


def is_installed() -> bool:
    """Whether this machine can read pictures: the program and both packages are there."""
    return bool(shutil.which("tesseract") and find_spec("pytesseract") and find_spec("pypdfium2"))


def read(data: bytes, limits: Limits) -> Extract:
    """A picture, or each frame of one that has several.

    Raises:
        CannotRead: `needs-ocr` if that is off, `too-large` for more pixels than a page can have.
    """
    if not limits.ocr:
        raise CannotRead("needs-ocr", f"found a picture, expected text; {HINT}")
    from PIL import Image, ImageSequence

    Image.MAX_IMAGE_PIXELS = None  # judged here, with our own words
    with Image.open(io.BytesIO(data)) as picture:
        if picture.width * picture.height > _MAX_PIXELS:
            found = f"{picture.width} x {picture.height} pixels"
            raise CannotRead("too-large", f"found {found}, expected at most {_MAX_PIXELS} in all")
        texts = [_recognized(frame.convert("L")) for frame in ImageSequence.Iterator(picture)]
    return Extract("\n\n".join(texts), encoding="ocr")


def read_pdf(data: bytes) -> Extract:
    """Each page of a PDF without a text layer."""
    return Extract("\n\n".join(_recognized(page) for page in _pages(data)), encoding="ocr")


def _pages(data: bytes) -> Iterator[Any]:
    import pypdfium2

    with pypdfium2.PdfDocument(data) as document:
        for page in document:
            scale = _DPI / 72
            width, height = page.get_size()
            if width * height * scale**2 > _MAX_PIXELS:
                raise CannotRead("too-large", f"found a page of {width:.0f} x {height:.0f} points, expected less")
            yield page.render(scale=scale, grayscale=True).to_pil()


def _recognized(picture: Any) -> str:
    import pytesseract

    return str(pytesseract.image_to_string(picture))
