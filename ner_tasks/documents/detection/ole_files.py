"""Open compound files (OLE) with olefile; looks up streams in a table, where olefile searches all of them."""

import io
from typing import Any

import olefile

_NO_SECTORS = (olefile.DIFSECT, olefile.FATSECT, olefile.ENDOFCHAIN, olefile.FREESECT)


class OleFile(olefile.OleFileIO):
    """A compound file with any number of streams.

    Args:
        data: content of the file.
    """

    def __init__(self, data: bytes) -> None:
        self._used: set[tuple[int, bool]] = set()
        self._by_name: dict[int, dict[str, Any]] = {}
        super().__init__(io.BytesIO(data))

    def _check_duplicate_stream(self, first_sect: int, minifat: bool = False) -> None:
        if not minifat and first_sect in _NO_SECTORS:
            return
        if (first_sect, minifat) in self._used:
            self._raise_defect(olefile.DEFECT_INCORRECT, "Stream referenced twice")
        self._used.add((first_sect, minifat))

    def _find(self, filename: str | list[str]) -> int:
        node = self.root
        for name in filename.split("/") if isinstance(filename, str) else filename:
            if node.sid not in self._by_name:
                self._by_name[node.sid] = {kid.name.lower(): kid for kid in reversed(node.kids)}
            node = self._by_name[node.sid].get(name.lower())
            if node is None:
                raise OSError("file not found")
        return int(node.sid)
