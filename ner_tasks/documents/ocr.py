"""Pictures of text (png, jpg, tiff, pages of a PDF), read by Tesseract where that is switched on.

An extra, since the program does not come from PyPI; and a switch, so that no answer depends on what is installed.
"""

import importlib.util
import io
import shutil
import warnings
from collections.abc import Iterator
from typing import Any

from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

ENCODING = "ocr"
_DPI = 300
_POINTS_PER_INCH = 72
_MAX_PIXELS = 40_000_000  # A3 at 300 dpi has 17 million
_MAX_PAGE_SECONDS = 120


def missing() -> str:
    """Which of the program and the packages that it takes is not there, "" if all are."""
    absent = [name for name in ("pytesseract", "PIL", "pypdfium2") if importlib.util.find_spec(name) is None]
    return ", ".join(absent if shutil.which("tesseract") else ["tesseract", *absent])


def needs_ocr(found: str) -> CannotRead:
    """What is said of a picture where it is not to be read."""
    return CannotRead("needs-ocr", f"found {found}, expected text; OCR is switched off, see docs/formats.md")


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """All pages of a picture, a blank line between two of them.

    Raises:
        CannotRead: `needs-ocr`, `bomb` if it has more pixels than Pillow lets through, `too-slow`.
    """
    if not limits.ocr:
        raise needs_ocr("a picture")
    builder = ExtractBuilder()
    for number, picture in enumerate(_pictures(data), start=1):
        builder.inventory.read("page")
        builder.block(_text_of(picture), number)
    return builder.extract(ENCODING)


def read_pages(data: bytes, numbers: list[int]) -> list[str]:
    """Text of these pages of a PDF, counted from 0; `missing` was asked before.

    Raises:
        CannotRead: `too-slow`.
    """
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    try:
        return [_text_of(_drawn(document[number])) for number in numbers]
    finally:
        document.close()


def _drawn(page: Any) -> Any:
    width, height = page.get_size()
    fitting = (_MAX_PIXELS / max(width * height, 1)) ** 0.5
    return page.render(scale=min(_DPI / _POINTS_PER_INCH, fitting)).to_pil()


def _pictures(data: bytes) -> Iterator[Any]:
    from PIL import Image, ImageSequence

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "TIFF")) as picture:
                for page in ImageSequence.Iterator(picture):
                    yield page.convert("RGB")
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise CannotRead("bomb", f"found {' '.join(str(error).split())}, expected fewer") from None


def _text_of(picture: Any) -> str:
    import pytesseract

    try:
        return str(pytesseract.image_to_string(picture, timeout=_MAX_PAGE_SECONDS)).strip()
    except RuntimeError as error:
        if isinstance(error, pytesseract.TesseractError) or "timeout" not in str(error):
            raise
        found = f"found a page that took more than {_MAX_PAGE_SECONDS} seconds to recognize"
        raise CannotRead("too-slow", f"{found}, expected fewer") from None
