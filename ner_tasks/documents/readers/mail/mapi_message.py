"""Turn an Outlook message into a document: its headers, fields, body and attachments."""

import re

from ner_tasks.documents.readers.mail import mail_bodies, rtf_compression, rtf_html
from ner_tasks.documents.readers.mail.mail_bodies import MailBlock
from ner_tasks.documents.readers.mail.mail_headers import Headers, decode_value, split_headers
from ner_tasks.documents.readers.mail.mail_leaves import Leaves
from ner_tasks.documents.readers.mail.mail_text import extract_text
from ner_tasks.documents.readers.mail.mapi import BINARY, Attachment, Message, Properties, find_encoding
from ner_tasks.documents.readers.mail.mapi_fields import list_fields
from ner_tasks.documents.readers.markup import html
from ner_tasks.documents.readers.office import ole_objects
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

_RECIPIENTS = ((1, "To", 0x0E04), (2, "Cc", 0x0E03), (3, "Bcc", 0x0E02))
_BODY, _HTML, _RTF = 0x1000, 0x1013, 0x1009
_BY_REFERENCE = (2, 3, 4, 7)
_PREFIX = re.compile(r"^\x01.")
_HIDDEN_SENDER = re.compile(r"^/o=", re.IGNORECASE)


def read(message: Message, builder: ExtractBuilder, limits: Limits) -> Extract:
    """Read one message.

    Args:
        message: message from a .msg file or winmail.dat.
        builder: builder to which the file's damage was already added.
        limits: limits on reading.
    """
    properties = message.properties
    headers = split_headers(properties.text(0x007D).encode("utf-8", "replace"), 0, is_root=True)
    for name, value in _list_headers(message, headers):
        builder.block(f"{name}: {value}", name, separator="\n")
        builder.inventory.read("header")
    builder.inventory.ignored("header", "technical-header", len(headers.fields))
    lines = list_fields(properties)
    builder.lines([f"{name}: {value}" if name else value for name, value in lines], "fields")
    builder.inventory.read("field", len(lines))
    leaves = Leaves(builder, limits)
    forms = _read_forms(properties, leaves)
    chosen, own, n_same = mail_bodies.choose(forms)
    builder.inventory.ignored("body", "other-form-of-the-same-body", n_same)
    for block in (*chosen, *own):
        builder.inventory.read("body")
        builder.block(block.text, block.place)
    for attachment in message.attachments:
        _read_attachment(attachment, builder, leaves)
    is_guessed = any(block.is_guessed for block in chosen)
    return builder.extract(next((block.encoding for block in chosen), ""), is_guessed=is_guessed)


def _list_headers(message: Message, headers: Headers) -> list[tuple[str, str]]:
    properties = message.properties
    sender = _format_person(properties, (0x0C1A,), (0x5D01, 0x0C1F))
    author = _format_person(properties, (0x0042,), (0x5D02, 0x0065)) or sender
    subject = _PREFIX.sub("", properties.text(0x0037)) or properties.text(0x0E1D, 0x0070)
    fields = [
        ("From", author or decode_value(headers.get("from"))),
        ("Sender", sender if sender != author else ""),
        ("Reply-To", "; ".join(properties.texts(0x0050))),
    ]
    for kind, name, shown in _RECIPIENTS:
        persons = [
            _format_person(one, (0x3001, 0x5FF6), (0x39FE, 0x3003))
            for one in message.recipients
            if _find_kind(one) == kind
        ]
        listed = "; ".join(dict.fromkeys(person for person in persons if person))
        display = properties.text(shown)
        if not mail_bodies.split_words(display) <= mail_bodies.split_words(listed):
            listed = f"{listed}; {display}" if listed else display
        fields.append((name, listed or decode_value(headers.get(name.lower()))))
    fields += [("Date", properties.time(0x0039, 0x0E06) or decode_value(headers.get("date")))]
    fields += [("Subject", subject or decode_value(headers.get("subject")))]
    return [(name, " ".join(value.split())) for name, value in fields if value.strip()]


