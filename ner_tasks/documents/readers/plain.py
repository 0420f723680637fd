"""Plain text and Markdown."""

from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.types import Extract, ExtractBuilder, Limits


def read(data: bytes, _limits: Limits, declared: str = "") -> Extract:
    """Read a text file in its declared or detected encoding."""
    decoded = text_encoding.decode_with_guess(data, declared)
    builder = ExtractBuilder()
    builder.inventory.read("text")
    decoded.name_damage(builder)
    builder.append(decoded.text)
    return builder.extract(decoded.encoding, is_guessed=decoded.is_guessed)
