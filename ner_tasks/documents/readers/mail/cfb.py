"""Read and write compound files (OLE); writing serves to extract a message embedded in another one.

Source: [MS-CFB].
"""

import struct
from dataclasses import dataclass, field

from ner_tasks.documents.detection import sniffing
from ner_tasks.documents.types import CannotRead

_STORAGE, _STREAM = 1, 2
_MAX_ENTRIES = 200_000
_MAX_DEPTH = 40
_SECTOR, _MINI_SECTOR, _CUTOFF = 512, 64, 4096
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_DIFAT_IN_HEADER = 109
_PER_FAT_SECTOR = _SECTOR // 4


@dataclass
class Storage:
    """A folder in a compound file; names keep their case."""

    streams: dict[str, bytes] = field(default_factory=dict)
    storages: dict[str, "Storage"] = field(default_factory=dict)


def read(data: bytes, max_bytes: int) -> tuple[Storage, list[str]]:
    """Read a compound file, and describe its damage.

    Args:
        data: the file.
        max_bytes: maximum total size of all streams, which may share sectors.

    Raises:
        CannotRead: `broken`, `bomb`.
    """
    from ner_tasks.documents.detection.ole_files import OleFile

    try:
        ole = OleFile(data)
    except (OSError, ValueError, IndexError, struct.error, RecursionError, AttributeError, TypeError) as error:
        raise CannotRead(
            "broken", f"found {type(error).__name__} in its directory, expected a whole OLE file"
        ) from None
    root, damage = Storage(), []
    stack = [(ole.root, root, "", 0)]
    n_bytes = n_entries = 0
    while stack:
        entry, storage, path, depth = stack.pop()
        for kid in entry.kids:
            n_entries += 1
            where = f"{path}/{kid.name}".lstrip("/")
            if n_entries > _MAX_ENTRIES or depth > _MAX_DEPTH:
                damage.append(f"{where}: too many storages, or nested too deeply")
            elif kid.entry_type == _STORAGE:
                stack.append((kid, storage.storages.setdefault(kid.name, Storage()), where, depth + 1))
            elif kid.entry_type == _STREAM:
                try:
                    content = ole._open(kid.isectStart, min(kid.size, len(data))).read()  # noqa: SLF001 - opening by name searches all siblings each time
                except (OSError, ValueError, IndexError, struct.error) as error:
                    damage.append(f"{where}: damaged ({type(error).__name__})")
                    continue
                n_bytes += len(content)
                if n_bytes > max_bytes:
                    raise CannotRead(
                        "bomb", f"found more than {max_bytes} bytes of streams, expected at most that many"
                    )
                if len(content) < kid.size:
                    damage.append(f"{where}: truncated")
                storage.streams[kid.name] = content
    if ole.parsing_issues and not damage:
        damage.append("an OLE file that is truncated or otherwise damaged")
    return root, damage


def write(root: Storage) -> bytes:
    """Return a compound file with the storages and streams of a tree."""
    return _Writer().write(root)


@dataclass
class _CfbEntry:
    name: str
    kind: int
    start: int = 0
    size: int = 0
    child: int = _FREE
    left: int = _FREE
    right: int = _FREE


