"""Read Outlook messages (.msg): mails, appointments, contacts, tasks; attachments become separate documents.

Source: [MS-OXMSG].
"""

import struct
from dataclasses import replace

from ner_tasks.documents.readers.mail import cfb, mapi, mapi_message
from ner_tasks.documents.readers.mail.cfb import Storage
from ner_tasks.documents.readers.mail.mapi import Attachment, Message, Properties
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

_PROPERTIES = "__properties_version1.0"
_NAMES = "__nameid_version1.0"
_STREAM = "__substg1.0_"
_HEAD_MESSAGE, _HEAD_EMBEDDED, _HEAD_OTHER = 32, 24, 8
_ENTRY = struct.Struct("<HHI8s")
_NAME = struct.Struct("<IHH")
_KNOWN_SETS = {
    1: bytes.fromhex("2803020000000000c000000000000046"),
    2: bytes.fromhex("2903020000000000c000000000000046"),
}


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read headers as `Field: value` lines, then the fields of the item's type, then the body.

    Raises:
        CannotRead: `broken`, `bomb`.
    """
    root, damage = cfb.read(data, limits.max_unpacked_bytes)
    if not any(name.startswith(_STREAM) for name in root.streams) and _PROPERTIES not in root.streams:
        raise CannotRead("broken", "found no property, expected an Outlook message")
    builder = ExtractBuilder()
    for line in damage:
        where, _, what = line.rpartition(": ")
        builder.inventory.unread("stream", f"damage: {where}", what)
    names = _read_names(root.storages.get(_NAMES, Storage()))
    message = Message(_read_properties(root, names, _HEAD_MESSAGE))
    code_page = message.properties.number(0x3FFD) or message.properties.number(0x3FDE)
    message.properties.code_page = code_page
    n_left = limits.max_unpacked_bytes  # each embedded message gets a copy of all property names
    for name, storage in sorted(root.storages.items()):
        if name.startswith("__recip_version1.0_"):
            message.recipients.append(replace(_read_properties(storage, names, _HEAD_OTHER), code_page=code_page))
        elif name.startswith("__attach_version1.0_"):
            properties = replace(_read_properties(storage, names, _HEAD_OTHER), code_page=code_page)
            if n_left > 0:
                message.attachments.append(_read_attachment(storage, properties, root))
                content = message.attachments[-1].message
                n_left -= len(content[0]) if content else 0
            else:
                message.attachments.append(Attachment(properties))
    return mapi_message.read(message, builder, limits)


def _read_properties(storage: Storage, names: dict[int, tuple[bytes, int | str]], n_head: int) -> Properties:
    properties = Properties(names=names)  # shared, because there may be many names and many owners
    fixed = storage.streams.get(_PROPERTIES, b"")
    for position in range(n_head, len(fixed) - _ENTRY.size + 1, _ENTRY.size):
        kind, number, _, raw = _ENTRY.unpack_from(fixed, position)
        value = mapi.parse_fixed(kind, raw)
        if value is not None:
            properties.put(number, kind, value)
    multiple: dict[tuple[int, int], dict[int, bytes]] = {}
    for name, content in storage.streams.items():
        tag, _, index = name.removeprefix(_STREAM).partition("-")
        if not name.startswith(_STREAM) or len(tag) != 8:
            continue
        try:
            number, kind = int(tag[:4], 16), int(tag[4:], 16)
            at = int(index, 16) if index else -1
        except ValueError:
            continue
        if not kind & mapi.MULTIPLE:
            properties.put(number, kind, mapi.parse_string(kind, content))
        elif at >= 0:
            multiple.setdefault((number, kind), {})[at] = content
    for (number, kind), values in multiple.items():
        in_order = [mapi.parse_string(kind & ~mapi.MULTIPLE, values[at]) for at in sorted(values)]
        properties.put(number, kind, list(in_order))
    return properties


def _read_names(storage: Storage) -> dict[int, tuple[bytes, int | str]]:
    """Read the names of the properties from 0x8000 on."""
    entries = storage.streams.get(f"{_STREAM}00030102", b"")
    sets = storage.streams.get(f"{_STREAM}00020102", b"")
    strings = storage.streams.get(f"{_STREAM}00040102", b"")
    names: dict[int, tuple[bytes, int | str]] = {}
    for position in range(0, len(entries) - _NAME.size + 1, _NAME.size):
        key, kind, index = _NAME.unpack_from(entries, position)
        at = kind >> 1
        guid = _KNOWN_SETS.get(at) or sets[(at - 3) * 16 : (at - 2) * 16] if at else b""
        if kind & 1:
            n_bytes = int.from_bytes(strings[key : key + 4], "little")
            names[0x8000 + index] = (
                guid,
                strings[key + 4 : key + 4 + min(n_bytes, 1000)].decode("utf-16-le", "replace"),
            )
        else:
            names[0x8000 + index] = (guid, key)
    return names


def _read_attachment(storage: Storage, properties: Properties, root: Storage) -> Attachment:
    inner = storage.storages.get(f"{_STREAM}3701000D")
    if inner is None:
        content = storage.streams.get(f"{_STREAM}37010102")
        return Attachment(properties, content if content is not None else storage.streams.get(f"{_STREAM}3701000D"))
    if _PROPERTIES in inner.streams or any(name.startswith(_STREAM) for name in inner.streams):
        return Attachment(properties, message=(cfb.write(_to_file(inner, root)), ".msg"))
    return Attachment(properties, ole=cfb.write(inner))


def _to_file(inner: Storage, root: Storage) -> Storage:
    """Turn an embedded message into a separate file, with a longer property header and the property names."""
    streams = dict(inner.streams)
    fixed = streams.get(_PROPERTIES, bytes(_HEAD_EMBEDDED))
    streams[_PROPERTIES] = fixed[:_HEAD_EMBEDDED] + bytes(_HEAD_MESSAGE - _HEAD_EMBEDDED) + fixed[_HEAD_EMBEDDED:]
    storages = dict(inner.storages)
    if _NAMES in root.storages:
        storages.setdefault(_NAMES, root.storages[_NAMES])
    return Storage(streams, storages)
