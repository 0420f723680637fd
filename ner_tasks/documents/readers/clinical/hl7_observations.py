"""Read observations (OBX), comments (NTE) and displays (DSP) of an HL7 v2 message: running text, values and files.

Source: HL7 Version 2.5.1, sections 7.4.2 (OBX), 2.15.10 (NTE), 2A.24 (ED) and 2A.69 (RP).
"""

import re
from dataclasses import dataclass

from ner_tasks.documents.detection import formats, sniffing
from ner_tasks.documents.readers.clinical.hl7_fields import find_field
from ner_tasks.documents.readers.clinical.hl7_syntax import Hl7Segment, unescape
from ner_tasks.documents.readers.clinical.hl7_values import TEXT_TYPES, Values
from ner_tasks.documents.readers.encapsulated import Attachments, decode_base64, decode_hex
from ner_tasks.documents.types import CannotRead, ExtractBuilder

_ENCODINGS = {"base64": "base64", "b64": "base64", "hex": "hex", "a": "a", "ascii": "a", "none": "a"}
_BASE64_TEXT = re.compile(r"[A-Za-z0-9+/\s]{200,}={0,2}\s*")
_FILES = ("rtf", "html", "cda", "xml", "pdf", "hl7", "fhir")  # formats of whole files that a text field may hold
_HEAD_CHARACTERS = 4_096  # of base64, used to recognise the beginning of a file
# The text field of segments whose text may continue in the next segment.
TEXT_FIELDS = {"OBX": 5, "NTE": 3, "DSP": 3}
_SHOWN_WITH_VALUE = (2, 3, 5, 6, 7, 8)


def classify(segment: Hl7Segment, values: Values) -> str:
    """Return how to read the value of a segment with a text field: `text`, `file`, `pointer` or `value`."""
    if segment.name != "OBX":
        return "text"
    data_type = segment.field(2).strip().upper()
    if data_type == "RP":
        return "pointer"
    components = segment.field(5).split(values.separators.component, 5)
    if data_type == "ED" or (len(components) > 4 and components[3].strip().lower() in ("base64", "hex")):
        return "file"
    return "text" if data_type in TEXT_TYPES else "value"


def make_group_key(segment: Hl7Segment, values: Values) -> tuple[str, str, str]:
    """Return a grouping key; adjacent segments with the same key form one text or file."""
    return segment.name, segment.field(3) if segment.name == "OBX" else "", classify(segment, values)


class Observations:
    """Reads groups of adjacent segments into a document."""

    def __init__(self, builder: ExtractBuilder, attachments: Attachments, values: Values, prefix: str):
        self._builder, self._attachments, self._values, self._prefix = builder, attachments, values, prefix

    def read(self, group: list[Hl7Segment], separator: str) -> None:
        """Read adjacent segments that have the same group key.

        Args:
            group: the segments.
            separator: separator between the preceding text and theirs.
        """
        kind = classify(group[0], self._values)
        if kind == "file":
            self._read_files(group, separator)
        elif kind == "text":
            self._read_text(group, separator)
        else:
            for segment in group:
                self._read_value(segment, separator, is_pointer=kind == "pointer")
                separator = "\n"
        self._read_others(group)

    def _make_label(self, segment: Hl7Segment) -> str:
        if segment.name != "OBX":
            return find_field(segment.name, TEXT_FIELDS[segment.name])[0]
        return self._values.format_field(segment.field(3), "label") or "Observation"

    def _make_place(self, segment: Hl7Segment, number: int) -> str:
        return self._prefix + segment.place(number)

    def _read_text(self, group: list[Hl7Segment], separator: str) -> None:
        first, at = group[0], TEXT_FIELDS[group[0].name]
        texts = [self._values.format_text(segment.field(at)).rstrip() for segment in group]
        label, inventory = self._make_label(first), self._builder.inventory
        inventory.read("field", sum(bool(segment.field(at).strip()) for segment in group))
        inventory.read("field", sum(bool(segment.field(3).strip()) for segment in group if segment.name == "OBX"))
        joined = "\n".join(texts)
        if content := _find_file(joined):
            self._builder.block(label, self._make_place(first, 3), separator=separator)
            self._attachments.add(content, self._make_place(first, at), media_type="text/plain; charset=utf-8")
            return
        if len(group) == 1 and "\n" not in joined:
            line = f"{label}: {joined}{self._format_context(first)}" if joined.strip() or first.name == "OBX" else ""
            self._builder.block(line, self._make_place(first, at), separator=separator)
            return
        self._builder.block(f"{label}:", self._make_place(first, 3), separator=separator)
        separator = "\n"
        for segment, text in zip(group, texts, strict=True):
            line = text + self._format_context(segment)
            self._builder.block(line, self._make_place(segment, at), separator=separator)
            separator = "\n" if line.strip() else "\n\n"  # a blank line separates paragraphs

    def _format_context(self, segment: Hl7Segment) -> str:
        """Format the units, reference range and flags that follow a value."""
        if segment.name != "OBX":
            return ""
        units, limits = self._values.format_units(segment.field(6)), self._values.format_field(segment.field(7), "TX")
        flags = self._values.format_field(segment.field(8), "")
        self._builder.inventory.read("field", sum(bool(segment.field(number).strip()) for number in (6, 7, 8)))
        behind = f" {units}" if units else ""
        behind += f" (reference range {limits})" if limits else ""
        return behind + (f" [{flags}]" if flags else "")

    def _read_value(self, segment: Hl7Segment, separator: str, *, is_pointer: bool) -> None:
        data_type = segment.field(2).strip().upper()
        value = self._values.format_field(segment.field(5), data_type)
        line = f"{self._make_label(segment)}: {value}{self._format_context(segment)}"
        place = self._make_place(segment, 5)
        self._builder.block(line, place, separator=separator)
        inventory = self._builder.inventory
        inventory.read("field", bool(segment.field(3).strip()) + bool(segment.field(5).strip()))
        if is_pointer and value:
            self._attachments.pointer(place, value)

    def _read_files(self, group: list[Hl7Segment], separator: str) -> None:
        """Add files, each of which may be split over several segments or repetitions."""
        self._builder.block(self._make_label(group[0]), self._make_place(group[0], 3), separator=separator)
        files: list[tuple[str, list[_Piece]]] = []
        for segment in group:
            read = bool(segment.field(3).strip()) + bool(segment.field(5).strip())
            self._builder.inventory.read("field", read)
            self._format_context(segment)
            for raw in segment.field(5).split(self._values.separators.repetition):
                piece = self._parse_piece(raw)
                if files and _continues(files[-1][1], piece):
                    files[-1][1].append(piece)
                else:
                    files.append((self._make_place(segment, 5), [piece]))
        for place, pieces in files:
            self._attachments.add(_decode_content(pieces), place, media_type=pieces[0].media_type)

    def _parse_piece(self, raw: str) -> "_Piece":
        """Parse an ED value: source, type, subtype, encoding, data."""
        components = raw.split(self._values.separators.component)
        at = next((i for i, text in enumerate(components[:6]) if i and text.strip().lower() in _ENCODINGS), None)
        before = components[: min(4, len(components) - 1)] if at is None else components[:at]
        data = components[-1] if at is None else self._values.separators.component.join(components[at + 1 :])
        data = unescape(data, self._values.separators, self._values.encoding)
        encoding = _ENCODINGS[components[at].strip().lower()] if at is not None else ""
        media_type = _guess_media_type(before)
        if not encoding:
            encoding = "base64" if isinstance(decode_base64(data), bytes) and len(data) % 4 == 0 else "a"
        if encoding == "a":
            media_type = f"{media_type or 'text/plain'}; charset=utf-8"
        return _Piece(media_type, encoding, "".join(data.split()) if encoding != "a" else data)

    def _read_others(self, group: list[Hl7Segment]) -> None:
        """Read the other fields of the segments, such as the observer, once per group."""
        seen: set[str] = set()
        inventory = self._builder.inventory
        for segment in group:
            if segment.name == "OBX":
                inventory.ignored("field", "value-type", bool(segment.field(2).strip()))
            for number in range(1, len(segment.fields)):
                is_done = number in _SHOWN_WITH_VALUE if segment.name == "OBX" else number == TEXT_FIELDS[segment.name]
                if is_done or not segment.field(number).strip():
                    continue
                label, data_type = find_field(segment.name, number)
                if not (text := self._values.format_field(segment.field(number), data_type)):
                    inventory.ignored("field", "protocol-code")
                    continue
                inventory.read("field")
                if (line := f"{label}: {text}") not in seen:
                    seen.add(line)
                    self._builder.block(line, self._make_place(segment, number), separator="\n")


