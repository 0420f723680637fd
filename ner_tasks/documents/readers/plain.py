"""Plain text and Markdown."""

from ner_tasks.documents import text_encoding
from ner_tasks.documents.types import Extract, ExtractBuilder, Limits


def read(data: bytes, _limits: Limits, declared: str = "") -> Extract:
    """Read a text file, in the encoding that the mail around it declares or that `text_encoding.decode` finds."""
    text, encoding = text_encoding.decode(data, declared)
    builder = ExtractBuilder()
    builder.inventory.read("text")
    builder.append(text)
    return builder.extract(encoding)
