"""Write OLE compound files, for tests of their streams.

Source: [MS-CFB], version 3. Streams are padded to 4,096 bytes, below which they would lie in a file of their own.
"""

import struct

_SECTOR, _LEAST = 512, 4096
_FREE, _END, _FAT_SECTOR, _NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
_ROOT, _STORAGE, _STREAM = 5, 1, 2
_PER_SECTOR = _SECTOR // 4


def ole_bytes(streams: dict[str, bytes]) -> bytes:
    """A compound file of these streams; `/` in a name puts a stream into a storage.

    Args:
        streams: content by name.
    """
    names = sorted({"/".join(path.split("/")[:n]) for path in streams for n in range(1, path.count("/") + 2)})
    padded = {name: data + bytes(max(0, _LEAST - len(data))) for name, data in streams.items()}
    fat: list[int] = []
    sectors: list[bytes] = []
    starts = {name: _append(data, fat, sectors) for name, data in padded.items()}
    numbers = {name: number for number, name in enumerate(names, start=1)}
    entries = [_entry("Root Entry", _ROOT, _NONE, _first_in("", names, numbers), _END, 0)]
    for name in names:
        siblings = [other for other in names if other.rpartition("/")[0] == name.rpartition("/")[0]]
        later = siblings[siblings.index(name) + 1 :]
        right = numbers[later[0]] if later else _NONE
        own = name.rpartition("/")[2]
        if name in padded:
            entries.append(_entry(own, _STREAM, right, _NONE, starts[name], len(padded[name])))
        else:
            entries.append(_entry(own, _STORAGE, right, _first_in(name, names, numbers), 0, 0))
    directory = _append(b"".join(entries), fat, sectors)
    n_fat = 1
    while n_fat * _PER_SECTOR < len(fat) + n_fat:
        n_fat += 1
    places = [len(fat) + n for n in range(n_fat)]
    fat += [_FAT_SECTOR] * n_fat
    fat += [_FREE] * (n_fat * _PER_SECTOR - len(fat))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<9I", 0, n_fat, directory, 0, _LEAST, _END, 0, _END, 0)
    head += struct.pack("<109I", *places, *[_FREE] * (109 - n_fat))
    return head + b"".join(sectors) + struct.pack(f"<{len(fat)}I", *fat)


def _first_in(folder: str, names: list[str], numbers: dict[str, int]) -> int:
    return next((numbers[name] for name in names if name.rpartition("/")[0] == folder), _NONE)


def _append(data: bytes, fat: list[int], sectors: list[bytes]) -> int:
    start = len(fat)
    n_sectors = max(1, -(-len(data) // _SECTOR))
    fat += [*range(start + 1, start + n_sectors), _END]
    sectors.append(data + bytes(n_sectors * _SECTOR - len(data)))
    return start


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    head = encoded.ljust(64, b"\0") + struct.pack("<HBB3I", len(encoded), kind, 1, _NONE, right, child)
    return head + bytes(36) + struct.pack("<IQ", start, size)
