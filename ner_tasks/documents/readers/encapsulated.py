"""Decode files embedded in messages, resources, pages and XML, and add those of messages as parts."""

import base64
import binascii
import io
import re
import zlib
from pathlib import PurePosixPath
from urllib.parse import unquote_to_bytes

from ner_tasks.bounded_names import TakenNames
from ner_tasks.documents.detection import formats, sniffing
from ner_tasks.documents.readers import pictures
from ner_tasks.documents.types import CannotRead, ExtractBuilder, Limits, Part

_DATA_URI = re.compile(r"\s*data:([^,]{0,300}),", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")
_TO_STANDARD = str.maketrans("-_", "+/", "=")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|]+")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_MAX_NAME = 100
_NO_TEXT = ("audio/", "video/")
# zlib's window bits by the compression code of HL7 V3 data types (CompressionAlgorithm).
_WINDOW_BITS = {"DF": -zlib.MAX_WBITS, "GZ": 16 + zlib.MAX_WBITS, "ZL": zlib.MAX_WBITS}


class Attachments:
    """Adds the files inside one document as parts, each with a unique name and a fate in the inventory."""

    def __init__(self, builder: ExtractBuilder, limits: Limits, kind: str = "attachment"):
        """Args:
        builder: builder that takes the parts.
        limits: `ocr` decides whether pictures are added.
        kind: kind of the items in the inventory.
        """
        self._builder, self._limits, self._kind = builder, limits, kind
        self._taken = TakenNames()

    def add(self, content: bytes | CannotRead, where: str, *, media_type: str = "", title: str = "") -> str:
        """Add one file as a part.

        Args:
            content: its bytes, or the error.
            where: its location, for the list of unread items.
            media_type: declared media type, such as `application/pdf; charset=utf-8`.
            title: name or title given by the sender.

        Returns:
            Name of the part; "" if it is not added.
        """
        inventory = self._builder.inventory
        if isinstance(content, CannotRead):
            inventory.unread(self._kind, where, str(content))
            return ""
        if not content.strip():
            inventory.ignored(self._kind, "empty-attachment")
            return ""
        sniffed = sniffing.sniff(content[: sniffing.HEAD_BYTES], io.BytesIO(content))
        kind = media_type.partition(";")[0].strip().lower()
        of_type = formats.find_by_media_type(kind) if kind else None
        format_ = sniffed or of_type
        if not self._limits.ocr and (
            format_ is formats.FORMATS["image"] or (not format_ and kind.startswith("image/"))
        ):
            inventory.unread("picture", where, pictures.OCR_OFF)
            return ""
        if not format_ and kind.startswith(_NO_TEXT):
            inventory.unread(self._kind, where, "audio or video, which is not read")
            return ""
        name = self._taken.make_unique(_make_name(title, format_, content, len(self._taken) + 1))
        declared = _CHARSET.search(media_type)
        self._builder.parts.append(Part(name, content, declared[1] if declared else "", kind))
        inventory.read(self._kind)
        return name

    def pointer(self, where: str, what: str) -> None:
        """List a reference to an external file, which is never fetched."""
        self._builder.inventory.unread("pointer", where, f"points to {what[:100]!r}, which is external and not fetched")


def _make_name(title: str, format_: formats.Format | None, content: bytes, number: int) -> str:
    name = " ".join(_UNSAFE.sub(" ", title).split()).replace("#", "%23")[:_MAX_NAME].strip(" .")
    if name and (PurePosixPath(name.lower()).suffix in formats.SUFFIXES):
        return name
    suffix = format_.suffixes[0] if format_ else ""
    if not suffix and sniffing.looks_like_text(content[: sniffing.HEAD_BYTES]):
        suffix = ".txt"
    return (name or f"attachment-{number}") + suffix


def is_data_uri(url: str) -> bool:
    """Whether a link is a `data:` URI."""
    return url.lstrip()[:5].lower() == "data:"


def decode_data_uri(url: str) -> tuple[str, bytes | CannotRead]:
    """Return media type and content of a `data:` URI, or the error of a damaged one.

    Source: RFC 2397.
    """
    head = _DATA_URI.match(url)
    if not head:
        return "", CannotRead("broken", "found a data URI without a comma, expected a whole one")
    about, content = head[1], unquote_to_bytes(url[head.end() :])
    if about.lower().rstrip().endswith(";base64"):
        return about.rpartition(";")[0], decode_base64(content.decode("latin-1"))
    return about, content


def decode_base64(text: str) -> bytes | CannotRead:
    """Decode base64 as senders write it: wrapped, without padding, in the URL alphabet, or as a `data:` URI.

    Returns:
        The bytes, or the error; never only some of the bytes.
    """
    if (uri := _DATA_URI.match(text)) and not uri[1].startswith(" "):  # else a sentence that begins with `Data: `
        text = text[uri.end() :]
    clean = _SPACE.sub("", text).translate(_TO_STANDARD)
    n_good = _BASE64.match(clean).end()  # type: ignore[union-attr]  # matches anything
    if n_good < len(clean):
        return CannotRead(
            "broken", f"found a character at {n_good} of {len(clean)} that is not base64, expected base64"
        )
    if len(clean) % 4 == 1:
        return CannotRead("broken", f"found {len(clean)} characters of truncated base64, expected all of it")
    try:
        return base64.b64decode(clean + "=" * (-len(clean) % 4))
    except binascii.Error as error:
        return CannotRead("broken", f"found {error}, expected base64")


def decode_hex(text: str) -> bytes | CannotRead:
    """Decode hexadecimal digits, which may be wrapped."""
    clean = _SPACE.sub("", text)
    try:
        return bytes.fromhex(clean)
    except ValueError:
        return CannotRead("broken", f"found {len(clean)} characters that are not hexadecimal, expected pairs of digits")


def unpack(content: bytes, method: str, limits: Limits) -> bytes | CannotRead:
    """Unpack content with an HL7 V3 `compression` attribute.

    Args:
        content: compressed bytes.
        method: `DF` (deflate), `GZ` (gzip), `ZL` (zlib) or "" for none.
        limits: `max_unpacked_bytes` applies.
    """
    if not method:
        return content
    if method.upper() not in _WINDOW_BITS:
        return CannotRead("unknown-format", f"found packing method {method[:20]!r}, expected DF, GZ or ZL")
    unpacker = zlib.decompressobj(_WINDOW_BITS[method.upper()])
    try:
        unpacked = unpacker.decompress(content, limits.max_unpacked_bytes)
    except zlib.error:
        return CannotRead("broken", "found damaged compressed data, expected intact data")
    if unpacker.unconsumed_tail:
        return CannotRead(
            "bomb", f"found more than {limits.max_unpacked_bytes} bytes unpacked, expected at most that many"
        )
    return unpacked if unpacker.eof else CannotRead("broken", "found truncated compressed data, expected all of it")
