"""Read the fields that people enter in appointments (iCalendar, vCalendar) and contact cards (vCard).

Sources: RFC 5545, RFC 6350; vCard 2.1 for quoted-printable values.
"""

import binascii
import re

from ner_tasks.bounded_names import TakenNames
from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.types import Extract, ExtractBuilder, Limits, Part

_LINE = re.compile(r"(?:[\w-]+\.)?([\w-]+)((?:;(?:[^\":;]|\"[^\"]*\")*)*):(.*)", re.DOTALL)
_PARAMETER = re.compile(r";\s*([\w-]+)\s*(?:=\s*((?:[^\";]|\"[^\"]*\")*))?")
_ESCAPE = re.compile(r"\\([\\;,:nN\"])")
_UNFOLD = re.compile(r"\r?\n[ \t]")
# Fields that programs write; all others are read.
_TECHNICAL = frozenset(
    """
    begin end version prodid uid dtstamp created last-modified sequence rrule exrule exdate rdate transp class status
    method calscale tzid tzoffsetfrom tzoffsetto tzname tzurl trigger repeat duration action rev key priority
    percent-complete geo request-status recurrence-id refresh-interval source color profile kind clientpidmap mailer
    sort-string xml calendar-color acknowledged
    """.split()  # noqa: SIM905 - a list of words reads better in lines
)
_BINARY = frozenset({"photo", "logo", "sound", "attach", "key", "image"})
_PERSONS = frozenset({"organizer", "attendee"})
_LISTS = frozenset({"n", "adr", "org"})


def read(data: bytes, limits: Limits, declared: str = "") -> Extract:
    """Read the fields that people enter as `Field: value` lines; attached files become separate documents."""
    text, encoding = text_encoding.decode(data, declared)
    builder = ExtractBuilder()
    lines, parts, n_pictures, n_technical = parse_fields(text)
    builder.lines(lines)
    builder.inventory.read("field", len(lines))
    builder.inventory.ignored("field", "technical-field", n_technical)
    for number in range(1, n_pictures + 1):
        builder.inventory.unread("picture", f"picture {number}", "a picture or sound in a card, which is not read")
    for part in parts[: limits.max_members + 1]:
        builder.inventory.read("attachment")
        builder.parts.append(part)
    return builder.extract(encoding)


def parse_fields(text: str) -> tuple[list[str], list[Part], int, int]:
    """Return the fields that people enter, attached files, and the numbers of pictures or sounds and technical fields."""
    lines: list[str] = []
    parts: list[Part] = []
    taken = TakenNames()
    n_pictures = n_technical = 0
    for line in _join_lines(text):
        match = _LINE.fullmatch(line)
        if not match:
            lines.append(line.strip())  # text outside a field
            continue
        name = match.group(1).lower()
        parameters = {key.lower(): value.strip('"') for key, value in _PARAMETER.findall(match.group(2))}
        is_base64 = parameters.get("encoding", "").lower() in ("b", "base64") or "base64" in parameters
        if name in _BINARY and (is_base64 or match.group(3).startswith("data:")):
            if name == "attach" and is_base64:
                parts.append(_decode_attachment(parameters, match.group(3), taken, len(parts) + 1))
            else:
                n_pictures += 1
        elif name in _TECHNICAL or (name.startswith("x-") and not _is_entered(name)):
            n_technical += 1
        elif value := _decode_value(name, parameters, match.group(3)):
            lines.append(f"{match.group(1).capitalize()}: {value}")
    return list(dict.fromkeys(line for line in lines if line)), parts, n_pictures, n_technical


def read_text(text: str) -> str:
    """Return a calendar or card as text, without its attachments."""
    return "\n".join(parse_fields(text)[0])


def _is_entered(name: str) -> bool:
    return name in ("x-alt-desc", "x-wr-calname", "x-wr-caldesc", "x-microsoft-locations") or name.endswith("-name")


def _join_lines(text: str) -> list[str]:
    """Unfold lines, and join those in quoted-printable."""
    lines: list[list[str]] = []  # of pieces
    is_open = False
    for line in re.split(r"\r\n|\n|\r", _UNFOLD.sub("", text)):
        if is_open:
            lines[-1][-1] = lines[-1][-1][:-1]
            lines[-1].append(line.lstrip(" \t"))
        elif line.strip():
            lines.append([line])
        is_open = line.endswith("=") and (is_open or "QUOTED-PRINTABLE" in line.partition(":")[0].upper())
    return ["".join(pieces) for pieces in lines]


def _decode_value(name: str, parameters: dict[str, str], value: str) -> str:
    if parameters.get("encoding", "").upper() == "QUOTED-PRINTABLE" or "quoted-printable" in parameters:
        raw = binascii.a2b_qp(value.encode("utf-8", "replace"))
        value = text_encoding.decode(raw, parameters.get("charset", "utf-8"))[0] if raw else ""
    if name in _PERSONS:
        address = re.sub(r"(?i)^mailto:", "", value)
        called = parameters.get("cn", "")
        return f"{called} <{address}>" if called and called != address else address
    if name in _LISTS:
        value = " ".join(part.strip() for part in re.split(r"(?<!\\)[;,]", value) if part.strip())
    value = _ESCAPE.sub(lambda match: "\n" if match.group(1) in "nN" else match.group(1), value)
    if name == "x-alt-desc" or parameters.get("fmttype", "") == "text/html":
        from ner_tasks.documents.readers.markup import html

        return html.extract_text(value).strip()
    return value.strip()


def _decode_attachment(parameters: dict[str, str], value: str, taken: TakenNames, number: int) -> Part:
    called = parameters.get("filename") or parameters.get("x-filename") or parameters.get("x-apple-filename") or ""
    name = taken.make_unique(called.replace("#", "%23") or f"part-{number}")
    usable = re.sub(r"[^A-Za-z0-9+/]", "", value)
    usable = usable[: len(usable) - (len(usable) % 4 == 1)]
    return Part(name, binascii.a2b_base64(usable + "=" * (-len(usable) % 4)), "", parameters.get("fmttype", ""))
