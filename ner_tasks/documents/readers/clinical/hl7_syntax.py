"""Parse the syntax of HL7 v2 messages (ER7): separators, segments, escape sequences, character sets.

Source: HL7 Version 2.5.1, chapter 2, sections 2.5 to 2.9 and 2.15.9.18 (MSH-18), table 0211.
"""

import re
from dataclasses import dataclass

SEGMENT_HEADERS = ("MSH", "BHS", "FHS")
_DEFAULT = "^~\\&"
# Table 0211 and other names in use; 8859/1 is decoded as windows-1252, as WHATWG does.
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
_MAX_SEQUENCE = 1_002  # characters between the escape characters of a sequence
_MAX_BREAKS = 3


@dataclass(frozen=True)
class Hl7Separators:
    """The separators of one message.

    Attributes:
        fault: error in the declared separators, "" if none.
    """

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    fault: str = ""


def parse_separators(line: str) -> Hl7Separators:
    r"""Parse the separators that a header segment (MSH, BHS, FHS) declares; the default ones if it is invalid.

    Args:
        line: the segment, such as `MSH|^~\&|...`.
    """
    field = line[3:4]
    if not field or field.isalnum() or field.isspace():
        return Hl7Separators(fault="no field separator after the name of the first segment")
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
        name: its three-letter name, "" for a line that is not a segment.
        number: its ordinal among the segments with its name, from 1.
        fields: raw fields; `fields[0]` is the name and `fields[5]` is field 5.
    """

    name: str
    number: int
    fields: list[str]

    def field(self, number: int) -> str:
        """Return a raw field, "" if it is missing or the HL7 null value."""
        value = self.fields[number] if number < len(self.fields) else ""
        return "" if value == '""' else value

    def place(self, number: int) -> str:
        """Return the place of a field for the source map, such as `OBX[3]-5`."""
        return f"{self.name}[{self.number}]-{number}" if self.name else f"line {self.number}"


def parse_segments(lines: list[str], separators: Hl7Separators, known: frozenset[str]) -> list[Hl7Segment]:
    """Parse the lines of a message into segments.

    An ADD segment, or a line that is not a segment, continues the field before it. At the beginning, or after a header
    segment, such a line stays separate.

    Args:
        lines: lines without line ends.
        separators: separators of the message.
        known: segment names that are accepted without fields or in lower case.
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
    return _make_segments(raw, separators)


def _make_segments(raw: list[tuple[str, list[str]]], separators: Hl7Separators) -> list[Hl7Segment]:
    counts: dict[str, int] = {}
    segments = []
    for name, pieces in raw:
        counts[name] = counts.get(name, 0) + 1
        text = "".join(pieces)
        fields = text.split(separators.field) if name else ["", text]
        if name in SEGMENT_HEADERS:  # field 1 is the separator itself
            fields.insert(1, separators.field)
        segments.append(Hl7Segment(name, counts[name], fields))
    return segments


def find_codec(name: str) -> str | None:
    """Return the codec for a name in MSH-18; "" for ASCII or no name, None for an unknown name."""
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
    r"""Replace escape sequences; other backslashes stay unchanged, such as those in a file path.

    Args:
        text: a raw value.
        separators: separators of its message.
        encoding: encoding of the bytes in `\X..\` sequences.
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
    """Return the characters for single-letter escape sequences."""
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
    """Decode a longer escape sequence; None if it is not one."""
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
    """Decode text in which escape sequences switch character sets, as in ISO 2022."""
    if "\x1b" not in text:
        return text
    try:
        return text.encode("latin-1").decode("iso2022_jp_ext")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text.replace("\x1b", "")
