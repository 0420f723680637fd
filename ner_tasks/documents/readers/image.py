"""Pictures of text (PNG, JPEG, TIFF, GIF, BMP, WebP), read by OCR."""

from ner_tasks.documents import ocr
from ner_tasks.documents.types import Extract, Limits


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read all pages of a picture, a blank line between two of them.

    Raises:
        CannotRead: `needs-ocr`, `bomb`, `too-slow`.
    """
    return ocr.read(data, limits)
