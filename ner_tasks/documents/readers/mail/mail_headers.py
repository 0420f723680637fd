"""Split, unfold and decode the header fields of mails, and parse their parameters.

Sources: RFC 5322 (fields), RFC 2047 (encoded words), RFC 2231 (parameters), RFC 6532 (raw UTF-8).
"""

import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.types import CannotRead

SHOWN = ("from", "sender", "reply-to", "to", "cc", "bcc", "date", "subject")
# Technical fields, which programs write for programs, and prefixes of others.
_TECHNICAL = frozenset(
    """
    received return-path message-id in-reply-to references mime-version user-agent mailer precedence auto-submitted
    importance priority sensitivity delivered-to envelope-to errors-to disposition-notification-to return-receipt-to
    received-spf authentication-results dkim-signature domainkey-signature domainkey-status autocrypt feedback-id
    mailing-list accept-language acceptlanguage lines xref path status bytes expires expiry-date original-recipient
    final-recipient encrypted obsoletes supersedes control distribution nntp-posting-host thread-index
    msip_labels spamdiagnosticoutput spamdiagnosticmetadata deferred-delivery delivery-date envelope-from
    require-recipient-valid-since tls-required tls-report-domain tls-report-submitter conversion mt-priority
    apparently-to old-return-path resent-message-id injection-date injection-info snapshot-content-location
    """.split()  # noqa: SIM905 - a list of words reads better in lines
)
_TECHNICAL_PREFIXES = ("x-", "content-", "list-", "arc-", "dkim", "ironport-", "bimi-", "cfbl-", "authentication-")
_FIELD = re.compile(rb"([!-,.-9;-~][!-9;-~]{0,200})[ \t]*:")
_UNIX_FROM = re.compile(rb">?From [^\n]*")
_LOOKAHEAD_LINES = 20
_STORAGE = frozenset({"content-type", "mime-version", "content-transfer-encoding"})
_WORD = re.compile(r"=\?([^?\s]{1,75})\?([bBqQ])\?([^?]*)\?=")
_Q_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_SPACES = re.compile(r"[ \t\r\n]+")
_PARAMETER = re.compile(r";\s*([^\s=;\"]{1,200})\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^;]*)", re.DOTALL)
_SECTION = re.compile(r"([^*]+)\*(\d{1,4})?(\*)?$")


@dataclass
class Headers:
    """The header fields of a mail or of one of its parts.

    Attributes:
        fields: names as written, and raw, unfolded values.
        foreign: lines that are not fields.
        body_start: offset of the body.
    """

    fields: list[tuple[str, bytes]] = field(default_factory=list)
    foreign: list[bytes] = field(default_factory=list)
    body_start: int = 0

    def get(self, name: str) -> bytes:
        """Return the raw value of the first field with a lower-case name, empty if there is none."""
        return next((value for called, value in self.fields if called.lower() == name), b"")


def split_headers(data: bytes, start: int, *, is_root: bool) -> Headers:
    """Split the header fields that begin at an offset.

    Args:
        data: a whole mail.
        start: offset of the fields.
        is_root: whether they belong to the mail itself; blank and foreign lines may then precede them.
    """
    headers = Headers()
    values: list[list[bytes]] = []
    position, end = start, len(data)
    if is_root:
        while position < end and data[position] in b" \t\r\n":
            position += 1
        position = data.rfind(b"\n", start, position) + 1 or start
    while position < end:
        line_end = data.find(b"\n", position) + 1 or end
        line = data[position:line_end].rstrip(b"\r\n")
        if not line.strip():
            position = line_end
            if is_root and _is_blank_among_fields(data, position, headers):
                continue
            break
        if line[:1] in (b" ", b"\t") and values:
            values[-1].append(line)
        elif header := _FIELD.match(line):
            headers.fields.append((header.group(1).decode("ascii"), b""))
            values.append([line[header.end() :]])
        elif is_root and not values and _UNIX_FROM.fullmatch(line):
            headers.fields.append(("x-unix-from", b""))
            values.append([b""])
        elif line.startswith(b"--") or not _has_fields_ahead(data, line_end, is_root=is_root, has_fields=bool(values)):
            break
        else:
            headers.foreign.append(line)
        position = line_end
    headers.fields = [(name, b"".join(lines).strip()) for (name, _), lines in zip(headers.fields, values, strict=True)]
    headers.body_start = position
    return headers


def _is_blank_among_fields(data: bytes, position: int, headers: Headers) -> bool:
    """Whether fields that describe the body follow a blank line, which some mail servers insert."""
    names = {name.lower() for name, _ in headers.fields}
    if not names or names & _STORAGE:
        return False
    following: set[str] = set()
    for _ in range(_LOOKAHEAD_LINES):
        line_end = data.find(b"\n", position) + 1 or len(data)
        line = data[position:line_end]
        if not line.strip():
            break
        header = _FIELD.match(line)
        if header:
            following.add(header.group(1).decode("ascii").lower())
        if not (header and _is_known(header.group(1).decode("ascii").lower())) and (
            line[:1] not in b" \t" or not following
        ):
            return False
        position = line_end
    return bool(following & _STORAGE) and "from" not in following


