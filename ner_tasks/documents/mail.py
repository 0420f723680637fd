"""E-mail (eml): who wrote to whom about what, and the text; attachments are documents of their own."""

import io
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from ner_tasks.documents import html, plain
from ner_tasks.documents.archives import Budget, Member
from ner_tasks.documents.extract import CannotRead, Extract, Limits

_SUFFIXES = {"message/rfc822": ".eml", "text/plain": ".txt", "text/html": ".html", "application/pdf": ".pdf"}
_HEADERS = ("From", "To", "Cc", "Date", "Subject")


def read(data: bytes, _limits: Limits) -> Extract:
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
    unread = [f"attachment {_name_of(part)}" for part in message.iter_attachments() if _is_unread(part)]
    unread += [f"damage: {line.partition(':')[0]} in no known encoding" for line in headers if "\ufffd" in line]
    unread += [f"damage: {name}" for name in sorted(defects) if "Boundary" in name or "Base64" in name]
    return Extract("\n".join(headers) + "\n\n" + text, encoding, tuple(unread))


def _text_of(part: EmailMessage) -> tuple[str, str]:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    text, encoding = plain.decode(data, part.get_content_charset() or "")
    return (html.text_of(text) if part.get_content_subtype() == "html" else text), encoding


def attachments(data: bytes, budget: Budget) -> Iterator[Member]:
    """Attachments with their names: those that may hold text, not the pictures of a signature.

    Raises:
        CannotRead: `bomb`, if there are too many.
    """
    message = BytesParser(EmailMessage, policy=policy.default).parsebytes(data)
    for part in message.iter_attachments():
        if _is_unread(part):
            continue
        budget.take_member()
        if part.get_content_type() == "message/rfc822":
            content = part.get_payload(0).as_bytes()  # type: ignore[union-attr]
        else:
            payload = part.get_payload(decode=True)
            content = payload if isinstance(payload, bytes) else b""
        budget.take(len(content))
        yield _name_of(part), io.BytesIO(content)


def _is_unread(part: EmailMessage) -> bool:
    return part.get_content_maintype() in ("image", "audio", "video")


def _name_of(part: EmailMessage) -> str:
    """The sender's name for an attachment; its type says what it is where there is none."""
    if name := part.get_filename():
        return str(name)
    if _is_unread(part):
        return part.get_content_type()
    return "attachment" + (_SUFFIXES.get(part.get_content_type()) or f".{part.get_content_subtype()}")
