"""Read HL7 v2 messages (ER7): fields as `Name: value` lines; files in OBX segments become separate documents.

Source: HL7 Version 2.5.1, chapter 2; HL7 Minimal Lower Layer Protocol, release 1 (the bytes around a message).
"""

import re
from collections.abc import Iterator
from itertools import groupby

from ner_tasks.documents.encodings import damaged_text
from ner_tasks.documents.readers.clinical.hl7_fields import FIELDS, SEGMENTS, find_field
from ner_tasks.documents.readers.clinical.hl7_observations import TEXT_FIELDS, Observations, make_group_key
from ner_tasks.documents.readers.clinical.hl7_syntax import (
    SEGMENT_HEADERS,
    Hl7Segment,
    Hl7Separators,
    find_codec,
    parse_segments,
    parse_separators,
)
from ner_tasks.documents.readers.clinical.hl7_values import Values
from ner_tasks.documents.readers.encapsulated import Attachments
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits, Part

_MEDIA_TYPE = "application/hl7-v2"
_BEGINS = re.compile(rb"(?:^|[\r\n\x0b\x1c])[ \t]*(?=(MSH|BHS|FHS|BTS|FTS)[^\w\s])")
_NO_SEGMENT = "lines that are not segments are read unchanged"
_FRAME = b"\x0b\x1c\r\n\0\x1a"
_LINE = re.compile("\r\n|\r|\n|\x0b|\x1c|\u2028|\u2029")
_UTF16 = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"M\0S\0H\0", "utf-16-le"), (b"\0M\0S\0H", "utf-16-be"))


def read(data: bytes, limits: Limits, declared: str = "") -> Extract:
    """Read a single message as the document, or each of several as a separate document `message-1` and so on.

    Raises:
        CannotRead: `broken` if there is no HL7 segment; `not-text`, `unknown-encoding`.
    """
    mark = next((encoding for mark, encoding in _UTF16 if data.startswith(mark)), "")
    if mark:
        data, declared = data.decode(mark, "replace").encode("utf-8", "replace"), "utf-8"
    chunks = list(_split_messages(data.removeprefix(b"\xef\xbb\xbf")))
    messages = [chunk for chunk in chunks if chunk.startswith(b"MSH")]
    builder = ExtractBuilder()
    attachments = Attachments(builder, limits, "encapsulated-document")
    # Files beyond the limit would not be read, so all messages become one text.
    is_split = 1 < len(messages) <= limits.max_members // 2
    number, encodings = 0, []
    for chunk in chunks:
        is_message = chunk.startswith(b"MSH")
        number += is_message
        if is_message and is_split:
            builder.parts.append(Part(f"message-{number}", chunk, declared, _MEDIA_TYPE))
            builder.inventory.read("message")
        else:
            prefix = f"message[{number}]." if is_message and len(messages) > 1 else ""
            encodings.append(_read_message(builder, attachments, chunk, declared, prefix))
    if not builder.parts and "field" not in builder.inventory.items().counts:
        raise CannotRead("broken", "found no segment among the lines, expected HL7 v2 segments")
    if not is_split and len(messages) > 1:
        builder.note(f"{len(messages)} messages in one text")
    return builder.extract(encodings[0] if encodings else "")


def _split_messages(data: bytes) -> Iterator[bytes]:
    """Split a file into messages and batch headers or trailers, without the framing bytes of the transport."""
    starts = [match.end() for match in _BEGINS.finditer(data)]
    for start, end in zip([0, *starts], [*starts, len(data)], strict=True):
        if chunk := data[start:end].strip(_FRAME + b" \t"):
            yield chunk


def _read_message(builder: ExtractBuilder, attachments: Attachments, chunk: bytes, declared: str, prefix: str) -> str:
    text, encoding, note = _decode(builder, chunk, declared)
    if note:
        builder.note(note)
    lines = _LINE.split(text)
    has_header = lines[0][:3] in SEGMENT_HEADERS
    separators = parse_separators(lines[0]) if has_header else Hl7Separators(field=lines[0][3:4] or "|")
    if not has_header and lines[0][:3] not in SEGMENTS:
        separators = Hl7Separators()
    segments = parse_segments(lines, separators, SEGMENTS)
    if separators.fault:
        builder.inventory.unread(
            "separators", f"{prefix}{lines[0][:3]}-2", f"{separators.fault}; the default separators are used"
        )
    _read_segments(builder, attachments, segments, Values(separators, encoding, builder.inventory), prefix)
    return encoding


def _decode(builder: ExtractBuilder, chunk: bytes, declared: str) -> tuple[str, str, str]:
    """Return the text, its encoding and a note, using the character set that MSH-18 names if it is known."""
    line = re.split(rb"[\r\n]", chunk, maxsplit=1)[0].decode("latin-1")
    fields = line.split(line[3:4]) if line.startswith(SEGMENT_HEADERS) and line[3:4] else []
    # MSH-18 has index 17, because field 1 is the separator. Its repetitions name sets that escape sequences switch to.
    named = re.split(r"[~^]", fields[17])[0].strip() if len(fields) > 17 and line.startswith("MSH") else ""
    codec = find_codec(named)
    note = "" if codec is not None else f"MSH-18 names an unknown character set: {named[:40]!r}"
    if codec and codec not in ("utf-8", "utf-16", "utf-32"):
        try:
            return chunk.decode(codec), codec, note
        except UnicodeDecodeError:
            note = f"MSH-18 names {named[:40]!r}, but the message is in another character set"
    text, encoding, n_damaged = damaged_text.decode(chunk, declared)
    builder.inventory.unread("characters", "the message", damaged_text.describe_damage(n_damaged), n_damaged)
    return text, encoding, note


def _read_segments(
    builder: ExtractBuilder, attachments: Attachments, segments: list[Hl7Segment], values: Values, prefix: str
) -> None:
    observations = Observations(builder, attachments, values, prefix)
    before = ""
    for segment in segments:
        if segment.name:
            builder.inventory.expect("field", _count_fields(segment))
    for key, members in groupby(
        segments, key=lambda one: make_group_key(one, values) if one.name in TEXT_FIELDS else (one.name, one.number)
    ):
        name, group = str(key[0]), list(members)
        separator = "\n" if name in (before, "NTE") else "\n\n"
        if name in TEXT_FIELDS:
            observations.read(group, separator)
        elif not name:
            builder.inventory.read("line")
            builder.note(_NO_SEGMENT)
            builder.block(group[0].fields[1].strip(), f"{prefix}line", separator="\n")
        else:
            _read_fields(builder, values, group[0], separator, prefix)
        before = name


def _count_fields(segment: Hl7Segment) -> int:
    # The first two fields of a header are the separators.
    start = 3 if segment.name in SEGMENT_HEADERS else 1
    return sum(bool(segment.field(number).strip()) for number in range(start, len(segment.fields)))


def _read_fields(builder: ExtractBuilder, values: Values, segment: Hl7Segment, separator: str, prefix: str) -> None:
    is_header = segment.name in SEGMENT_HEADERS
    for number in range(3 if is_header else 1, len(segment.fields)):
        if not segment.field(number).strip():
            continue
        if is_header and number not in FIELDS[segment.name]:
            builder.inventory.ignored("field", "message-header")
            continue
        label, data_type = find_field(segment.name, number)
        if text := values.format_field(segment.field(number), data_type):
            builder.inventory.read("field")
            builder.block(f"{label}: {text}", prefix + segment.place(number), separator=separator)
            separator = "\n"
        else:
            builder.inventory.ignored("field", "protocol-code")
