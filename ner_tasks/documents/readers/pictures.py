"""Pictures inside files: become documents if OCR is on, else are listed as unread."""

from ner_tasks.documents.inventory import UNREAD
from ner_tasks.documents.readers import picture_size
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits, Part

KIND = "picture"
OCR_OFF = "a picture; OCR is switched off"
_READABLE = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".gif", ".bmp", ".webp")
_DRAWINGS = (".emf", ".wmf", ".emz", ".wmz", ".pict", ".pct", ".pcz", ".eps", ".cgm", ".wpg", ".svm")
SUFFIXES = (*_READABLE, *_DRAWINGS, ".ico", ".wdp", ".jxr", ".heic", ".jp2")


def add(builder: ExtractBuilder, name: str, content: bytes, limits: Limits, media_type: str = "") -> None:
    """Add a picture as a part if OCR can read it, or list it as unread or ignored."""
    lowered = name.lower()
    if picture_size.is_tiny(content):
        builder.inventory.ignored(KIND, "tiny-picture")
    elif lowered.endswith(_DRAWINGS):
        builder.inventory.unread(KIND, name, "a drawing in an unsupported format")
    elif (
        not lowered.endswith(_READABLE)
        and not media_type.startswith("image/")
        and not picture_size.picture_size(content)
    ):
        builder.inventory.unread(KIND, name, "a picture in an unsupported format")
    elif limits.ocr:
        builder.inventory.read(KIND)
        builder.parts.append(Part(name.replace("#", "%23"), content, "", media_type))
    else:
        builder.inventory.unread(KIND, name, OCR_OFF)


def require_text(extract: Extract) -> Extract:
    """Return the extract if it has text or parts.

    Raises:
        CannotRead: `no-text-layer` if it has only pictures; `broken` if damage left no text.
    """
    if extract.text.strip() or extract.parts:
        return extract
    if n_pictures := extract.items.counts.get(KIND, {}).get(UNREAD, 0):
        raise CannotRead("no-text-layer", f"found {n_pictures} picture(s) and no text, expected text; a scan needs OCR")
    if any(extract.items.counts.get(kind, {}).get(UNREAD) for kind in ("damage", "part")):
        raise CannotRead("broken", f"found no text and damage: {extract.items.unread[0]}; expected a whole file")
    return extract
