"""Read the files in a PDF: attachments, portfolios, file annotations.

Source: PDF 32000-1, 7.11.4 (embedded file streams).
"""

import ctypes
import hashlib
from typing import Any

from pypdfium2 import raw

from ner_tasks.bounded_names import TakenNames
from ner_tasks.documents.readers.pdf import pdfium
from ner_tasks.documents.types import CannotRead, ExtractBuilder, Limits, Part

KIND = "embedded-file"


class Files:
    """Adds the files of a document as parts."""

    def __init__(self, builder: ExtractBuilder, limits: Limits) -> None:
        self._builder, self._limits = builder, limits
        self._taken = TakenNames()
        self._n_bytes = 0
        self._contents: set[tuple[str, bytes]] = set()

    def add_attached(self, document: Any) -> None:
        """Add the files of the document's name tree."""
        n_files = raw.FPDFDoc_GetAttachmentCount(document)
        n_taken = min(n_files, self._limits.max_members)
        for number in range(n_taken):
            self._add(raw.FPDFDoc_GetAttachment(document, number), f"file {number + 1}")
        if n_files > n_taken:
            what = f"more than {n_taken} files"
            self._builder.inventory.unread(KIND, f"files from {n_taken + 1} on", what, n_files - n_taken)

    def add_from_annotation(self, page: Any, index: int, number: int) -> None:
        """Add the file of an annotation."""
        with pdfium.open_annotation(page, index) as annotation:
            if annotation is not None:
                self._add(raw.FPDFAnnot_GetFileAttachment(annotation), f"file on page {number}")

    def _add(self, attachment: Any, where: str) -> None:
        if not attachment:
            self._builder.inventory.unread(KIND, where, "broken, without content")
            return
        name = pdfium.clean(pdfium.read_string(raw.FPDFAttachment_GetName, attachment)).strip() or where
        media_type = pdfium.read_string(raw.FPDFAttachment_GetSubtype, attachment)
        content = self._read_content(attachment)
        if content is None:
            self._builder.inventory.unread(KIND, name[:100], "broken, without content")
            return
        if isinstance(content, bytes):
            digest = (name, hashlib.sha256(content).digest())
            if digest in self._contents:  # in the name tree and on a page
                self._builder.inventory.ignored(KIND, "same-file")
                return
            self._contents.add(digest)
        called = self._taken.make_unique(name.replace("#", "%23"))
        self._builder.parts.append(Part(called, content, media_type=media_type))
        self._builder.inventory.read(KIND)

    def _read_content(self, attachment: Any) -> "bytes | CannotRead | None":
        n_bytes = ctypes.c_ulong()
        if not raw.FPDFAttachment_GetFile(attachment, None, 0, ctypes.byref(n_bytes)):
            return None
        self._n_bytes += n_bytes.value
        if self._n_bytes > self._limits.max_unpacked_bytes:
            largest = self._limits.max_unpacked_bytes
            return CannotRead("bomb", f"found {self._n_bytes} bytes of files in a PDF, expected at most {largest}")
        buffer = ctypes.create_string_buffer(max(n_bytes.value, 1))
        if not raw.FPDFAttachment_GetFile(attachment, buffer, n_bytes.value, ctypes.byref(n_bytes)):
            return None
        return buffer.raw[: n_bytes.value]
