"""E-mail (eml): who wrote to whom about what, and the text; attachments are documents of their own."""

from collections.abc import Iterator
from email import policy
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from itertools import islice
from pathlib import PurePosixPath

from ner_tasks.documents import text_encoding
from ner_tasks.documents.readers import html
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits, Part, free_name

_SUFFIXES = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/markdown": ".md",
    "message/rfc822": ".eml",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/zip": ".zip",
    "application/gzip": ".gz",
    "application/x-tar": ".tar",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/tiff": ".tiff",
}
_MAX_NAME = 1_000
_HEADERS = ("From", "To", "Cc", "Date", "Subject")


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Headers as `Field: value` lines, then the body, plain text if the sender gave it and else HTML.

    Raises:
        CannotRead: `broken` if there is no header, `not-text` or `unknown-encoding` as for any text.
    """
    message = BytesParser(EmailMessage, policy=policy.default).parsebytes(data)
    headers = [f"{name}: {message[name]}" for name in _HEADERS if message[name]]
    if not headers:
        raise CannotRead("broken", f"found none of {', '.join(_HEADERS)}, expected a mail's headers")
    body = message.get_body(("plain", "html"))
    text, encoding = _text_of(body) if isinstance(body, EmailMessage) else ("", "")
    # An odd header is no loss; a part that breaks off is.
    defects = {type(defect).__name__ for part in message.walk() for defect in part.defects}
    builder = ExtractBuilder()
    builder.append("\n".join(headers) + "\n\n" + text)
    builder.inventory.read("body")
    for line in headers:
        if "\ufffd" in line:
            builder.inventory.unread("header", f"damage: {line.partition(':')[0]}", "in no known encoding")
    for name in sorted(defects):
        if "Boundary" in name or "Base64" in name:
            builder.inventory.unread("part", "damage", name)
    for part in _attachments(message):
        if not _is_read(part, limits):
            builder.inventory.unread("attachment", f"attachment {_name_of(part)}", "not read")
    builder.parts = list(islice(_parts(message, limits), limits.max_members + 1))
    return builder.extract(encoding)


def _attachments(message: EmailMessage) -> Iterator[MIMEPart]:
    return (leaf for part in message.iter_attachments() for leaf in _leaves(part))


def _is_read(part: MIMEPart, limits: Limits) -> bool:
    """Whether an attachment may hold text; the pictures of a signature are no documents that got lost."""
    kind = part.get_content_maintype()
    return kind not in ("audio", "video") and (kind != "image" or limits.ocr)


def _name_of(part: MIMEPart) -> str:
    return (part.get_filename() or part.get_content_type())[:_MAX_NAME]


def _parts(message: EmailMessage, limits: Limits) -> Iterator[Part]:
    """Attachments by their file names, or `part-<number>` and what their type suggests."""
    seen: set[str] = set()
    leaves = (part for part in _attachments(message) if _is_read(part, limits))
    for number, part in enumerate(leaves, start=1):
        content_type = part.get_content_type()
        suffix = _SUFFIXES.get(content_type, "")
        name = (part.get_filename() or "").replace("#", "%23")[:_MAX_NAME] or f"part-{number}{suffix}"
        if not PurePosixPath(name).suffix:
            name += suffix
        name = free_name(f"part-{number}-{name}" if name in seen else name, seen)
        declared = part.get_content_charset() or "" if content_type.startswith("text/") else ""
        yield Part(name, _content(part), declared)


def _leaves(part: MIMEPart) -> Iterator[MIMEPart]:
    if part.get_content_maintype() != "multipart":
        yield part
    else:
        for inner in part.iter_parts():
            yield from _leaves(inner)


def _content(part: MIMEPart) -> bytes | CannotRead:
    if part.get_content_type() == "message/rfc822" and part.is_multipart():
        try:
            return bytes(part.get_payload(0))  # type: ignore[arg-type]
        except (LookupError, ValueError, TypeError, AttributeError) as error:  # headers that cannot be written again
            return CannotRead("broken", f"found {type(error).__name__} in a mail's headers, expected a whole mail")
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return CannotRead("broken", "found a part without content of its own, expected a file")
    return payload


def _text_of(part: EmailMessage) -> tuple[str, str]:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    text, encoding = text_encoding.decode(data, part.get_content_charset() or "")
    return (html.text_of(text) if part.get_content_subtype() == "html" else text), encoding
