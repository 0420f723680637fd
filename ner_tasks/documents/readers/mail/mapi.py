"""Parse MAPI properties, which Outlook stores in .msg files and winmail.dat: types, code pages, names.

Sources: [MS-OXCDATA] 2.11 (types), [MS-OXPROPS] (properties).
"""

import codecs
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.types import CannotRead

INT16, INT32, DOUBLE, BOOL, INT64, TIME = 0x02, 0x03, 0x05, 0x0B, 0x14, 0x40
STRING8, UNICODE, BINARY, OBJECT, GUID = 0x1E, 0x1F, 0x102, 0x0D, 0x48
MULTIPLE = 0x1000
# Size in bytes of fixed-length values in a property stream.
FIXED = {
    INT16: 2,
    INT32: 4,
    0x04: 4,
    DOUBLE: 8,
    0x06: 8,
    0x07: 8,
    0x0A: 4,
    BOOL: 2,
    INT64: 8,
    TIME: 8,
    GUID: 16,
    0: 4,
    1: 4,
}
_TICKS_PER_US = 10
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
# Windows code pages whose Python codec is not named after the number.
_CODE_PAGES = {
    65001: "utf-8",
    20127: "us-ascii",
    28591: "iso-8859-1",
    28592: "iso-8859-2",
    28595: "iso-8859-5",
    28597: "iso-8859-7",
    28605: "iso-8859-15",
    20866: "koi8-r",
    21866: "koi8-u",
    50220: "iso-2022-jp",
    50221: "iso-2022-jp",
    50222: "iso-2022-jp",
    50225: "iso-2022-kr",
    51932: "euc-jp",
    51949: "euc-kr",
    51936: "gb2312",
    52936: "hz-gb-2312",
    54936: "gb18030",
    932: "shift_jis",
    936: "gbk",
    949: "euc-kr",
    950: "big5",
    10000: "macintosh",
    1200: "utf-16-le",
}

Value = str | bytes | int | float | list[str | bytes]


@dataclass
class Attachment:
    """An attachment of a message.

    Attributes:
        content: its bytes, None if it has none.
        message: an embedded message as a separate file, and its suffix.
        ole: an OLE object as a separate file.
    """

    properties: "Properties"
    content: bytes | None = None
    message: tuple[bytes, str] | None = None
    ole: bytes | None = None


@dataclass
class Message:
    """The content of an Outlook message."""

    properties: "Properties"
    recipients: list["Properties"] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)


@dataclass
class Properties:
    """The properties of a message, recipient or attachment.

    Attributes:
        values: values by property number; 8-bit strings are still bytes.
        types: types by property number.
        names: property set, and number or name in it, of the properties from 0x8000 on.
        code_page: code page of the 8-bit strings, 0 if unknown.
    """

    values: dict[int, Value] = field(default_factory=dict)
    types: dict[int, int] = field(default_factory=dict)
    names: dict[int, tuple[bytes, int | str]] = field(default_factory=dict)
    code_page: int = 0

    def put(self, number: int, kind: int, value: Value) -> None:
        """Store a value; a Unicode string takes precedence over an 8-bit one."""
        if number not in self.values or self.types[number] & ~MULTIPLE != UNICODE:
            self.values[number], self.types[number] = value, kind

    def text(self, *numbers: int) -> str:
        """Return the first of several properties that is a non-blank string."""
        for number in numbers:
            if string := self._text(number):
                return string
        return ""

    def _text(self, number: int) -> str:
        value = self.values.get(number)
        if isinstance(value, bytes) and self.types[number] in (STRING8, UNICODE):
            value = self.decode(value)
        return value.replace("\0", "").strip() if isinstance(value, str) else ""

    def texts(self, number: int) -> list[str]:
        """Return all strings of a property, which may have several values."""
        value = self.values.get(number)
        if not isinstance(value, list):
            return [string] if (string := self._text(number)) else []
        if self.types[number] & ~MULTIPLE not in (STRING8, UNICODE):
            return []
        texts = (self.decode(one) if isinstance(one, bytes) else one for one in value)
        return [text.replace("\0", "").strip() for text in texts]

    def decode(self, value: bytes) -> str:
        """Decode an 8-bit string."""
        value = value.rstrip(b"\0")
        try:
            return text_encoding.decode(value, find_encoding(self.code_page))[0] if value else ""
        except CannotRead:
            return value.decode("cp1252", "replace")

    def number(self, number: int) -> int:
        """Return a numeric property, 0 if it is missing."""
        value = self.values.get(number)
        return value if isinstance(value, int) else 0

    def binary(self, number: int) -> bytes:
        """Return a binary property, empty if it is missing."""
        value = self.values.get(number)
        return value if isinstance(value, bytes) else b""

    def time(self, *numbers: int) -> str:
        """Return the first of several properties that is a time, formatted as a mail's Date field."""
        for number in numbers:
            ticks = self.number(number)
            if ticks > 0 and self.types[number] == TIME:
                try:
                    return format_datetime(_EPOCH + timedelta(microseconds=ticks // _TICKS_PER_US))
                except OverflowError:
                    continue
        return ""


def find_encoding(code_page: int) -> str:
    """Return the encoding of a Windows code page, "" if there is none."""
    if not code_page:
        return ""
    name = _CODE_PAGES.get(
        code_page, f"cp{code_page}" if code_page not in range(1250, 1259) else f"windows-{code_page}"
    )
    try:
        codecs.lookup(name)
    except LookupError:
        return ""
    return name


def parse_fixed(kind: int, raw: bytes) -> Value | None:
    """Parse a fixed-length value, None for a type that is neither text nor a number."""
    try:
        match kind:
            case 0x02:
                return int(struct.unpack_from("<h", raw)[0])
            case 0x03:
                return int(struct.unpack_from("<i", raw)[0])
            case 0x05 | 0x07:
                return float(struct.unpack_from("<d", raw)[0])
            case 0x0B:
                return int(raw[:2] != b"\0\0")
            case 0x14 | 0x40:
                return int(struct.unpack_from("<q", raw)[0])
    except struct.error:
        return None
    return None


def parse_string(kind: int, raw: bytes) -> str | bytes:
    """Parse a string or binary value; 8-bit strings stay bytes until the code page is known."""
    if kind == UNICODE:
        return raw[: len(raw) & ~1].decode("utf-16-le", "replace").rstrip("\0")
    return raw
