"""Account for each leaf of a mail: read it as text, extract it as a document, list it as unread, or ignore it by a rule."""

import io
import re
from pathlib import PurePosixPath

from ner_tasks.bounded_names import TakenNames
from ner_tasks.documents.detection import formats, ignored_files, sniffing
from ner_tasks.documents.readers import encapsulated, pictures
from ner_tasks.documents.readers.mail import cms
from ner_tasks.documents.readers.mail.mail_bodies import MailBlock, is_blank
from ner_tasks.documents.readers.mail.mail_text import FORMS, extract_text
from ner_tasks.documents.readers.mail.mime import Entity
from ner_tasks.documents.readers.mail.mime_content import decode_transfer, split_embedded
from ner_tasks.documents.readers.markup.html_walk import HtmlPage
from ner_tasks.documents.readers.picture_size import is_tiny
from ner_tasks.documents.types import CannotRead, ExtractBuilder, Limits, Part

_SUFFIXES = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/markdown": ".md",
    "text/rtf": ".rtf",
    "text/calendar": ".ics",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "text/xml": ".xml",
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "message/news": ".eml",
    "image/jpeg": ".jpg",
    "image/tiff": ".tiff",
    "image/svg+xml": ".svg",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}
_MESSAGES = ("message/rfc822", "message/global", "message/news")
_SIGNATURES = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature")
_PKCS7 = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_RESOURCES = re.compile(
    r"text/css|(?:text|application)/(?:x-)?(?:java|ecma)script|font/.*|application/(?:x-)?font.*|application/vnd\.ms-fontobject"
)
_PGP_BLOCK = re.compile(r"-----BEGIN PGP MESSAGE-----.*?(?:-----END PGP MESSAGE-----|\Z)", re.DOTALL)
_NAMED_ONLY = {
    "message/partial": "one fragment of a mail sent in fragments",
    "message/external-body": "content stored elsewhere",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_NO_PICTURE = ("image/svg+xml", "image/vnd.dwg", "image/vnd.dxf")


class Leaves:
    """Accounts for each leaf of one mail."""

    def __init__(self, builder: ExtractBuilder, limits: Limits, *, is_page: bool = False, charset: str = "") -> None:
        self.builder, self.limits, self.inventory = builder, limits, builder.inventory
        self.is_page = is_page  # a web archive: a page with its resources
        self.charset = charset  # overrides the declared encoding of text without a transfer encoding
        self.names = TakenNames()
        self.n_attachments = 0

    def read(self, entity: Entity, around: str) -> list[MailBlock]:
        """Account for a leaf, and return its text if the mail shows it.

        Args:
            entity: an entity that is not a multipart.
            around: media type of the enclosing multipart, "" for the mail itself.
        """
        content_type = entity.content_type
        if rule := self._find_rule(entity, around):
            self.inventory.ignored("attachment", rule)
            return []
        if content_type in _NAMED_ONLY:
            self.inventory.unread("attachment", self._describe(entity), _NAMED_ONLY[content_type])
            return []
        data, tail, damage = decode_transfer(entity)
        if damage:
            self.inventory.unread("part", "damage", f"{damage} ({self._section(entity)})")
        blocks = self._read_body(entity, data) if self._is_body(entity) else self._read_file(entity, data, around)
        if not is_blank(tail.decode("latin-1")):
            blocks = [*blocks, *self._read_text(entity, tail, "plain", "")]
        return blocks

    def _find_rule(self, entity: Entity, around: str) -> str:
        if entity.content_type in _SIGNATURES:
            return "signature"
        if entity.content_type == "application/pgp-keys":
            return "public-key"
        if entity.content_type == "application/applefile":
            return "macos-metadata"
        is_shown = self.is_page or around == "multipart/related" or not (entity.disposition or entity.name)
        if is_shown and _RESOURCES.fullmatch(entity.content_type):
            return "page-resource"
        return ignored_files.find_rule(entity.name) if entity.name else ""

    def _is_body(self, entity: Entity) -> bool:
        if entity.content_type not in FORMS:
            return False
        if entity.content_type.startswith("message/"):
            return True
        return not entity.name and entity.disposition in ("", "inline")

    def _read_body(self, entity: Entity, data: bytes) -> list[MailBlock]:
        text, files = split_embedded(data)
        for embedded in files:
            name = embedded.name.decode("utf-8", "replace").strip()
            if embedded.content is None:
                self.inventory.unread("attachment", f"attachment {_clean(name)}", "damaged, or one of several pieces")
            else:
                self.add_file(name, "application/octet-stream", embedded.content, "")
        return self._read_text(entity, text, FORMS[entity.content_type], entity.parameters.get("charset", ""))

    def _read_text(self, entity: Entity, data: bytes, form: str, charset: str) -> list[MailBlock]:
        place = self._place(entity)
        if self.charset and not entity.headers.get("content-transfer-encoding"):
            charset = self.charset
        try:
            part = extract_text(data, form, entity.parameters, charset)
        except Exception as error:  # noqa: BLE001 - parsers raise many types of exceptions; the other parts are read
            what = str(error) if isinstance(error, CannotRead) else f"damaged ({type(error).__name__})"
            self.inventory.unread("body", place, what)
            return []
        text = part.text
        part.decoded.name_damage(self.builder)
        if part.page:
            self.add_page(part.page)
        if _PGP_BLOCK.search(text):
            self.inventory.unread("part", f"{place}: a PGP message", "encrypted")
            text = _PGP_BLOCK.sub("", text)
        if is_blank(text):
            self.inventory.ignored("body", "blank")
            return []
        return [MailBlock(text, place, form, part.decoded.encoding, is_guessed=part.decoded.is_guessed)]

    def add_page(self, page: HtmlPage) -> None:
        """Account for the content of an HTML page beside its text: files in links, hidden text."""
        self.inventory.read("form-field", page.n_fields)
        for (kind, rule), n in page.ignored.items():
            self.inventory.ignored(kind, rule, n)
        self.builder.note(*page.notes)
        for where, link, title in page.files:
            media_type, content = encapsulated.decode_data_uri(link)
            if isinstance(content, CannotRead):
                self.inventory.unread("attachment", where, str(content))
            else:
                self.add_file(title, media_type, content, "")

    def _read_file(self, entity: Entity, data: bytes, around: str) -> list[MailBlock]:
        content_type, name = entity.content_type, entity.name
        if around == "multipart/encrypted":
            if content_type == "application/pgp-encrypted":
                self.inventory.ignored("attachment", "encryption-parameters")
            else:
                self.inventory.unread("attachment", self._describe(entity), "encrypted")
            return []
        if entity.disposition in ("", "inline") and not name:
            name = _read_location(entity)
        charset = entity.parameters.get("charset", "") if content_type.startswith("text/") else ""
        self.add_file(name, content_type, data, charset)
        return []

    def add_file(self, name: str, content_type: str, data: bytes, charset: str) -> None:
        """Add a file as a separate document, or list it as unread."""
        where = f"attachment {_clean(name) or content_type}"
        maintype = content_type.partition("/")[0]
        if not data.strip():
            self.inventory.ignored("attachment", "blank")
            return
        if maintype in ("audio", "video"):
            self.inventory.unread("attachment", where, "audio or video, which is not read")
            return
        if self._is_picture(content_type, data) and not self._is_read_picture(where, data):
            return
        self.n_attachments += 1
        if self.n_attachments > self.limits.max_members + 1:  # one more than the limit, so that the caller reports it
            self.inventory.unread("attachment", where, f"more than {self.limits.max_members} files in one file")
            return
        self.inventory.read("attachment")
        self.builder.parts.append(Part(self.make_name(name, content_type), data, charset, content_type))

    def _is_picture(self, content_type: str, data: bytes) -> bool:
        sniffed = sniffing.sniff(data[: sniffing.HEAD_BYTES], io.BytesIO(data)) if _has_mark(data) else None
        if sniffed is not None:
            return sniffed.name == "image"
        return content_type.startswith("image/") and content_type not in _NO_PICTURE

    def _is_read_picture(self, where: str, data: bytes) -> bool:
        if is_tiny(data):
            self.inventory.ignored("attachment", "tiny-picture")
            return False
        if not self.limits.ocr:
            self.inventory.unread("attachment", where, pictures.OCR_OFF)
        return self.limits.ocr

    def make_name(self, name: str, content_type: str) -> str:
        """Return a unique name for a file."""
        number = self.n_attachments
        suffix = _guess_suffix(content_type)
        wanted = _clean(name) or f"part-{number}{suffix}"
        called = formats.find_by_suffix(wanted)
        if not PurePosixPath(wanted).suffix or (content_type in _MESSAGES and (called is None or called.name != "eml")):
            wanted += suffix
        return self.names.make_unique(f"part-{number}-{wanted}" if wanted in self.names else wanted)

    def unpack(self, entity: Entity) -> tuple[bytes, bool]:
        """Return the MIME entity in a part that is encoded or signed as a whole, and whether it is such a part."""
        if entity.content_type.startswith("multipart/"):
            data, _, damage = decode_transfer(entity)
            if damage:
                self.inventory.unread("part", "damage", f"{damage} ({self._section(entity)})")
            return b"Content-Type: " + entity.headers.get("content-type") + b"\r\n\r\n" + data, True
        is_container = entity.content_type in _PKCS7 or entity.name.lower().endswith(".p7m")
        if not is_container:
            return b"", False
        try:
            content, is_whole = cms.unwrap(decode_transfer(entity)[0], self.limits.max_unpacked_bytes)
        except CannotRead as error:
            reason = "encrypted" if error.reason == "encrypted" else str(error)
            self.inventory.unread("attachment", self._describe(entity), reason)
            return b"", True
        if not is_whole:
            self.inventory.unread("part", "damage", "a truncated S/MIME part")
        if not content.strip():
            self.inventory.ignored("attachment", "signature")
        return content, True

    def _describe(self, entity: Entity) -> str:
        return f"attachment {_clean(entity.name) or entity.content_type}"

    def _section(self, entity: Entity) -> str:
        return f"part {entity.number}" if entity.number else "the mail itself"

    def _place(self, entity: Entity) -> str:
        return f"body {entity.number}".rstrip() if len(entity.number) < 40 else "body"


def _has_mark(data: bytes) -> bool:
    """Whether a file may begin with the signature of a format; False for text."""
    return data[:1] in b"\x89\xff\xd0GIMRBP%\x1f\x78" and not data[:4].isalpha()


def _guess_suffix(content_type: str) -> str:
    if content_type in _SUFFIXES:
        return _SUFFIXES[content_type]
    format_ = formats.find_by_media_type(content_type)
    if format_ is None or (format_.name == "text" and content_type not in format_.media_types):
        return ".txt" if content_type.startswith("text/") else ""
    if format_.name == "image":
        return "." + content_type.partition("/")[2]
    return format_.suffixes[0] if format_.suffixes else ""


def _read_location(entity: Entity) -> str:
    """Return the file name in the address of a web page's resource."""
    address = entity.headers.get("content-location").decode("ascii", "replace").strip()
    name = re.sub(r"\s+", "", address).partition("?")[0].partition("#")[0].rpartition("/")[2]
    return name if "." in name and ":" not in name else ""


def _clean(name: str) -> str:
    """Return a file name on one line, without its folders."""
    own = _CONTROL.sub(" ", name).replace("\\", "/").rstrip("/ .").rpartition("/")[2]
    return " ".join(own.split()).replace("#", "%23")
