"""Syntax of HL7 v2 messages (ER7): separators, segments, escape sequences, character sets.

Source: HL7 Version 2.5.1, chapter 2, sections 2.5 to 2.9 and 2.15.9.18 (MSH-18), table 0211.
"""

import re
from dataclasses import dataclass

SEGMENT_HEADERS = ("MSH", "BHS", "FHS")
_DEFAULT = "^~\\&"
# Table 0211 and names seen in its place; WHATWG's windows-1252 is what senders of 8859/1 mean.
_CHARSETS = {
    "ASCII": "",
    "8859/1": "cp1252",
    **{f"8859/{n}": f"iso8859_{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)},
    "ISO IR6": "",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "CNS 11643-1992": "big5",
    "BIG-5": "big5",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UNICODE UTF-16": "utf-16",
    "UNICODE UTF-32": "utf-32",
}
_FORMATTING = re.compile(r"\.(br|sp|in|ti|sk|ce|fi|nf)\s*([+-]?\d{0,4})", re.IGNORECASE)
_SHIFT = re.compile(r"(?:C[0-9A-F]{4}|M[0-9A-F]{4,6})", re.IGNORECASE)
_BYTES = re.compile(r"X((?:[0-9A-F]{2}){1,500})", re.IGNORECASE)
_MAX_SEQUENCE = 1_002  # characters of an escape sequence between its escape characters
_MAX_BREAKS = 3


@dataclass(frozen=True)
class Hl7Separators:
    """The separators of one message.

    Attributes:
        fault: what is wrong with the declared ones, "" if nothing is.
    """

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    fault: str = ""


def parse_separators(line: str) -> Hl7Separators:
    r"""Separators that a header segment (MSH, BHS, FHS) declares; the usual ones where it breaks the rules.

    Args:
        line: the segment, such as `MSH|^~\&|...`.
    """
    field = line[3:4]
    if not field or field.isalnum() or field.isspace():
        return Hl7Separators(fault="no field separator behind the name of the first segment")
    declared = line[4:].partition(field)[0]
    is_sound = len(set(declared)) == len(declared) and not any(sign.isalnum() or sign.isspace() for sign in declared)
    if not is_sound or not 1 <= len(declared) <= 5:
        return Hl7Separators(field, fault="the second field of the first segment declares no separators")
    signs = list(declared[:4])
    signs += [sign if sign not in (field, *signs) else "\0" for sign in _DEFAULT[len(signs) :]]
    return Hl7Separators(field, *signs)


@dataclass
class Hl7Segment:
    """One segment.

    Attributes:
        name: its three letters, "" for a line that is no segment.
        number: how many of its name there were, itself counted.
        fields: raw fields; `fields[5]` is field 5, and 0 is the name.
    """

    name: str
    number: int
    fields: list[str]

    def field(self, number: int) -> str:
        """A raw field, "" if it is missing or holds HL7's null."""
        value = self.fields[number] if number < len(self.fields) else ""
        return "" if value == '""' else value

    def place(self, number: int) -> str:
        """Where a field stands, such as `OBX[3]-5`."""
        return f"{self.name}[{self.number}]-{number}" if self.name else f"line {self.number}"


def parse_segments(lines: list[str], separators: Hl7Separators, known: frozenset[str]) -> list[Hl7Segment]:
    """Segments of a message's lines.

    A line that does not begin like a segment goes on with the field above it, as does an ADD segment; below a header
    segment, or at first, it is a line of its own.

    Args:
        lines: without their ends.
        separators: of the message.
        known: segment names that may stand without fields, or in lower case.
    """
    begins = re.compile(rf"[ \t\ufeff]*([A-Za-z][A-Za-z0-9]{{2}})(?={re.escape(separators.field)}|\s*$)")
    raw: list[tuple[str, list[str]]] = []  # name and raw lines
    for line in lines:
        begin = begins.match(line)
        name = begin[1] if begin else ""
        is_bare = bool(begin) and begin.end() == len(line.rstrip())  # type: ignore[union-attr]
        if name and (name.upper() in known or not (is_bare or name != name.upper())):
            name = name.upper()
        else:
            name = ""
        if name == "ADD" and raw and raw[-1][0] not in ("", *SEGMENT_HEADERS):
            raw[-1][1].append(line.lstrip()[4:])
        elif name:
            raw.append((name, [line.strip(" \t\ufeff") if name in SEGMENT_HEADERS else line.lstrip(" \t\ufeff")]))
        elif raw and raw[-1][0] not in ("", *SEGMENT_HEADERS):
            raw[-1][1].append("\n" + line)
        elif line.strip():
            raw.append(("", [line]))
    return _number(raw, separators)


def _number(raw: list[tuple[str, list[str]]], separators: Hl7Separators) -> list[Hl7Segment]:
    counts: dict[str, int] = {}
    segments = []
    for name, pieces in raw:
        counts[name] = counts.get(name, 0) + 1
        text = "".join(pieces)
        fields = text.split(separators.field) if name else ["", text]
        if name in SEGMENT_HEADERS:  # its first field is the separator
            fields.insert(1, separators.field)
        segments.append(Hl7Segment(name, counts[name], fields))
    return segments


def find_codec(name: str) -> str | None:
    """The codec of a name in MSH-18; "" for ASCII or none, None for an unknown name."""
    clean = " ".join(name.replace("_", " ").upper().split())
    if not clean:
        return ""
    for known in (
        clean,
        clean.removeprefix("ISO").lstrip(" -").replace("8859-", "8859/"),
        clean.replace("ISO-IR", "ISO IR"),
    ):
        if known in _CHARSETS:
            return _CHARSETS[known]
    return {"UTF-8": "utf-8", "UTF8": "utf-8", "UNICODE UTF8": "utf-8", "US-ASCII": ""}.get(clean)


def unescape(text: str, separators: Hl7Separators, encoding: str = "utf-8") -> str:
    r"""Text without escape sequences; what is none of them stays as it is, such as the path of a file.

    Args:
        text: a raw value.
        separators: of its message.
        encoding: of the bytes that `\X..\` names.
    """
    escape = separators.escape
    if escape not in text:
        return text
    pieces, position = [], 0
    signs = _list_signs(separators)
    while (start := text.find(escape, position)) >= 0:
        end = text.find(escape, start + 1, start + 1 + _MAX_SEQUENCE)
        sequence = text[start + 1 : end] if end > 0 else ""
        shown = signs.get(sequence) if len(sequence) < 2 else _decode_sequence(sequence, encoding)
        pieces.append(text[position:start])
        if shown is None:
            pieces.append(escape)
            position = start + 1
        else:
            pieces.append(shown)
            position = end + 1
    pieces.append(text[position:])
    return _decode_shifts("".join(pieces))


def _list_signs(separators: Hl7Separators) -> dict[str, str]:
    """What the escape sequences of one letter stand for."""
    return {
        "F": separators.field,
        "S": separators.component,
        "T": separators.subcomponent,
        "R": separators.repetition,
        "E": separators.escape,
        "P": "#",
        "H": "",
        "N": "",
    }


def _decode_sequence(sequence: str, encoding: str) -> str | None:
    """What a longer escape sequence stands for; None if it is none."""
    if formatting := _FORMATTING.fullmatch(sequence):
        command, n = formatting[1].lower(), int(formatting[2].strip("+-") or 1)
        if command == "sk":
            return " " * min(max(n, 1), _MAX_SEQUENCE)
        return "\n" * min(max(n, 1), _MAX_BREAKS) if command == "sp" else "\n" if command in ("br", "ce") else " "
    if match := _BYTES.fullmatch(sequence):
        raw = bytes.fromhex(match[1])
        try:
            return raw.decode(encoding or "cp1252")
        except (UnicodeDecodeError, LookupError):
            return raw.decode("cp1252", "replace")
    if _SHIFT.fullmatch(sequence):
        return "\x1b" + bytes.fromhex(sequence[1:]).decode("latin-1")
    return None


def _decode_shifts(text: str) -> str:
    """Text in which character sets were switched by escape sequences, as in ISO 2022."""
    if "\x1b" not in text:
        return text
    try:
        return text.encode("latin-1").decode("iso2022_jp_ext")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text.replace("\x1b", "")