def _find_kind(recipient: Properties) -> int:
    return (recipient.number(0x0C15) & 0xF) or 1


def _format_person(properties: Properties, names: tuple[int, ...], addresses: tuple[int, ...]) -> str:
    """Format a name and address, such as `Rosa Delgado <rosa@example.org>`."""
    name = properties.text(*names)
    address = next((text for one in addresses if (text := properties.text(one)) and not _HIDDEN_SENDER.match(text)), "")
    if not address or address.lower() == name.lower():
        return name or address
    return f"{name} <{address}>" if name else address


def _read_forms(properties: Properties, leaves: Leaves) -> list[list[MailBlock]]:
    """Return the body in each of its forms, the simplest first."""
    forms: list[list[MailBlock]] = []
    if text := properties.text(_BODY):
        forms.append([MailBlock(text, "body", "plain")])
    for name, number, read_form in (("HTML", _HTML, _read_html), ("RTF", _RTF, _read_rtf)):
        if not properties.values.get(number):
            continue
        try:
            forms.append([read_form(properties, leaves)])
        except Exception as error:  # noqa: BLE001 - parsers raise many types of exceptions; the other forms are read
            what = str(error) if isinstance(error, CannotRead) else f"damaged ({type(error).__name__})"
            leaves.inventory.unread("body", f"body in {name}", what)
    return [form for form in forms if not mail_bodies.is_blank(form[0].text)]


def _read_html(properties: Properties, leaves: Leaves) -> MailBlock:
    page = properties.values[_HTML]
    if isinstance(page, bytes) and properties.types[_HTML] == BINARY:
        part = extract_text(page.rstrip(b"\0"), "html", {}, find_encoding(properties.number(0x3FDE)))
        part.decoded.name_damage(leaves.builder)
        if part.page:
            leaves.add_page(part.page)
        return MailBlock(part.text, "body", "html", part.decoded.encoding, is_guessed=part.decoded.is_guessed)
    return _read_page(properties.text(_HTML), leaves, "html")


def _read_page(markup: str, leaves: Leaves, form: str) -> MailBlock:
    page = html.parse(markup)
    leaves.add_page(page)
    return MailBlock(page.text, "body", form)


def _read_rtf(properties: Properties, leaves: Leaves) -> MailBlock:
    raw, is_whole = rtf_compression.decompress(properties.binary(_RTF), leaves.limits.max_unpacked_bytes)
    if not is_whole:
        leaves.inventory.unread("body", "damage: body in RTF", "truncated")
    kind = rtf_html.detect_kind(raw)
    if kind:
        unwrapped = rtf_html.unwrap(raw)
        return _read_page(unwrapped, leaves, "rtf") if kind == "html" else MailBlock(unwrapped, "body", "rtf")
    from ner_tasks.documents.readers.markup import rtf

    return MailBlock(rtf.extract_text(raw), "body", "rtf")


def _read_attachment(attachment: Attachment, builder: ExtractBuilder, leaves: Leaves) -> None:
    properties = attachment.properties
    name = properties.text(0x3707, 0x3704, 0x3001)
    where = f"attachment {name or 'without a name'}"
    if attachment.message:
        content, suffix = attachment.message
        called = properties.text(0x3001, 0x3707, 0x3704) or "message"
        leaves.add_file(called if called.lower().endswith(suffix) else called + suffix, "", content, "")
    elif attachment.ole is not None:
        ole_objects.add(builder, leaves.make_name(name or "object", ""), attachment.ole)
    elif properties.number(0x3705) in _BY_REFERENCE and not attachment.content:
        builder.inventory.unread("attachment", where, "content stored elsewhere")
    elif attachment.content is None:
        builder.inventory.unread("attachment", where, "content missing")
    else:
        media_type = properties.text(0x370E).lower()
        leaves.add_file(name or _make_name(properties), media_type, attachment.content, "")


def _make_name(properties: Properties) -> str:
    extension = properties.text(0x3703)
    return f"attachment{extension}" if extension.startswith(".") else ""
