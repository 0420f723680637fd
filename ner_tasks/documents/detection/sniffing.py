"""Detect the format of a file by its content: signatures, contents of a package, beginning of a text."""

import re
import zipfile
from typing import BinaryIO

from ner_tasks.documents.archives.unpacking import detect_compression
from ner_tasks.documents.detection import packages
from ner_tasks.documents.detection.formats import FORMATS, Format

HEAD_BYTES = 64 * 1024
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
OLE_HEAD = OLE[:4]  # enough to recognise one with a damaged header
ENCRYPTED_OFFICE = "encrypted-office"  # not a readable format: an Office file with a password

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"PK00PK\x03\x04")
# Self-extracting archives.
_STUBS = (b"MZ", b"\x7fELF", b"#!")
# Beginnings of files that are read from the end.
PACKAGES = (b"PK", OLE, *_STUBS)
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF87a", b"GIF89a")
_TNEF = b"\x78\x9f\x3e\x22"
# Binary files that could pass for text in some encoding: WordPerfect, programs, PostScript.
_NOT_TEXT = (b"\xffWPC", b"\x7fELF", b"%!PS")
# UTF-16 names of streams in an OLE file.
_OLE_STREAMS = (
    ("EncryptedPackage", ENCRYPTED_OFFICE),
    ("__properties_version1.0", "msg"),
    ("WordDocument", "doc"),
    ("PowerPoint Document", "ppt"),
    ("Workbook", "xls"),
    ("Book", "xls"),
)
# The separators of a header; or, where they are damaged, another segment with the same field separator.
_HL7 = re.compile(
    r"[\s\ufeff\x0b]*(?:FHS|BHS|MSH)([^\w\s])(?:[^\w\s]{1,5}?\1|.*?[\r\n](?:EVN|PID|PV1|OB[RX]|ORC|MSA|NTE|BHS|MSH)\1)",
    re.DOTALL,
)
_X12 = re.compile(r"[\s\ufeff]*ISA([^\w\s])(?:(?:(?!\1)[^\r\n]){0,40}\1){15}.", re.DOTALL)
_CDA = re.compile(r"<(?:[\w-]+:)?ClinicalDocument[\s>/]")
_FHIR_XML = re.compile(r"<(?:\w+:)?[A-Z][^>]{0,2000}?xmlns(?::\w+)?\s*=\s*[\"']http://hl7\.org/fhir[\"']")
_PROLOG = (("<?", "?>"), ("<!--", "-->"), ("<!DOCTYPE", ">"))
_UTF16 = (
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
    (b"{\0", "utf-16-le"),
    (b"\0{", "utf-16-be"),
    (b"M\0S\0H\0", "utf-16-le"),
    (b"\0M\0S\0H", "utf-16-be"),
)
_SVG = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!DOCTYPE\s+svg[^>]*>\s*)?<(?:\w+:)?svg[\s>]",
    re.DOTALL | re.IGNORECASE,
)
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>])",
    re.DOTALL | re.IGNORECASE,
)
_XML = re.compile(r"\s*<\?xml[\s?]")
_RESOURCE = rb"\"resourceType\"\s*:\s*\"[A-Z][A-Za-z]{2,60}\""
_FHIR = re.compile(_RESOURCE.decode())
_FHIR_BYTES = re.compile(_RESOURCE)
_MAX_SEARCHED = 20 * 2**20
_CALENDAR = re.compile(r"\s*BEGIN:V(?:CALENDAR|(CARD))[ \t]*[\r\n]", re.IGNORECASE)
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,40}):[ \t]?\S?")
_UNIX_FROM = re.compile(r"From \S+.* \d{4}\s*$")
_MAIL_HEADERS = frozenset(
    [
        "received",
        "return-path",
        "message-id",
        "mime-version",
        "content-type",
        "delivered-to",
        "dkim-signature",
        "x-mailer",
        "x-originating-ip",
        "content-transfer-encoding",
        "authentication-results",
    ]
)
_LETTER_HEADERS = frozenset(["from", "to", "cc", "bcc", "subject", "date", "sender", "reply-to"])
_MIN_MAIL_HEADERS = 2
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MAX_CONTROL_SHARE = 0.01


def sniff(head: bytes, file: BinaryIO | None = None) -> Format | None:
    """Return the format of a file if its content identifies it, else None; see `detect_kind`."""
    return FORMATS.get(detect_kind(head, file))


def detect_kind(head: bytes, file: BinaryIO | None = None) -> str:
    """Detect what a file is by its content.

    Args:
        head: first `HEAD_BYTES` of the file.
        file: the whole file, seekable, to look into packages; its position is reset to the beginning.

    Returns:
        Name of a format, `ENCRYPTED_OFFICE`, or "" if the content is ambiguous.
    """
    return _detect_by_signature(head, file) or _detect_by_beginning(head) or _detect_late_fhir(head, file)


