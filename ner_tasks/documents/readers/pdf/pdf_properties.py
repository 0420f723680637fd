"""Read title, subject, keywords and bookmarks of a PDF, unless the text of the pages repeats them."""

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
    """Add bookmarks and properties after the text of the pages, and count each in the inventory.

    Args:
        document: open document of pypdfium2.
        builder: builder with the text of all pages; if it is empty, nothing is added, so that a scan with a title still
            counts as unread.
    """
    bookmarks = list(_bookmarks(document))
    builder.inventory.expect("bookmark", len(bookmarks))
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
    """Yield the titles of the bookmarks in order, each once even in cyclic references; None for a very long one."""
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
    """Read a UTF-16 text from PDFium; None if it is longer than the limit."""
    n_bytes = int(get(None, 0))
    if n_bytes > _MAX_BYTES:
        return None
    buffer = create_string_buffer(n_bytes + 2)
    get(buffer, n_bytes)
    return " ".join(buffer.raw[:n_bytes].decode("utf-16-le", "ignore").replace("\0", " ").split())
