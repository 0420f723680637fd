"""Extract the text of MIME parts that are shown inside a mail."""

import re
from dataclasses import dataclass, field

from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.encodings.text_encoding import Decoded
from ner_tasks.documents.readers.mail import calendar
from ner_tasks.documents.readers.mail.mail_headers import decode_value, split_headers
from ner_tasks.documents.readers.markup import html
from ner_tasks.documents.readers.markup.html_walk import HtmlPage
from ner_tasks.documents.types import CannotRead

# Media type -> form of a body.
FORMS = {
    "text/plain": "plain",
    "text/markdown": "plain",
    "text/x-markdown": "plain",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/x-amp-html": "html",
    "text/watch-html": "html",
    "text/enriched": "enriched",
    "text/richtext": "enriched",
    "text/x-aol": "html",
    "text/calendar": "calendar",
    "text/x-vcalendar": "calendar",
    "text/vcard": "calendar",
    "text/x-vcard": "calendar",
    "text/directory": "calendar",
    "text/rfc822-headers": "headers",
    "message/delivery-status": "plain",
    "message/global-delivery-status": "plain",
    "message/disposition-notification": "plain",
    "message/global-disposition-notification": "plain",
    "message/feedback-report": "plain",
    "message/tracking-status": "plain",
    "message/global-headers": "headers",
    "message/vnd.esf": "plain",
}
# Remark that mail programs write into the preamble for programs without MIME support.
_MIME_REMARK = re.compile(
    r"\s*(?:this is a (?:cryptographically )?(?:signed |multi-?part )*(?:message|mail|e-?mail)(?: in)?(?: the)? mime(?:[- ]format)?"
    r"|this is an? (?:open)?pgp/mime (?:signed|encrypted)(?: and signed)? message(?: \(rfc [\d and]+\))?"
    r"|this is an? (?:s/mime|smime) (?:signed|encrypted) message"
    r"|this (?:message|mail|e-?mail) (?:is|was) (?:composed |written |sent )?in (?:the )?mime(?: format)?"
    r"|since your mail reader does not understand\s+this format, some or all of this message may not be legible"
    r"|if you (?:are reading|can read|see|can see) this(?: (?:message|text|line))?, your (?:mail|e-?mail) ?(?:reader|program|client|software|agent)"
    r" (?:does not|doesn't|may not) (?:support|understand|know) mime"
    r"|your (?:mail|e-?mail) ?(?:reader|program|client) (?:does not|doesn't) (?:support|understand) mime(?: messages)?"
    r"|mime[- ]version: 1\.0|this is a mime-encapsulated message|this is a multi-?part message"
    r"|it has been signed conforming to rfc ?\d+)[\s.!:>-]*",
    re.IGNORECASE,
)
_ENRICHED = re.compile(r"<(/?)([A-Za-z0-9-]{1,60})>|<<|\n+")
_FLOWED = re.compile(r"(?m)^(?!-- \r?$)(.*) \r?\n(?!-- \r?$)")


def is_mime_remark(text: str) -> bool:
    """Whether a preamble only states that this is a MIME message."""
    position = 0
    while position < len(text) and (match := _MIME_REMARK.match(text, position)):
        if match.end() == position:
            break
        position = match.end()
    return not text[position:].strip()


@dataclass(frozen=True)
class PartText:
    """Text of a part.

    Attributes:
        text: the shown text.
        decoded: the decoded source, with its encoding and damage.
        page: the HTML page, None for other parts.
    """

    text: str = ""
    decoded: Decoded = field(default_factory=lambda: Decoded("", ""))
    page: HtmlPage | None = None


def extract_text(data: bytes, form: str, parameters: dict[str, str], declared: str) -> PartText:
    """Extract the text of a part.

    Args:
        data: its content after transfer decoding.
        form: a value of `FORMS`.
        parameters: parameters of its Content-Type.
        declared: encoding that its headers declare.

    Raises:
        CannotRead: `not-text`, `unknown-encoding`.
    """
    if not data.strip():
        return PartText()
    if form == "headers":
        headers = split_headers(data, 0, is_root=True)
        lines = [f"{name}: {value}" for name, raw in headers.fields if (value := decode_value(raw, declared))]
        rest = data[headers.body_start :]
        decoded = text_encoding.decode_with_guess(rest, declared) if rest.strip() else Decoded("", "")
        lines += [decode_value(line) for line in headers.foreign]
        return PartText("\n".join((*lines, decoded.text)), decoded)
    if form == "html":
        decoded = html.decode(data, declared)
        page = html.parse(decoded.text)
        return PartText(page.text, decoded, page)
    decoded = text_encoding.decode_with_guess(data, declared)
    text = decoded.text
    if form == "calendar":
        text = calendar.read_text(text)
    elif form == "enriched":
        text = strip_enriched(text)
    elif parameters.get("format", "").lower() == "flowed" and parameters.get("delsp", "").lower() == "yes":
        text = _FLOWED.sub(r"\1", text)
    return PartText(text, decoded)


def strip_enriched(text: str) -> str:
    """Remove the commands from text/enriched and text/richtext (RFC 1896, RFC 1341)."""
    pieces, position, n_hidden = [], 0, 0
    for match in _ENRICHED.finditer(text.replace("\r\n", "\n")):
        if not n_hidden:
            pieces.append(match.string[position : match.start()])
        position = match.end()
        command = (match.group(2) or "").lower()
        if command in ("param", "comment"):
            n_hidden = max(0, n_hidden + (-1 if match.group(1) else 1))
        elif n_hidden:
            continue
        elif match.group() == "<<" or command == "lt":
            pieces.append("<")
        elif command in ("nl", "np", "paragraph"):
            pieces.append("\n")
        elif match.group().startswith("\n"):
            pieces.append(match.group())
    if not n_hidden:
        pieces.append(text.replace("\r\n", "\n")[position:])
    return "".join(pieces)


def decode_loose(data: bytes, declared: str = "") -> str:
    """Decode text between or after parts, whose encoding is not declared."""
    try:
        return text_encoding.decode(data, declared)[0]
    except CannotRead:
        return data.decode("latin-1")
