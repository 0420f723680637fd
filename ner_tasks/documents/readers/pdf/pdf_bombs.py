"""Find streams in a PDF that unpack to more than the limit, before PDFium unpacks them.

Only a PDF parser knows where a stream begins and ends and how it is compressed: a comment may contain `stream`,
compressed bytes may contain `endstream`, and the name of a filter may be in another object. Therefore each possible
beginning of a stream is tried, by its first bytes and by the filters in its dictionary; a false one costs little.
Streams of an encrypted file cannot be checked: for them, the memory limit of the reader applies.

Source: PDF 32000-1, 7.3.5 (names), 7.3.8 (streams), 7.4 (filters).
"""

import re
from collections.abc import Callable
from itertools import chain

from ner_tasks.documents.readers.pdf import pdf_filters
from ner_tasks.documents.readers.pdf.pdf_filters import Pieces, Undone
from ner_tasks.documents.types import CannotRead, Limits

# PDFium takes any end of line as the end of the keyword.
_STREAM = re.compile(rb"(?<!end)stream[^\r\n]*+(?:\r\n|\r|\n|\Z)")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_FILTER = re.compile(rb"/(" + b"|".join(pdf_filters.UNDO) + rb")(?![^\s/\[\]()<>{}%])")
_PICTURE = re.compile(rb"/Subtype\s*/Image\b")
# Pictures may be larger: they are unpacked for OCR only, one at a time.
_PICTURE_FACTOR = 4
_DICTIONARY_BYTES = 1_000
_HEAD_BYTES, _FIRST_PIECE_BYTES, _PIECE_BYTES = 64, 2**12, 2**16
_MAX_FILTERS = 5


def check(data: bytes, limits: Limits) -> None:
    """Check that no stream of a PDF unpacks to more than the limit.

    Raises:
        CannotRead: `bomb`.
    """
    end = n_used = 0
    for start in _STREAM.finditer(data):
        if start.end() >= end:
            n_used = 0  # else streams that share their bytes share the limit
        dictionary = data[max(start.start() - _DICTIONARY_BYTES, 0) : start.start()].rpartition(b" obj")[2]
        stream = _Stream(data, start.end(), dictionary, limits.max_unpacked_bytes, n_used)
        if stream.unpack():
            n_used += max(stream.n_unpacked, stream.n_packed, _HEAD_BYTES)
            end = max(end, start.end() + stream.n_packed)


class _Stream:
    """A possible stream.

    Attributes:
        n_packed: number of compressed bytes read.
        n_unpacked: maximum number of bytes they unpack to, over all filters.
    """

    def __init__(self, data: bytes, start: int, dictionary: bytes, most: int, n_used: int) -> None:
        self._data, self._start, self._most = data, start, most
        self.n_packed = self.n_unpacked = 0
        clear = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), dictionary) if b"#" in dictionary else dictionary
        self._names = _FILTER.findall(clear)
        self._largest = most * (_PICTURE_FACTOR if _PICTURE.search(clear) else 1) - n_used

    def unpack(self) -> bool:
        """Unpack the stream filter by filter without keeping it.

        Returns:
            Whether anything is compressed.

        Raises:
            CannotRead: `bomb`.
        """
        undo = self._next_filter(self._data[self._start : self._start + _HEAD_BYTES])
        if undo is None:
            return False
        pieces = self._count_pieces(self._undo_first(undo))
        for _ in range(_MAX_FILTERS):
            pieces, head = _peek(pieces)
            undo = self._next_filter(head)
            if undo is None:
                break
            pieces = self._count_pieces(undo(pieces))
        for _piece in pieces:
            pass
        return True

    def _next_filter(self, head: bytes) -> Callable[[Pieces], Undone] | None:
        """Return the next filter to undo: the one detected, else the one named in the dictionary."""
        shown, named = pdf_filters.detect_filter(head), pdf_filters.UNDO[self._names[0]] if self._names else None
        if named and shown in (None, named):
            del self._names[0]
        return shown or (None if named is pdf_filters.undo_flate else named)  # Flate is detected unless encrypted

    def _undo_first(self, undo: Callable[[Pieces], Undone]) -> Pieces:
        self.n_packed -= yield from undo(self._iter_packed())

    def _iter_packed(self) -> Pieces:
        """Yield the bytes of the file after the keyword."""
        at, size = self._start, _FIRST_PIECE_BYTES
        while piece := self._data[at : at + size]:
            self.n_packed += len(piece)
            yield piece
            at, size = at + size, _PIECE_BYTES

    def _count_pieces(self, pieces: Pieces) -> Pieces:
        n_bytes = 0
        for piece in pieces:
            n_bytes += len(piece)
            self.n_unpacked = max(self.n_unpacked, n_bytes)
            if n_bytes > self._largest:
                raise CannotRead("bomb", f"found a stream that unpacks to more than {self._most} bytes, expected less")
            yield piece


def _peek(pieces: Pieces) -> tuple[Pieces, bytes]:
    """Return the pieces unchanged, and their first bytes."""
    first: list[bytes] = []
    n_bytes = 0
    for piece in pieces:
        first.append(piece)
        n_bytes += len(piece)
        if n_bytes >= _HEAD_BYTES:
            break
    return chain(first, pieces), b"".join(first)[:_HEAD_BYTES]
