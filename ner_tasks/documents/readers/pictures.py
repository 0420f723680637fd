"""Pictures in office files: handed on where OCR reads them, else named."""

import struct

from ner_tasks.documents.inventory import UNREAD
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits, Part

KIND = "picture"
# Bullets, lines, spacers: no letter of a readable size fits.
_MIN_PIXELS = 30
_READABLE = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".gif", ".bmp", ".webp")
_DRAWINGS = (".emf", ".wmf", ".emz", ".wmz", ".pict", ".pct", ".pcz", ".eps", ".cgm", ".wpg", ".svm")
SUFFIXES = (*_READABLE, *_DRAWINGS, ".ico", ".wdp", ".jxr", ".heic", ".jp2")


def add(builder: ExtractBuilder, name: str, content: bytes, limits: Limits, media_type: str = "") -> None:
    """Give a picture its fate."""
    lowered = name.lower()
    size = _size(content)
    if size and max(size) < _MIN_PIXELS:
        builder.inventory.ignored(KIND, "tiny-picture")
    elif lowered.endswith(_DRAWINGS):
        builder.inventory.unread(KIND, name, "a drawing of a format that is not read")
    elif not lowered.endswith(_READABLE) and not media_type.startswith("image/") and not size:
        builder.inventory.unread(KIND, name, "a picture of a format that is not read")
    elif limits.ocr:
        builder.inventory.read(KIND)
        builder.parts.append(Part(name.replace("#", "%23"), content, "", media_type))
    else:
        builder.inventory.unread(KIND, name, "a picture; OCR is switched off")


def checked(found: Extract) -> Extract:
    """What was read, if it is more than pictures.

    Raises:
        CannotRead: `no-text-layer` if there is no text but a picture, `broken` if there is none in what damage has left.
    """
    if found.text.strip() or found.parts:
        return found
    if n_pictures := sum(found.items.counts.get(KIND, {}).values()):
        raise CannotRead("no-text-layer", f"found {n_pictures} picture(s) and no text, expected text; a scan needs OCR")
    if any(found.items.counts.get(kind, {}).get(UNREAD) for kind in ("damage", "part")):
        raise CannotRead("broken", f"found no text and damage: {found.items.unread[0]}; expected a whole file")
    return found


def _size(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, None where a picture does not tell them in its first bytes."""
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            return struct.unpack_from(">II", content, 16)
        if content.startswith((b"GIF87a", b"GIF89a")):
            return struct.unpack_from("<HH", content, 6)
        if content.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", content, 18)
            return width, abs(height)
        return _jpeg_size(content) if content.startswith(b"\xff\xd8") else None
    except struct.error:
        return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 < len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker in (0xC0, 0xC1, 0xC2):
            height, width = struct.unpack_from(">HH", content, position + 5)
            return width, height
        position += 2 + int(struct.unpack_from(">H", content, position + 2)[0])
    return None
