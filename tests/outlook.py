"""Write Outlook files for tests: .msg and winmail.dat."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ner_tasks.documents.readers.mail import cfb
from ner_tasks.documents.readers.mail.cfb import Storage

STRING8, UNICODE, BINARY, INT32, TIME, OBJECT = 0x1E, 0x1F, 0x102, 0x03, 0x40, 0x0D
SUBJECT, BODY, HTML, RTF, SENDER_NAME, SENDER_ADDRESS = 0x0037, 0x1000, 0x1013, 0x1009, 0x0C1A, 0x0C1F
RECIPIENT_TYPE, NAME, ADDRESS, SMTP = 0x0C15, 0x3001, 0x3003, 0x39FE
FILE_NAME, METHOD, DATA, MEDIA_TYPE = 0x3707, 0x3705, 0x3701, 0x370E
APPOINTMENT = bytes.fromhex("0220060000000000c000000000000046")
PUBLIC = bytes.fromhex("2903020000000000c000000000000046")
_EPOCH_S = 11_644_473_600

Value = str | bytes | int


@dataclass
class Attached:
    """A file in a message: bytes, another message, or the storage of an OLE object."""

    name: str
    content: "bytes | Outlook | Storage"
    media_type: str = ""


@dataclass
class Outlook:
    """A message of Outlook's; keys of `properties` are a number, or a number and a type."""

    properties: Mapping[int | tuple[int, int], Value] = field(default_factory=dict)
    recipients: Sequence[Mapping[int, Value]] = ()
    attached: Sequence[Attached] = ()
    named: Sequence[tuple[bytes, int | str, Value]] = ()


def ticks(seconds: int) -> int:
    """A time as Windows counts it, from seconds since 1970."""
    return (seconds + _EPOCH_S) * 10_000_000


def msg_bytes(message: Outlook) -> bytes:
    """A .msg file."""
    storage = _message(message, 32)
    if message.named:
        storage.storages["__nameid_version1.0"] = _names(message)
    return cfb.write(storage)


def _typed(properties: Mapping[int | tuple[int, int], Value]) -> list[tuple[int, int, Value]]:
    kinds = {str: UNICODE, bytes: BINARY, int: INT32}
    found = []
    for key, value in properties.items():
        number, kind = key if isinstance(key, tuple) else (key, kinds[type(value)])
        found.append((number, kind, value))
    return found


def _storage(properties: Sequence[tuple[int, int, Value]], n_head: int) -> Storage:
    streams, fixed = {}, bytes(n_head)
    for number, kind, value in properties:
        if isinstance(value, int):
            fixed += struct.pack("<HHI", kind, number, 6) + value.to_bytes(8, "little", signed=True)
            continue
        content = value.encode("utf-16-le") if isinstance(value, str) else value
        streams[f"__substg1.0_{number:04X}{kind:04X}"] = content
        fixed += struct.pack("<HHIII", kind, number, 6, len(content), 0)
    streams["__properties_version1.0"] = fixed
    return Storage(streams)


def _message(message: Outlook, n_head: int) -> Storage:
    named = [
        (0x8000 + index, {str: UNICODE, bytes: BINARY, int: TIME}[type(value)], value)
        for index, (_, _, value) in enumerate(message.named)
    ]
    storage = _storage(_typed(message.properties) + named, n_head)
    for index, recipient in enumerate(message.recipients):
        storage.storages[f"__recip_version1.0_#{index:08X}"] = _storage(_typed(recipient), 8)
    for index, attached in enumerate(message.attached):
        properties: dict[int | tuple[int, int], Value] = {FILE_NAME: attached.name, METHOD: 1}
        if attached.media_type:
            properties[MEDIA_TYPE] = attached.media_type
        inner = None
        if isinstance(attached.content, bytes):
            properties[DATA] = attached.content
        elif isinstance(attached.content, Outlook):
            properties[METHOD], inner = 5, _message(attached.content, 24)
        else:
            properties[METHOD], inner = 6, attached.content
        one = _storage(_typed(properties), 8)
        if inner is not None:
            one.storages["__substg1.0_3701000D"] = inner
        storage.storages[f"__attach_version1.0_#{index:08X}"] = one
    return storage


def _names(message: Outlook) -> Storage:
    guids = list(dict.fromkeys(guid for guid, _, _ in message.named))
    entries, strings = b"", b""
    for index, (guid, name, _) in enumerate(message.named):
        kind = guids.index(guid) + 3 << 1
        if isinstance(name, str):
            encoded = name.encode("utf-16-le")
            entries += struct.pack("<IHH", len(strings), kind | 1, index)
            strings += struct.pack("<I", len(encoded)) + encoded + bytes(-len(encoded) % 4)
        else:
            entries += struct.pack("<IHH", name, kind, index)
    prefix = "__substg1.0_"
    return Storage({f"{prefix}00020102": b"".join(guids), f"{prefix}00030102": entries, f"{prefix}00040102": strings})


def tnef_bytes(message: Outlook, *, code_page: int = 1252, legacy: Sequence[tuple[int, bytes]] = ()) -> bytes:
    """A winmail.dat; `legacy` are attributes that are no MAPI properties."""
    data = struct.pack("<IH", 0x223E9F78, 1) + _attribute(1, 0x00069007, struct.pack("<II", code_page, 0))
    data += b"".join(_attribute(1, tag, content) for tag, content in legacy)
    named = [(0x8000 + index, UNICODE, value, name) for index, (*name, value) in enumerate(message.named)]
    listed = [(*one, None) for one in _typed(message.properties)] + named
    if listed:
        data += _attribute(1, 0x00069003, _list(listed))
    if message.recipients:
        rows = b"".join(_list([(*one, None) for one in _typed(row)]) for row in message.recipients)
        data += _attribute(1, 0x00069004, struct.pack("<I", len(message.recipients)) + rows)
    for attached in message.attached:
        data += _attribute(2, 0x00069002, bytes(14))
        data += _attribute(2, 0x00018010, attached.name.encode("cp1252", "replace") + b"\0")
        properties = [(FILE_NAME, UNICODE, attached.name, None)]
        if isinstance(attached.content, bytes):
            data += _attribute(2, 0x0006800F, attached.content)
        elif isinstance(attached.content, Outlook):
            properties.append((DATA, OBJECT, bytes(16) + tnef_bytes(attached.content), None))
        data += _attribute(2, 0x00069005, _list(properties))
    return data


def _attribute(level: int, tag: int, content: bytes) -> bytes:
    return struct.pack("<BII", level, tag, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)


def _list(properties: Sequence[tuple]) -> bytes:  # type: ignore[type-arg]
    data = struct.pack("<I", len(properties))
    for number, kind, value, name in properties:
        data += struct.pack("<HH", kind, number)
        if name:
            guid, key = name
            encoded = key.encode("utf-16-le") + b"\0\0" if isinstance(key, str) else b""
            data += guid + (
                struct.pack("<II", 1, len(encoded)) + encoded + bytes(-len(encoded) % 4)
                if encoded
                else struct.pack("<II", 0, key)
            )
        if isinstance(value, int):
            data += value.to_bytes(8 if kind == TIME else 4, "little", signed=True)
        else:
            content = value.encode("utf-16-le") + b"\0\0" if isinstance(value, str) else value
            data += struct.pack("<II", 1, len(content)) + content + bytes(-len(content) % 4)
    return data
