"""What people call a PDF and its places: title, subject, keywords, bookmarks; read where the pages do not say it."""

import re
from collections.abc import Iterator
from ctypes import create_string_buffer
from typing import Any

from pypdfium2 import raw

from ner_tasks.documents.readers import properties
from ner_tasks.documents.readers.pdf import pdfium
from ner_tasks.documents.types import ExtractBuilder

_NAMES = ("Title", "Subject", "Keywords")
_MAX_BOOKMARKS = 20_000
_MAX_BYTES = 65_536
_WORD = re.compile(r"\w+")


def add(document: Any, builder: ExtractBuilder) -> None:
    """Add bookmarks and properties behind the text of the pages; each is accounted for.

    Args:
        document: an open document of PDFium's.
        builder: holds the text of all pages; one without text stays so, since a title does not make a scan read.
    """
    bookmarks = list(_bookmarks(document))
    builder.inventory.found("bookmark", len(bookmarks))
    titles = [title for title in bookmarks if title is not None]
    if n_long := len(bookmarks) - len(titles):
        builder.inventory.unread(
            "bookmark", f"{n_long} bookmark(s)", f"of more than {_MAX_BYTES // 2} characters", n_long
        )
    if not builder.length:
        builder.inventory.ignored("bookmark", "document-properties", len(titles))
        return
    text = builder.text
    words = set(_WORD.findall(text.casefold())) if titles else set()
    own = [title for title in titles if not words.issuperset(_WORD.findall(title.casefold()))]
    builder.lines(own, "bookmarks")
    builder.inventory.read("bookmark", len(own))
    builder.inventory.ignored("bookmark", "said-in-the-text", len(titles) - len(own))
    filled = [(name, _property(document, name) or "") for name in _NAMES]
    properties.add(builder, filled, text)


def _bookmarks(document: Any) -> Iterator[str | None]:
    """Titles of the bookmarks in their order, None for a very long one; each once, however they refer to each other."""
    seen: set[int] = set()
    pending = [raw.FPDFBookmark_GetFirstChild(document, None)]
    while pending and len(seen) < _MAX_BOOKMARKS:
        bookmark = pending.pop()
        address = pdfium.get_address(bookmark)
        if not address or address in seen:
            continue
        seen.add(address)
        pending.append(raw.FPDFBookmark_GetNextSibling(document, bookmark))
        pending.append(raw.FPDFBookmark_GetFirstChild(document, bookmark))
        yield _text(lambda buffer, size, of=bookmark: raw.FPDFBookmark_GetTitle(of, buffer, size))


def _property(document: Any, name: str) -> str | None:
    return _text(lambda buffer, size: raw.FPDF_GetMetaText(document, name.encode("ascii"), buffer, size))


def _text(get: Any) -> str | None:
    """A text that PDFium writes as UTF-16 into a buffer; None for one that is longer than the bound."""
    n_bytes = int(get(None, 0))
    if n_bytes > _MAX_BYTES:
        return None
    buffer = create_string_buffer(n_bytes + 2)
    get(buffer, n_bytes)
    return " ".join(buffer.raw[:n_bytes].decode("utf-16-le", "ignore").replace("\0", " ").split())