def _has_fields_ahead(data: bytes, position: int, *, is_root: bool, has_fields: bool) -> bool:
    """Whether known fields follow a foreign line before the next blank line."""
    if not is_root and not has_fields:
        return False
    for _ in range(_LOOKAHEAD_LINES):
        line_end = data.find(b"\n", position) + 1 or len(data)
        line = data[position:line_end]
        if not line.strip() or line.startswith(b"--"):
            return False
        if (header := _FIELD.match(line)) and _is_known(header.group(1).decode("ascii").lower()):
            return True
        position = line_end
    return False


def _is_known(name: str) -> bool:
    return name in SHOWN or is_technical(name)


def is_technical(name: str) -> bool:
    """Whether a field, given its lower-case name, is written by programs for programs."""
    return name in _TECHNICAL or name.startswith(_TECHNICAL_PREFIXES)


def decode_value(raw: bytes, charset: str = "") -> str:
    """Decode a field's value into one line of text.

    Args:
        raw: unfolded value, with encoded words or raw bytes in some encoding.
        charset: encoding of the mail's text, tried for raw bytes that are not UTF-8.
    """
    return _SPACES.sub(" ", _CONTROL.sub(" ", _decode_words(_decode_raw(raw, charset)))).strip()


def _decode_raw(raw: bytes, charset: str = "") -> str:
    is_escaped = b"\x1b$" in raw or b"\x1b(" in raw
    if raw.isascii() and not is_escaped:
        return raw.decode("ascii")
    try:
        return raw.decode("iso2022_jp_ext" if is_escaped else "utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return text_encoding.decode(raw, charset)[0]
    except CannotRead:
        return raw.decode("utf-8", "replace")


def _decode_words(text: str) -> str:
    """Decode encoded words; adjacent ones are joined first, because a character may be split between them."""
    if "=?" not in text:
        return text
    pieces: list[str] = []
    group: list[re.Match[str]] = []
    position = 0
    for word in _WORD.finditer(text):
        between = text[position : word.start()]
        if group and (between.strip() or word.group(1).lower() != group[0].group(1).lower()):
            pieces.append(_decode_group(group))
            group = []
        if not position or between.strip():
            pieces.append(between)
        group.append(word)
        position = word.end()
    if group:
        pieces.append(_decode_group(group))
    return "".join((*pieces, text[position:]))


def _decode_group(words: list[re.Match[str]]) -> str:
    parts: list[bytes] = []
    base64 = ""  # incomplete groups of four characters continue in the next word
    for word in words:
        if word.group(2) in "bB":
            base64 += _NO_BASE64.sub("", word.group(3))
            if len(base64) % 4 == 0 or "=" in word.group(3):
                parts.append(_decode_base64(base64))
                base64 = ""
        else:
            parts.append(_decode_base64(base64))
            base64 = ""
            raw = word.group(3).replace("_", " ").encode("utf-8", "replace")
            parts.append(_Q_ESCAPE.sub(lambda match: bytes([int(match.group(1), 16)]), raw))
    parts.append(_decode_base64(base64))
    charset = words[0].group(1).partition("*")[0]
    return _decode_bytes(b"".join(parts), charset)


def _decode_base64(text: str) -> bytes:
    usable = text[: len(text) - (len(text) % 4 == 1)]
    return binascii.a2b_base64(usable + "=" * (-len(usable) % 4))


def _decode_bytes(data: bytes, charset: str) -> str:
    try:
        return text_encoding.decode(data, charset)[0] if data else ""
    except CannotRead:
        return data.decode("utf-8", "replace")


def parse_parameters(raw: bytes, charset: str = "") -> tuple[str, dict[str, str]]:
    """Return the lower-case first token of a field such as Content-Type, and its parameters by lower-case name."""
    text = _decode_raw(raw, charset)
    main = text.partition(";")[0].partition("(")[0].strip().lower()
    plain: dict[str, str] = {}
    sections: dict[str, list[tuple[int, bool, str]]] = {}
    for match in _PARAMETER.finditer(text):
        name, value = match.group(1).lower(), match.group(2).strip()
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1] if value.endswith('"') and len(value) > 1 else value[1:])
        if section := _SECTION.fullmatch(name):
            is_coded = bool(section.group(3)) or not section.group(2)
            sections.setdefault(section.group(1), []).append((int(section.group(2) or 0), is_coded, value))
        else:
            plain.setdefault(name, value)
    for name, values in sections.items():
        if joined := _join_sections(values):
            plain[name] = joined
    return main, {name: _decode_words(value) for name, value in plain.items()}


def _join_sections(values: list[tuple[int, bool, str]]) -> str:
    """Join the sections of a parameter, some of which are percent-encoded (RFC 2231)."""
    parts, charset = [], ""
    for number, is_coded, value in sorted(values, key=lambda section: section[0]):
        text = value
        if is_coded and number == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        parts.append(unquote_to_bytes(text) if is_coded else text.encode("utf-8", "replace"))
    return _decode_bytes(b"".join(parts), charset or "utf-8")
