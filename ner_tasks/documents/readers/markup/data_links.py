"""Files in `data:` links of pages and drawings: added as parts, or listed as unread or ignored."""

import io
import re

from ner_tasks.documents.detection import sniffing
from ner_tasks.documents.readers import encapsulated, picture_size, pictures
from ner_tasks.documents.types import CannotRead, ExtractBuilder, Limits, Part

_KIND = "embedded-file"
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|#]+")
_SVG_TEXT = re.compile(rb"<(?:\w+:)?(?:text|foreignObject|image)\b", re.IGNORECASE)
_MEDIA = ("audio/", "video/")
_NO_TEXT = ("font/", "text/css", "text/javascript", "application/javascript", "application/font")
_SUFFIXES = {
    "text/plain": ".txt",
    "text/html": ".html",
    "image/svg+xml": ".svg",
    "text/csv": ".csv",
    "application/json": ".txt",
}


def add_link(builder: ExtractBuilder, link: str, where: str, limits: Limits, title: str = "") -> None:
    """Add the file in a link as a part, or count it as unread or ignored.

    Args:
        builder: builder of the document.
        link: the whole link.
        where: its location, for the list of unread items.
        limits: `ocr` decides whether pictures are added.
        title: its title in the page.
    """
    inventory = builder.inventory
    media_type, content = encapsulated.decode_data_uri(link)
    kind = media_type.partition(";")[0].strip().lower()
    if isinstance(content, CannotRead):
        inventory.unread("picture" if kind.startswith("image/") else _KIND, where, str(content))
    elif not content.strip():
        inventory.ignored(_KIND, "empty-attachment")
    elif kind.startswith(_NO_TEXT):
        inventory.ignored(_KIND, "styles-and-settings")
    elif kind.startswith(_MEDIA):
        inventory.unread(_KIND, where, "audio or video, which is not read")
    elif "svg" in kind and not _SVG_TEXT.search(content):
        inventory.ignored("picture", "drawing-without-text")
    else:
        _add_file(builder, content, media_type, where, limits, title)


def _add_file(builder: ExtractBuilder, content: bytes, media_type: str, where: str, limits: Limits, title: str) -> None:
    kind = media_type.partition(";")[0].strip().lower()
    format_ = sniffing.sniff(content[: sniffing.HEAD_BYTES], io.BytesIO(content))
    if (format_ and format_.name == "image") or (format_ is None and kind.startswith("image/") and "svg" not in kind):
        if picture_size.is_tiny(content):
            builder.inventory.ignored("picture", "tiny-picture")
            return
        suffix = format_.suffixes[0] if format_ else f".{kind.partition('/')[2][:10]}"
        pictures.add(builder, f"{where}{suffix}", content, limits, kind)
        return
    # The location makes the name unique.
    name = " ".join([where, *_UNSAFE.sub(" ", title).split()])[:120]
    if "." not in name[len(where) :]:
        name += format_.suffixes[0] if format_ else _SUFFIXES.get(kind, "")
    builder.inventory.read(_KIND)
    charset = _CHARSET.search(media_type)
    builder.parts.append(Part(name, content, charset[1] if charset else "", kind))
