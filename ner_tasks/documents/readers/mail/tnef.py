"""Read winmail.dat (TNEF), in which Outlook sends a mail's body and attachments.

Source: [MS-OXTNEF].
"""

import struct

from ner_tasks.documents.detection import sniffing
from ner_tasks.documents.readers.mail import mapi, mapi_message
from ner_tasks.documents.readers.mail.mapi import Attachment, Message, Properties, Value
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

_SIGNATURE = 0x223E9F78
_ATTRIBUTE = struct.Struct("<BII")
_VARIABLE = (mapi.STRING8, mapi.UNICODE, mapi.BINARY, mapi.OBJECT)
_MAX_NAME = 1_000


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read headers and body if present; attachments become separate documents.

    Raises:
        CannotRead: `broken`.
    """
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != _SIGNATURE:
        raise CannotRead("broken", "found no TNEF signature, expected a winmail.dat")
    builder = ExtractBuilder()
    return mapi_message.read(_TnefReader(data, builder).read_message(), builder, limits)


class _TnefReader:
    def __init__(self, data: bytes, builder: ExtractBuilder) -> None:
        self.data, self.builder = data, builder
        self.result = Message(Properties())

    def read_message(self) -> Message:
        position, n_wrong, is_whole = 6, 0, True
        while position + _ATTRIBUTE.size <= len(self.data):
            level, tag, n_bytes = _ATTRIBUTE.unpack_from(self.data, position)
            start = position + _ATTRIBUTE.size
            content = self.data[start : start + n_bytes]
            checksum = self.data[start + n_bytes : start + n_bytes + 2]
            position = start + n_bytes + 2
            is_whole = is_whole and len(checksum) == 2
            n_wrong += len(checksum) == 2 and int.from_bytes(checksum, "little") != sum(content) & 0xFFFF
            if level not in (1, 2):
                is_whole = False
                break
            self._read_attribute(tag & 0xFFFF, content)
        if not is_whole or position < len(self.data):
            self.builder.inventory.unread("attribute", "damage", "a truncated or damaged winmail.dat")
        if n_wrong:
            self.builder.note(f"{n_wrong} checksum(s) are wrong")
        for owner in (*self.result.recipients, *(one.properties for one in self.result.attachments)):
            owner.code_page = self.result.properties.code_page
        return self.result

    def _read_attribute(self, tag: int, content: bytes) -> None:
        properties = self.result.properties
        files = self.result.attachments
        match tag:
            case 0x9007:
                properties.code_page = int.from_bytes(content[:4], "little")
            case 0x8004:
                _put_missing(properties, 0x0037, content)
            case 0x800C:
                _put_missing(properties, 0x1000, content)
            case 0x8000:
                self._read_sender(content)
            case 0x9003:
                self._read_list(content, 0, properties)
            case 0x9004:
                self._read_recipients(content)
            case 0x9002:
                files.append(Attachment(Properties()))
            case 0x8010 if files:
                _put_missing(files[-1].properties, 0x3704, content)
            case 0x800F if files:
                files[-1].content = content
            case 0x9005 if files:
                self._read_list(content, 0, files[-1].properties)
                _read_object(files[-1])

    def _read_sender(self, content: bytes) -> None:
        """Parse the name and address in a `TRP` structure."""
        n_name = int.from_bytes(content[4:6], "little")
        start = 8 if content[8:16].strip(b"\0") else 16  # an empty structure may precede the values
        name = content[start : start + n_name].split(b"\0")[0]
        n_address = int.from_bytes(content[6:8], "little")
        address = content[start + n_name : start + n_name + n_address].split(b"\0")[0].rpartition(b":")[2]
        if name:
            _put_missing(self.result.properties, 0x0C1A, name)
        if address:
            _put_missing(self.result.properties, 0x0C1F, address)

    def _read_recipients(self, content: bytes) -> None:
        position = 4
        for _ in range(min(int.from_bytes(content[:4], "little"), len(content))):
            recipient = Properties()
            position = self._read_list(content, position, recipient)
            if position < 0:
                break
            self.result.recipients.append(recipient)

    def _read_list(self, content: bytes, position: int, into: Properties) -> int:
        """Read a list of properties, and return the offset of its end, -1 if it is truncated."""
        try:
            return _read_properties(content, position, into)
        except (struct.error, IndexError, ValueError):
            self.builder.inventory.unread("property", "damage", "a truncated list of properties")
            return -1


def _put_missing(properties: Properties, number: int, value: bytes) -> None:
    if number not in properties.values:
        properties.put(number, mapi.STRING8, value)


def _read_properties(content: bytes, position: int, into: Properties) -> int:
    n_properties = struct.unpack_from("<I", content, position)[0]
    position += 4
    for _ in range(n_properties):
        kind, number = struct.unpack_from("<HH", content, position)
        position += 4
        if number >= 0x8000:
            name, position = _read_name(content, position)
            # Another list may reuse the numbers of named properties.
            into.names[number] = name
        base = kind & ~mapi.MULTIPLE
        is_many = bool(kind & mapi.MULTIPLE) or base in _VARIABLE
        n_values = 1
        if is_many:
            n_values = struct.unpack_from("<I", content, position)[0]
            position += 4
        values: list[Value] = []
        for _ in range(n_values):
            if base in _VARIABLE:
                n_bytes = struct.unpack_from("<I", content, position)[0]
                position += 4
            elif base in mapi.FIXED:
                n_bytes = mapi.FIXED[base]
            else:
                raise ValueError("no known type")
            if position + n_bytes > len(content):
                _keep(into, number, kind, content[position:])
                raise ValueError("truncated")
            raw = content[position : position + n_bytes]
            position += (n_bytes + 3) & ~3
            value = mapi.parse_string(base, raw) if base in _VARIABLE else mapi.parse_fixed(base, raw)
            if value is not None:
                values.append(value)
        if kind & mapi.MULTIPLE:
            into.put(number, kind, [value for value in values if isinstance(value, str | bytes)])
        elif values:
            into.put(number, kind, values[0])
    return position


def _keep(into: Properties, number: int, kind: int, raw: bytes) -> None:
    """Store the available part of the last value in a truncated list."""
    if kind in (mapi.STRING8, mapi.UNICODE, mapi.BINARY):
        into.put(number, kind, mapi.parse_string(kind, raw))


def _read_name(content: bytes, position: int) -> tuple[tuple[bytes, int | str], int]:
    guid = content[position : position + 16]
    kind, key = struct.unpack_from("<II", content, position + 16)
    position += 24
    if kind == 0:
        return (guid, key), position
    name = content[position : position + min(key, _MAX_NAME)].decode("utf-16-le", "replace").rstrip("\0")
    return (guid, name), position + ((key + 3) & ~3)


def _read_object(attachment: Attachment) -> None:
    """Read an attachment stored as a property: bytes, a TNEF message, or an OLE object."""
    raw = attachment.properties.binary(0x3701)
    if not raw:
        return
    if attachment.properties.types[0x3701] != mapi.OBJECT:
        attachment.content = attachment.content or raw
        return
    inner = raw[16:]
    if inner.startswith(struct.pack("<I", _SIGNATURE)):
        attachment.message = (inner, ".tnef")
    elif inner.startswith(sniffing.OLE):
        attachment.ole = inner
    else:
        attachment.content = attachment.content or inner
