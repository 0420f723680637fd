"""Read X12 interchanges (837, 835, 275, 277, 278, 834 and others): names, addresses, free text, files in BIN and BDS.

Source: ANSI ASC X12 005010 and 006020 as the HIPAA implementation guides use them.
"""

import re
from collections import Counter
from itertools import pairwise

from ner_tasks.documents.detection import sniffing
from ner_tasks.documents.readers.clinical import x12_names, x12_syntax
from ner_tasks.documents.readers.clinical.x12_syntax import X12Segment
from ner_tasks.documents.readers.encapsulated import Attachments, decode_base64, decode_hex
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

# Text for people: several words, or one long word.
_LONG_WORD, _LETTER = re.compile(r"[^\W\d_][^\W\d_.'-]{4,}"), re.compile(r"[^\W\d_]")
_OTHER_SPACE = re.compile(r"[^\S ]+")
_MIN_WORDS = 3  # minimum characters of a text
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{64,}={0,2}\s*")
_MAX_NOTED = 10


def read(data: bytes, limits: Limits, declared: str = "") -> Extract:
    """Read all interchanges of a file as `Name: value` lines; a note lists paperwork that is sent separately.

    Raises:
        CannotRead: `broken` if there is no X12 segment.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data, declared = data.decode("utf-16", "replace").encode("utf-8", "replace"), "utf-8"
    reader = _X12Reader(ExtractBuilder(), limits, declared)
    for segment in x12_syntax.iter_segments(data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")):
        reader.read(segment)
    return reader.extract()


class _X12Reader:
    def __init__(self, builder: ExtractBuilder, limits: Limits, declared: str):
        self._builder, self._attachments = builder, Attachments(builder, limits, "binary-segment")
        self._declared, self._encoding = declared, "ascii"
        self._counts: Counter[str] = Counter()
        self._paperwork: list[str] = []
        self._before = ""  # name of the preceding segment
        self._is_new = False  # whether the next line starts a block

    def read(self, segment: X12Segment) -> None:
        """Read one segment and account for it."""
        name, inventory = segment.name, self._builder.inventory
        self._counts[name] += 1
        place = f"{name}[{self._counts[name]}]" if name else "text"
        self._is_new |= name in x12_names.BEGINNINGS and name != self._before
        if not name:
            inventory.read("line")
            self._add_line(self._decode(segment.elements[0]).strip(), place)
        elif name in x12_syntax.BINARY:
            self._attachments.add(_decode_content(segment), place)
        elif name in x12_names.ENVELOPE:
            inventory.ignored("segment", "envelope")
        elif lines := self._format_segment(segment):
            inventory.read("segment")
            for line in lines:
                self._add_line(line, place)
        else:
            inventory.ignored("segment", "coded-segment")
        if name == "ISA" and segment.separators.fault:
            inventory.unread("separators", place, segment.separators.fault)
        if segment.fault:
            inventory.unread("segment", place, segment.fault)
        self._before = name

    def extract(self) -> Extract:
        """Return the extract.

        Raises:
            CannotRead: `broken` if no segment was read.
        """
        if not any(self._counts[name] for name in self._counts if name):
            raise CannotRead("broken", "found no X12 segment, expected an ISA segment and others")
        if (n_open := self._counts["ISA"] - self._counts["IEA"]) > 0:
            self._builder.inventory.unread("segment", "end of file", f"{n_open} interchange(s) without an IEA segment")
        if self._paperwork:
            noted = ", ".join(self._paperwork[:_MAX_NOTED])
            self._builder.note(f"{len(self._paperwork)} PWK segment(s) announce paperwork sent separately: {noted}")
        return self._builder.extract(self._encoding)

    def _add_line(self, line: str, place: str) -> None:
        self._builder.block(line, place, separator="\n\n" if self._is_new else "\n")
        self._is_new = False

    def _decode(self, raw: str) -> str:
        """Decode an element, which holds one character per byte."""
        if raw.isascii():
            return raw
        data = raw.encode("latin-1")
        for encoding in (self._declared, "utf-8"):
            try:
                text = data.decode(encoding) if encoding else None
            except (UnicodeDecodeError, LookupError):
                continue
            if text is not None:
                self._encoding = encoding
                return text
        self._encoding = "cp1252"
        return data.decode("cp1252", "replace")

    def _format_segment(self, segment: X12Segment) -> list[str]:
        e = [self._decode(element).strip() for element in segment.elements]
        e += [""] * (13 - len(e))
        name = segment.name
        if name in ("NM1", "N1"):
            return _describe_party(name, e)
        if name == "N3":
            return _make_line("Address", ", ".join(filter(None, e[1:])))
        if name == "N4":
            return _make_line("Place", ", ".join(filter(None, e[1:])))
        if name == "PER":
            numbers = [number for number in (e[4], e[6], e[8], *e[9:]) if number]
            return _make_line("Contact", ", ".join(filter(None, [e[2], *numbers])))
        if name == "DMG":
            return _make_line("Birth date", e[2]) + self._list_words(segment, e, start=3)
        if name == "REF":
            value = " ".join(filter(None, e[2:4]))
            return _make_line(x12_names.REFERENCES.get(e[1], "Reference"), value) + self._list_words(
                segment, e, start=4
            )
        if name == "PWK":
            return self._format_paperwork(e)
        if name == "CLM":
            return _make_line("Claim", e[1]) + self._list_words(segment, e, start=2)
        return self._list_words(segment, e, start=1)

    def _format_paperwork(self, e: list[str]) -> list[str]:
        way = x12_names.TRANSMISSIONS.get(e[2], e[2])
        self._paperwork.append(e[6] or "without a number")
        return _make_line("Paperwork", ", ".join(filter(None, [f"type {e[1]}" if e[1] else "", way, *e[5:]])))

    def _list_words(self, segment: X12Segment, e: list[str], start: int) -> list[str]:
        """Return a line for each element that holds text; consecutive text segments share the label of the first."""
        wanted = x12_names.TEXTS.get(segment.name, frozenset())
        component, repetition = segment.separators.component, segment.separators.repetition
        lines: list[str] = []
        for number in range(start, len(segment.elements)):
            if len(e[number]) < _MIN_WORDS and number not in wanted:
                continue
            if number in wanted:
                texts = [e[number]] if e[number] else []
            else:
                pieces = e[number].replace(repetition, component).split(component)
                texts = [piece for piece in map(str.strip, pieces) if _holds_words(piece)]
            label = x12_names.LABELS.get(segment.name, f"{segment.name}-{number}")
            is_running = number in wanted and segment.name == self._before and segment.name in ("NTE", "MSG", "K3")
            lines.extend(text if is_running else f"{label}: {text}" for text in texts)
        return lines


def _holds_words(piece: str) -> bool:
    """Whether an element holds text: two adjacent words with letters, or a long word at the beginning."""
    if _LONG_WORD.match(piece):
        return True
    for stretch in _OTHER_SPACE.split(piece) if " " in piece else ():
        has_letter = [bool(_LETTER.search(token)) for token in stretch.split(" ") if token]
        if any(map(all, pairwise(has_letter))):
            return True
    return False


def _describe_party(name: str, e: list[str]) -> list[str]:
    """Format a person or organisation with its role and number."""
    label = x12_names.ENTITIES.get(e[1], f"Entity {e[1]}".strip())
    parts: tuple[str, ...]
    if name == "NM1":
        parts, number, rest = (e[6], e[4], e[5], e[3], e[7]), e[9], e[10:]
    else:
        parts, number, rest = (e[2],), e[4], e[5:]
    shown = " ".join(filter(None, parts))
    behind = ", ".join(text for text in (number, *rest) if text and (text == number or len(text) > 3))
    return _make_line(label, f"{shown} ({behind})" if shown and behind else shown or behind)


def _make_line(label: str, value: str) -> list[str]:
    return [f"{label}: {value}"] if value else []


def _decode_content(segment: X12Segment) -> bytes | CannotRead:
    """Decode the file in a binary segment, using the filter that BDS names or its content."""
    filter_id = segment.element(1).upper() if segment.name == "BDS" else ""
    if filter_id == "B64":
        return decode_base64(segment.content)
    if filter_id in ("HDC", "HEX"):
        return decode_hex(segment.content)
    if filter_id in ("UUU", "UUE"):
        return CannotRead("unknown-format", f"found filter {filter_id}, expected ASC or B64")
    if _BASE64.fullmatch(segment.content):
        decoded = decode_base64(segment.content)
        if isinstance(decoded, bytes) and sniffing.sniff(decoded[: sniffing.HEAD_BYTES]):
            return decoded
    return segment.content.encode("latin-1")