def looks_like_text(head: bytes) -> bool:
    """Whether a file may be text in some encoding, by its beginning."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if head.startswith(_NOT_TEXT):
        return False
    return b"\0" not in head and len(_CONTROL.findall(head)) <= max(1, _MAX_CONTROL_SHARE * len(head))


def _detect_by_signature(head: bytes, file: BinaryIO | None) -> str:
    if head.startswith(_ZIP):
        return packages.detect_kind(file) if file else ""
    if head.startswith(OLE):
        return _detect_ole(head, file)
    if b"%PDF-" in head[:1024] and not _CONTROL.search(head[: head.index(b"%PDF-")]):
        return "pdf" if head.index(b"%PDF-") == 0 or not looks_like_text(head) else ""
    if head.startswith(_IMAGES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return "image"
    if head.startswith(b"BM") and len(head) > 30 and head[6:10] == b"\0\0\0\0":
        return "image"
    if head.startswith(_STUBS) and file:
        return _detect_behind_stub(file)
    if kind := detect_compression(head):
        return kind
    if head[257:262] == b"ustar":
        return "tar"
    return "tnef" if head.startswith(_TNEF) else ""


def _detect_ole(head: bytes, file: BinaryIO | None) -> str:
    from ner_tasks.documents.detection.ole_files import OleFile

    if file is None:
        return next((kind for name, kind in _OLE_STREAMS if name.encode("utf-16-le") in head), "")
    try:
        with OleFile(file.read()) as ole:
            roots = {path[0].lower() for path in ole.listdir()}
        return next((kind for name, kind in _OLE_STREAMS if name.lower() in roots), "")
    except Exception:  # noqa: BLE001 - olefile raises arbitrary exceptions on damaged files
        return next((kind for name, kind in _OLE_STREAMS if name.encode("utf-16-le") in head), "")
    finally:
        file.seek(0)


def _detect_behind_stub(file: BinaryIO) -> str:
    try:
        return "zip" if zipfile.is_zipfile(file) else ""
    finally:
        file.seek(0)


def _detect_by_beginning(head: bytes) -> str:
    if head.lstrip().startswith(b"{\\rtf"):
        return "rtf"
    text = _decode_head(head)
    if _HL7.match(text):  # first, since the framing bytes of its messages do not look like text
        return "hl7"
    if not looks_like_text(head) and not head.startswith(tuple(mark for mark, _ in _UTF16)):
        return ""
    if _X12.match(text):
        return "x12"
    if calendar := _CALENDAR.match(text):
        return "vcf" if calendar.group(1) else "ics"
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") and _FHIR.search(text):
        return "fhir"
    if _XML.match(text) or text.lstrip("\ufeff \t\r\n").startswith("<"):
        root = _skip_prolog(text)
        if _CDA.match(root) or _CDA.search(text[:8192]):
            return "cda"
        if _FHIR_XML.match(root):
            return "fhir"
        if _SVG.match(text):
            return "svg"
        if _HTML.match(text):
            return "html"
        if kind := packages.detect_kind_of_xml(root):
            return kind
        return "xml" if _XML.match(text) else ""
    return "eml" if _is_mail(text) else ""


def _skip_prolog(text: str) -> str:
    """Return XML from its first element on."""
    at = 0
    while True:
        while at < len(text) and (text[at].isspace() or text[at] == "\ufeff"):
            at += 1
        closing = next((end for begin, end in _PROLOG if text.startswith(begin, at)), "")
        end = text.find(closing, at) if closing else -1
        if end < 0:
            return text[at:]
        at = end + len(closing)


def _detect_late_fhir(head: bytes, file: BinaryIO | None) -> str:
    """Return `fhir` for JSON with a late `resourceType`, such as behind a scan in base64; else ""."""
    if not file or len(head) < HEAD_BYTES or head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"["):
        return ""
    try:
        return "fhir" if _FHIR_BYTES.search(file.read(_MAX_SEARCHED)) else ""
    finally:
        file.seek(0)


def _decode_head(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "replace")
    for beginning, encoding in _UTF16:
        if head.startswith(beginning):
            return head.decode(encoding, "replace")
    return head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def _is_mail(text: str) -> bool:
    """Whether a text begins with the header of a mail; `From:` and `Subject:` alone may also begin a letter."""
    lines = text.lstrip("\r\n").splitlines()
    if lines and _UNIX_FROM.match(lines[0]):
        lines = lines[1:]
    names: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and names:
            continue
        if not (header := _HEADER.match(line)):
            break
        names.append(header.group(1).lower())
    distinct = set(names)
    n_program = len(distinct & _MAIL_HEADERS)
    return n_program >= _MIN_MAIL_HEADERS or (n_program >= 1 and bool(distinct & _LETTER_HEADERS))
