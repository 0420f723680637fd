"""Writes OLE compound files, the container of Outlook's .msg, for the sample and for tests.

It shares no code with the reader's own writer (`readers/mail/cfb.py`): what one of them gets wrong, the other shows.

Source: [MS-CFB], version 3: sectors of 512 bytes, streams below 4,096 bytes in the mini stream.
"""

import struct
from collections.abc import Mapping

_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_NONE = 0xFFFFFFFF
_PER_SECTOR = _SECTOR // 4
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_BLACK = 1

# A storage: streams as bytes and further storages, by name.
Storage = Mapping[str, "bytes | Storage"]


class _Entry:
    def __init__(self, name: str, kind: int):
        self.name, self.kind = name, kind
        self.left = self.right = self.child = _NONE
        self.start, self.size = _END, 0

    def packed(self) -> bytes:
        name = self.name.encode("utf-16-le") + b"\0\0"
        head = struct.pack("<64sHBB3I", name, len(name), self.kind, _BLACK, self.left, self.right, self.child)
        return head + bytes(36) + struct.pack("<IQ", self.start if self.kind != _STORAGE else 0, self.size)


def write(root: Storage) -> bytes:
    """A compound file that holds `root`."""
    entries: list[_Entry] = []
    streams: list[tuple[_Entry, bytes]] = []
    _add(entries, streams, "Root Entry", _ROOT, root)
    fat: list[int] = []
    sectors: list[bytes] = []
    mini_fat: list[int] = []
    mini = bytearray()
    for entry, data in streams:
        entry.size = len(data)
        if not data:
            continue
        if len(data) < _CUTOFF:
            entry.start = len(mini_fat)
            n = -(-len(data) // _MINI)
            mini_fat += [*range(len(mini_fat) + 1, len(mini_fat) + n), _END]
            mini += data.ljust(n * _MINI, b"\0")
        else:
            entry.start = _chain(fat, sectors, data)
    entries[0].start = _chain(fat, sectors, bytes(mini)) if mini else _END
    entries[0].size = len(mini)
    mini_fat_start = (
        _chain(fat, sectors, b"".join(struct.pack("<I", n) for n in mini_fat), b"\xff") if mini_fat else _END
    )
    n_mini_fat = -(-len(mini_fat) // _PER_SECTOR)
    free = _Entry("", 0)
    listed = [*entries, *([free] * (-len(entries) % 4))]
    directory = _chain(fat, sectors, b"".join(entry.packed() for entry in listed))
    n_fat = 1
    while n_fat * _PER_SECTOR < len(fat) + n_fat:
        n_fat += 1
    first = len(sectors)
    fat += [_FAT] * n_fat
    packed = b"".join(struct.pack("<I", n) for n in fat).ljust(n_fat * _SECTOR, b"\xff")
    places = [*range(first, first + n_fat), *([_FREE] * (109 - n_fat))]
    header = struct.pack(
        "<8s16s5H6s9I",
        *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3E, 3, 0xFFFE, 9, 6, bytes(6), 0, n_fat, directory, 0),
        *(_CUTOFF, mini_fat_start, n_mini_fat, _END, 0),
    )
    return header[:76] + struct.pack("<109I", *places) + b"".join(sectors) + packed


def _add(entries: list[_Entry], streams: list[tuple[_Entry, bytes]], name: str, kind: int, content: "Storage") -> int:
    own = len(entries)
    entries.append(_Entry(name, kind))
    # A list instead of a balanced tree: readers follow the links, whatever their shape.
    before: _Entry | None = None
    for inner in sorted(content, key=lambda text: (len(text), text.upper())):
        value = content[inner]
        if isinstance(value, bytes):
            number = len(entries)
            entries.append(_Entry(inner, _STREAM))
            streams.append((entries[number], value))
        else:
            number = _add(entries, streams, inner, _STORAGE, value)
        if before is None:
            entries[own].child = number
        else:
            before.right = number
        before = entries[number]
    return own


def _chain(fat: list[int], sectors: list[bytes], data: bytes, fill: bytes = b"\0") -> int:
    first, n = len(sectors), -(-len(data) // _SECTOR)
    padded = data.ljust(n * _SECTOR, fill)
    sectors += [padded[_SECTOR * index : _SECTOR * (index + 1)] for index in range(n)]
    fat += [*range(first + 1, first + n), _END]
    return first
