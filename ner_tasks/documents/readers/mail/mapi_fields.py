"""List the fields that people enter in appointments, contacts and tasks, and their custom fields.

Sources: [MS-OXPROPS], [MS-OXOCAL], [MS-OXOCNTC], [MS-OXOTASK].
"""

import struct

from ner_tasks.documents.readers.mail.mail_bodies import split_words
from ner_tasks.documents.readers.mail.mapi import STRING8, TIME, UNICODE, Properties


def _guid(first: int, second: int = 0, rest: str = "c000000000000046") -> bytes:
    return struct.pack("<IHH", first, second, 0) + bytes.fromhex(rest)


_APPOINTMENT, _TASK, _ADDRESS, _COMMON = _guid(0x062002), _guid(0x062003), _guid(0x062004), _guid(0x062008)
_LOG, _NOTE = _guid(0x06200A), _guid(0x06200E)
_MEETING = bytes.fromhex("90dad86e0b451b1098da00aa003f1305")
_PUBLIC = _guid(0x020329)
_SETS = (_APPOINTMENT, _TASK, _ADDRESS, _LOG, _NOTE, _MEETING)
_LABELS: dict[tuple[bytes, int | str], str] = {
    (_APPOINTMENT, 0x8208): "Location",
    (_APPOINTMENT, 0x820D): "Start",
    (_APPOINTMENT, 0x820E): "End",
    (_APPOINTMENT, 0x8232): "Recurrence",
    (_APPOINTMENT, 0x8238): "Attendees",
    (_APPOINTMENT, 0x823B): "Required",
    (_APPOINTMENT, 0x823C): "Optional",
    (_TASK, 0x8104): "Start",
    (_TASK, 0x8105): "Due",
    (_TASK, 0x811F): "Owner",
    (_TASK, 0x8121): "Assigned by",
    (_ADDRESS, 0x8005): "File as",
    (_ADDRESS, 0x801A): "Home address",
    (_ADDRESS, 0x801B): "Business address",
    (_ADDRESS, 0x801C): "Other address",
    (_ADDRESS, 0x8083): "Email",
    (_ADDRESS, 0x8093): "Email 2",
    (_ADDRESS, 0x80A3): "Email 3",
    (_COMMON, 0x8516): "Start",
    (_COMMON, 0x8517): "End",
    (_COMMON, 0x8502): "Reminder",
    (_COMMON, 0x8530): "Request",
    (_COMMON, 0x8534): "Mileage",
    (_COMMON, 0x8535): "Billing",
    (_COMMON, 0x8539): "Companies",
    (_COMMON, 0x853A): "Contacts",
    (_COMMON, 0x8586): "Contacts",
    (_PUBLIC, "Keywords"): "Categories",
}
_TIMES = ("Start", "End", "Due")
_PERSON = {
    0x3A05: "Generation", 0x3A06: "Given name", 0x3A08: "Business phone", 0x3A09: "Home phone", 0x3A0A: "Initials",
    0x3A11: "Surname", 0x3A16: "Company", 0x3A17: "Title", 0x3A18: "Department", 0x3A19: "Office", 0x3A1C: "Mobile phone",
    0x3A15: "Postal address", 0x3A24: "Business fax", 0x3A30: "Assistant", 0x3A44: "Middle name", 0x3A45: "Prefix",
    0x3A46: "Profession", 0x3A48: "Spouse", 0x3A4E: "Manager", 0x3A4F: "Nickname", 0x3A51: "Web page",
}  # fmt: skip
_PERSON_RANGE = range(0x3A05, 0x3A70)
_OTHER = {0x3004: "Comment", 0x0E99: "Comment"}
# Settings, which are not content.
_TECHNICAL = ("smtp", "ex", "fax", "{", "urn:", "http://schemas", "ipm.", "/o=")
_TECHNICAL_NAMES = ("x-", "content-", "http://", "urn:", "dav:", "msip_", "__")


def list_fields(properties: Properties) -> list[tuple[str, str]]:
    """Return the label and value of each field that people enter, without repeated values."""
    lines: dict[tuple[str, str], None] = {}
    known: set[str] = set()
    for number in sorted(properties.values):
        for label, text in _iter_fields(properties, number):
            words = split_words(text)
            if words - known or (not words and (label, text) not in lines):
                lines[label, text] = None
                known |= words
    return list(lines)


def _iter_fields(properties: Properties, number: int) -> list[tuple[str, str]]:
    kind = properties.types[number]
    name = properties.names.get(number)
    label = _LABELS.get(name, "") if name else _PERSON.get(number, "") or _OTHER.get(number, "")
    if kind == TIME:
        return [(label, properties.time(number))] if label in _TIMES and properties.time(number) else []
    if kind & 0xFFF not in (STRING8, UNICODE):
        return []
    if not label and not (_is_field(name) if name else number in _PERSON_RANGE):
        return []
    own = name[1] if not label and name and isinstance(name[1], str) else label
    texts = ["; ".join(properties.texts(number))] if kind & 0x1000 else [properties.text(number)]
    return [(str(own), text) for text in texts if text and not text.lower().startswith(_TECHNICAL)]


def _is_field(name: tuple[bytes, int | str]) -> bool:
    """Whether a named property may be a field that people enter."""
    if name[0] == _PUBLIC and isinstance(name[1], str):
        return not name[1].lower().startswith(_TECHNICAL_NAMES)
    return name[0] in _SETS
