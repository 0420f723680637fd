"""Write PDF files from raw objects, for cases that no library writes."""

import zlib
from collections.abc import Sequence

FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"


class PdfObjects:
    """Objects of a PDF, numbered as they are added; the first is the catalogue, the second the page tree."""

    def __init__(self) -> None:
        self._objects: list[bytes] = [b"", b""]
        self.pages: list[bytes] = []
        self.font = self.add(FONT)

    def add(self, content: bytes) -> bytes:
        """Add an object; returns a reference to it, such as `7 0 R`."""
        self._objects.append(content)
        return b"%d 0 R" % len(self._objects)

    def add_stream(self, content: bytes, entries: bytes = b"", *, is_packed: bool = False) -> bytes:
        """Add a stream."""
        if is_packed:
            content, entries = zlib.compress(content), entries + b"/Filter/FlateDecode"
        return self.add(b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(content), content))

    def add_form(self, content: bytes, box: Sequence[int] = (0, 0, 200, 20), entries: bytes = b"") -> bytes:
        """Add a form XObject, which draws with the font `/F1`."""
        edges = b" ".join(b"%d" % edge for edge in box)
        resources = b"/Resources<</Font<</F1 %s>>%s>>" % (self.font, entries)
        return self.add_stream(content, b"/Type/XObject/Subtype/Form/BBox[%s]%s" % (edges, resources))

    def add_page(
        self, content: bytes, *, annotations: Sequence[bytes] = (), entries: bytes = b"", resources: bytes = b""
    ) -> None:
        """Add a page of 612 x 792 points."""
        stream = self.add_stream(content, is_packed=len(content) % 2 == 0)
        page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %s/Resources<</Font<</F1 %s>>%s>>%s%s>>"
        notes = b"/Annots[%s]" % b" ".join(annotations) if annotations else b""
        self.pages.append(self.add(page % (stream, self.font, resources, notes, entries)))

    def to_bytes(self, catalogue: bytes = b"") -> bytes:
        """The file, with further entries of the catalogue."""
        self._objects[0] = b"<</Type/Catalog/Pages 2 0 R%s>>" % catalogue
        self._objects[1] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (b" ".join(self.pages), len(self.pages))
        data, places = b"%PDF-1.7\n", []
        for number, content in enumerate(self._objects, start=1):
            places.append(len(data))
            data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
        table = b"".join(b"%010d 00000 n \n" % place for place in places)
        size = len(self._objects) + 1
        end = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(data))
        return data + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (size, table, end)


def drawn(*lines: str, x: int = 72, y: int = 700, leading: int = 14, size: int = 12) -> bytes:
    """Content that draws lines of text, each by its own operator."""
    shown = b"".join(b"(%s) Tj T* " % _escaped(line) for line in lines)
    return b"BT /F1 %d Tf %d TL %d %d Td %sET\n" % (size, leading, x, y, shown)


def string(text: str) -> bytes:
    """A text string of an object."""
    if text.isascii():
        return b"(" + _escaped(text) + b")"
    return b"<" + (b"\xfe\xff" + text.encode("utf-16-be")).hex().encode() + b">"


def _escaped(text: str) -> bytes:
    return text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