@dataclass(frozen=True)
class _Piece:
    """The encoded data of one ED value, which may be only a piece of a file."""

    media_type: str
    encoding: str
    data: str

    @property
    def is_aligned(self) -> bool:
        return len(self.data) % 4 == 0

    def detect_format(self) -> str:
        """Detect the format by the first bytes, "" if unknown."""
        head = decode_base64(self.data[:_HEAD_CHARACTERS])
        sniffed = sniffing.sniff(head) if isinstance(head, bytes) else None
        return sniffed.name if sniffed else ""


def _continues(pieces: list[_Piece], piece: _Piece) -> bool:
    """Whether a base64 piece continues the preceding file, which is incomplete, because the piece starts no new file."""
    first, last = pieces[0], pieces[-1]
    if first.encoding != "base64" or piece.encoding != "base64" or piece.media_type != first.media_type:
        return False
    return not piece.detect_format() and (not last.is_aligned or bool(first.detect_format()))


def _decode_content(pieces: list[_Piece]) -> bytes | CannotRead:
    joined = "".join(piece.data for piece in pieces)
    if pieces[0].encoding == "a":
        return joined.encode("utf-8", "replace")
    if pieces[0].encoding == "hex":
        return decode_hex(joined)
    if "=" not in joined.rstrip("="):
        return decode_base64(joined)
    decoded = [decode_base64(piece.data) for piece in pieces]
    wrong = next((one for one in decoded if isinstance(one, CannotRead)), None)
    return wrong or b"".join(one for one in decoded if isinstance(one, bytes))


def _guess_media_type(components: list[str]) -> str:
    """Return `application/pdf` for `["", "application", "pdf"]` or `["", "PDF"]`; "" if the type is unknown."""
    for word in reversed([component.strip().lower() for component in components]):
        if "/" in word:
            return word
        if "cda" in word:
            return "application/hl7-cda+xml"
        if known := formats.SUFFIXES.get("." + word):
            image = f"image/{word}" if known is formats.FORMATS["image"] else ""
            return image or (known.media_types[0] if known.media_types else "")
        if word == "msword":
            return "application/msword"
        if word in ("text", "plain", "octet-stream"):
            return "text/plain" if word != "octet-stream" else ""
    return ""


def _find_file(text: str) -> bytes | None:
    """Return the whole file that a text field holds, plain or in base64; None if it is text."""
    if _BASE64_TEXT.fullmatch(text) and " " not in text.strip():
        content = decode_base64(text)
        if isinstance(content, bytes) and sniffing.sniff(content[: sniffing.HEAD_BYTES]) is not None:
            return content
        return None
    head = text[: sniffing.HEAD_BYTES].encode("utf-8", "replace")
    sniffed = sniffing.sniff(head)
    return text.encode("utf-8", "replace") if sniffed is not None and sniffed.name in _FILES else None
