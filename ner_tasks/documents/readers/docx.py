"""Word files (docx), read from their XML, since that also holds what python-docx's paragraphs leave out.

Text boxes, content controls, tracked insertions, footnotes and comments are text that a person sees.
"""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

_OLE = b"\xd0\xcf\x11\xe0"
# Parts of the package that hold text, in the order of reading; all others are styles, pictures, settings.
_PARTS = ("header", "main", "footnotes", "endnotes", "comments", "footer")
_SPECIAL = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": "\u00ad"}
# An old program's copy of what the neighbouring element holds.
_SKIPPED = frozenset({"Fallback", "pPr", "rPr", "sectPr", "tblPr"})


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Headers, body, notes and footers; a paragraph or a table's row per block.

    Raises:
        CannotRead: `encrypted`, `no-text-layer` if there are only pictures, or `too-large` if it unpacks to more than
            the limit, which is found out beforehand.
    """
    import docx
    from docx.oxml.parser import parse_xml  # resolves no entities

    if data.startswith(_OLE):
        raise CannotRead("encrypted", "found an encrypted or pre-2007 Word file, expected docx without a password")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        n_bytes = sum(entry.file_size for entry in archive.infolist())
    if n_bytes > limits.max_unpacked_bytes:
        raise CannotRead("too-large", f"found {n_bytes} bytes unpacked, expected at most {limits.max_unpacked_bytes}")
    package = docx.Document(io.BytesIO(data)).part.package
    parts = {str(part.partname): part for part in package.iter_parts()}
    found = sorted((_PARTS.index(kind), name) for name, part in parts.items() if (kind := _kind_of(part.content_type)))
    blocks = [block.strip() for _, name in found for block in _blocks(parse_xml(parts[name].blob))]
    text = "\n\n".join(filter(None, blocks))
    n_pictures = sum(name.startswith("/word/media/") for name in parts)
    if n_pictures and not text:
        raise CannotRead("no-text-layer", f"found {n_pictures} picture(s) and no text, expected text; a scan needs OCR")
    builder = ExtractBuilder()
    builder.inventory.read("part", len(found))
    builder.append(text)
    if n_pictures:
        builder.inventory.unread("picture", f"{n_pictures} picture(s)", "pictures are not read", n_pictures)
    return builder.extract()


def _kind_of(content_type: str) -> str:
    """`footer` for `application/vnd....wordprocessingml.footer+xml`, "" for what holds no text."""
    kind = content_type.removesuffix("+xml").removesuffix(".main").rpartition(".")[2]
    kind = "main" if kind in ("document", "template") else kind
    return kind if kind in _PARTS else ""


def _name(element: Any) -> str:
    # Comments and processing instructions have a function for a tag.
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _blocks(element: Any) -> Iterator[str]:
    """Text of each paragraph and each table row below `element`, text boxes behind the paragraph they hang on."""
    for child in element:
        name = _name(child)
        if name == "p":
            yield _inline(child)
            yield from _boxes(child)
        elif name == "tr":
            cells = (cell for cell in child.iter() if _name(cell) == "tc" and _row_of(cell) is child)
            yield "\t".join(" ".join(filter(None, (block.strip() for block in _blocks(cell)))) for cell in cells)
        elif name not in _SKIPPED:
            yield from _blocks(child)


def _row_of(cell: Any) -> Any:
    return next(ancestor for ancestor in cell.iterancestors() if _name(ancestor) == "tr")


def _inline(element: Any) -> str:
    """Text of one paragraph without its text boxes."""
    pieces = []
    for child in element:
        name = _name(child)
        if name == "t":
            pieces.append(child.text or "")
        elif name in _SPECIAL:
            pieces.append(_SPECIAL[name])
        elif name not in _SKIPPED and name != "txbxContent":
            pieces.append(_inline(child))
    return "".join(pieces)


def _boxes(paragraph: Any) -> Iterator[str]:
    for box in paragraph.iter():
        if _name(box) == "txbxContent" and not any(_name(above) == "Fallback" for above in box.iterancestors()):
            nested = any(_name(above) == "txbxContent" for above in box.iterancestors())
            if not nested:  # a box within a box is reached through its own paragraph
                yield from _blocks(box)