class _Writer:
    def __init__(self) -> None:
        self.sectors: list[bytes] = []
        self.fat: list[int] = []
        self.mini, self.mini_fat = bytearray(), list[int]()
        self.entries = [_CfbEntry("Root Entry", 5)]

    def write(self, root: Storage) -> bytes:
        stack = [(root, 0)]
        while stack:
            storage, at = stack.pop()
            numbers = []
            for name, content in storage.streams.items():
                numbers.append(len(self.entries))
                self.entries.append(_CfbEntry(name, _STREAM, self._content(content), len(content)))
            for name, inner in storage.storages.items():
                numbers.append(len(self.entries))
                stack.append((inner, len(self.entries)))
                self.entries.append(_CfbEntry(name, _STORAGE))
            numbers.sort(key=lambda number: (len(self.entries[number].name), self.entries[number].name.upper()))
            self.entries[at].child = self._balance(numbers)
        self.entries[0].size = len(self.mini)
        self.entries[0].start = self._chain(bytes(self.mini)) if self.mini else _END
        mini_fat = struct.pack(f"<{len(self.mini_fat)}I", *self.mini_fat)
        mini_fat_start = self._chain(mini_fat, b"\xff") if mini_fat else _END
        n_mini_fat = -(-len(mini_fat) // _SECTOR)
        directory = self._chain(b"".join(map(_pack_entry, self.entries)))
        return self._finish(directory, mini_fat_start, n_mini_fat)

    def _balance(self, numbers: list[int]) -> int:
        """Build a balanced tree of siblings, so that no reader recurses deeply."""
        if not numbers:
            return _FREE
        middle = len(numbers) // 2
        entry = self.entries[numbers[middle]]
        entry.left, entry.right = self._balance(numbers[:middle]), self._balance(numbers[middle + 1 :])
        return numbers[middle]

    def _content(self, content: bytes) -> int:
        if not content:
            return _END
        if len(content) >= _CUTOFF:
            return self._chain(content)
        start = len(self.mini_fat)
        n_sectors = -(-len(content) // _MINI_SECTOR)
        self.mini += content.ljust(n_sectors * _MINI_SECTOR, b"\0")
        self.mini_fat += [*range(start + 1, start + n_sectors), _END]
        return start

    def _chain(self, content: bytes, filler: bytes = b"\0") -> int:
        start = len(self.sectors)
        self.sectors += [content[at : at + _SECTOR].ljust(_SECTOR, filler) for at in range(0, len(content), _SECTOR)]
        self.fat += [*range(start + 1, len(self.sectors)), _END]
        return start

    def _finish(self, directory: int, mini_fat: int, n_mini_fat: int) -> bytes:
        n_fat = n_difat = 0
        while True:  # the table also lists its own sectors
            n_all = len(self.fat) + n_fat + n_difat
            needed = -(-n_all // _PER_FAT_SECTOR)
            needed_difat = max(0, -(-(needed - _DIFAT_IN_HEADER) // (_PER_FAT_SECTOR - 1)))
            if (needed, needed_difat) == (n_fat, n_difat):
                break
            n_fat, n_difat = needed, needed_difat
        first = len(self.fat)
        places = list(range(first, first + n_fat))
        self.fat += [_FAT] * n_fat + [_FAT - 1] * n_difat
        table = struct.pack(f"<{len(self.fat)}I", *self.fat).ljust(n_fat * _SECTOR, b"\xff")
        rest, difat = places[_DIFAT_IN_HEADER:], b""
        for number in range(n_difat):
            own = rest[number * (_PER_FAT_SECTOR - 1) : (number + 1) * (_PER_FAT_SECTOR - 1)]
            following = first + n_fat + number + 1 if number + 1 < n_difat else _END
            difat += struct.pack(f"<{_PER_FAT_SECTOR}I", *own, *[_FREE] * (_PER_FAT_SECTOR - 1 - len(own)), following)
        in_header = places[:_DIFAT_IN_HEADER]
        header = sniffing.OLE + bytes(16) + struct.pack(
            "<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, n_fat, directory, 0, _CUTOFF, mini_fat, n_mini_fat,
            first + n_fat if n_difat else _END, n_difat, 0,
        )[:-4]  # fmt: skip
        header += struct.pack(f"<{_DIFAT_IN_HEADER}I", *in_header, *[_FREE] * (_DIFAT_IN_HEADER - len(in_header)))
        return b"".join((header, *self.sectors, table, difat))


def _pack_entry(entry: _CfbEntry) -> bytes:
    name = entry.name[:31].encode("utf-16-le", "replace")
    start = entry.start if entry.kind != _STORAGE else 0
    return struct.pack(
        "<64sHBBIII16xI16xIQ", name, len(name) + 2, entry.kind, 1, entry.left, entry.right, entry.child, 0, start,
        entry.size,
    )  # fmt: skip
