"""Read RTF with its headers, footers, notes, annotations and text boxes; embedded objects become separate documents."""

import struct

from ner_tasks.documents.readers import pictures
from ner_tasks.documents.readers.mail import rtf_html
from ner_tasks.documents.readers.markup import html
from ner_tasks.documents.readers.markup.rtf_blocks import Blob, RtfBlock
from ner_tasks.documents.readers.markup.rtf_parsing import BODY, RtfParser
from ner_tasks.documents.readers.office import ole_objects
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

_BEGINNING = b"{\\rtf"
_LINKED, _EMBEDDED = 1, 2
_DIB_HEADER = 14
_PACKAGE = b"package"


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read an RTF file, which declares its own encoding.

    Raises:
        CannotRead: `broken` if it is not RTF; `no-text-layer` if it has only pictures.
    """
    if _BEGINNING not in data[:1024].lower():
        raise CannotRead("broken", "found no {\\rtf at the beginning, expected RTF")
    builder = ExtractBuilder()
    kind = rtf_html.detect_kind(data)
    if kind == "html":
        builder.note("HTML that a mail program wrapped in RTF")
        html.add_page(builder, rtf_html.unwrap(data), limits)
        return builder.extract()
    parsing = RtfParser(data).run()
    for block in _sort_blocks(parsing.blocks):
        if block.kind == BODY:
            builder.inventory.read(BODY)
            builder.block(_clean(block.text))
        elif block.text.strip():
            builder.inventory.read(block.kind)
            builder.block(_clean(block.text), block.kind)
    for rule, n in parsing.ignored.items():
        builder.inventory.ignored("destination", rule, n)
    for number, blob in enumerate(parsing.blobs, start=1):
        _add_blob(builder, blob, number, limits)
    if not parsing.is_whole:
        builder.inventory.unread("damage", "end of the file", "truncated within a group")
    return pictures.require_text(builder.extract())


def extract_text(data: bytes) -> str:
    """Return the text of an RTF file, such as the body of an Outlook message."""
    kind = rtf_html.detect_kind(data)
    if kind:
        inner = rtf_html.unwrap(data)
        return html.extract_text(inner) if kind == "html" else inner
    blocks = _sort_blocks(RtfParser(data).run().blocks)
    return "\n\n".join(_clean(block.text) for block in blocks if block.text.strip())


def _sort_blocks(blocks: list[RtfBlock]) -> list[RtfBlock]:
    """Sort the body first, then the other blocks in file order."""
    return sorted(blocks, key=lambda block: block.kind != BODY)


def _clean(text: str) -> str:
    lines = (line.rstrip(" \t") for line in text.split("\n"))
    return "\n".join(lines).strip()


def _add_blob(builder: ExtractBuilder, blob: Blob, number: int, limits: Limits) -> None:
    content = blob.content
    if blob.kind == "picture":
        name = f"picture-{number}{blob.suffix or '.wmf'}"
        if not content:
            builder.inventory.ignored("picture", "empty-picture")
        elif blob.suffix == ".dib":
            pictures.add(builder, f"picture-{number}.bmp", _add_bmp_header(content), limits)
        else:
            pictures.add(builder, name, content, limits)
        return
    name = f"object-{number}.bin"
    try:
        class_name, native = _parse_native(content)
    except (struct.error, ValueError):
        builder.inventory.unread(ole_objects.KIND, name, "a damaged object")
        return
    if native is None:
        builder.inventory.unread(ole_objects.KIND, name, "a link to an external file")
    elif class_name == _PACKAGE:
        ole_objects.add(builder, name, struct.pack("<I", len(native)) + native)
    else:
        ole_objects.add(builder, name, native)


def _parse_native(content: bytes) -> tuple[bytes, bytes | None]:
    """Return class and content of an OLE 1.0 object; the content is None for a link.

    Source: [MS-OLEDS] 2.2.4, 2.2.5, 2.2.6.
    """
    _, kind = struct.unpack_from("<II", content)
    position, strings = 8, []
    for _ in range(3):
        n_bytes = struct.unpack_from("<I", content, position)[0]
        strings.append(content[position + 4 : position + 4 + n_bytes].rstrip(b"\0"))
        position += 4 + n_bytes
    class_name = strings[0].lower()
    if kind != _EMBEDDED:
        if kind != _LINKED:
            raise ValueError("found an object that is neither embedded nor linked")
        return class_name, None
    n_bytes = struct.unpack_from("<I", content, position)[0]
    return class_name, content[position + 4 : position + 4 + n_bytes]


def _add_bmp_header(dib: bytes) -> bytes:
    """Convert a device-independent bitmap (DIB) to a BMP file."""
    if len(dib) < 40:
        return dib
    n_header, _, _, _, n_bits = struct.unpack_from("<IiiHH", dib)
    n_colours = struct.unpack_from("<I", dib, 32)[0] or (1 << n_bits if n_bits <= 8 else 0)
    start = _DIB_HEADER + n_header + 4 * n_colours
    return struct.pack("<2sIII", b"BM", _DIB_HEADER + len(dib), 0, start) + dib
