"""Streams of a PDF that unpack to more than a file may, found before PDFium unpacks them.

Only a parser can tell where a stream begins, where it ends and how it is packed: a comment may say `stream`, packed
bytes may say `endstream`, and a filter's name may lie in another object. So each place that may be the beginning of a
stream is tried, by its first bytes, and by the filters that its dictionary names. A place where nothing packed begins
costs little. Streams of an encrypted file cannot be looked into: the reader's limit on memory holds for them.

Source: PDF 32000-1, 7.3.5 (names), 7.3.8 (streams), 7.4 (filters).
"""

import re
from collections.abc import Callable
from itertools import chain

from ner_tasks.documents.readers.pdf import pdf_filters
from ner_tasks.documents.readers.pdf.pdf_filters import Pieces, Undone
from ner_tasks.documents.types import CannotRead, Limits

# PDFium takes whatever ends the line for the end of the keyword.
_STREAM = re.compile(rb"(?<!end)stream[^\r\n]*+(?:\r\n|\r|\n|\Z)")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_FILTER = re.compile(rb"/(" + b"|".join(pdf_filters.UNDO) + rb")(?![^\s/\[\]()<>{}%])")
_PICTURE = re.compile(rb"/Subtype\s*/Image\b")
# A picture is unpacked when its page is recognised, and no two at a time.
_PICTURE_FACTOR = 4
_DICTIONARY_BYTES = 1_000
_HEAD_BYTES, _FIRST_PIECE_BYTES, _PIECE_BYTES = 64, 2**12, 2**16
_MAX_FILTERS = 5


def check(data: bytes, limits: Limits) -> None:
    """Refuse a PDF with a packed stream that is too large.

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
    """What may be a stream.

    Attributes:
        n_packed: bytes of the file that were unpacked.
        n_unpacked: what they unpack to.
    """

    def __init__(self, data: bytes, start: int, dictionary: bytes, most: int, n_used: int) -> None:
        self._data, self._start, self._most = data, start, most
        self.n_packed = self.n_unpacked = 0
        clear = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), dictionary) if b"#" in dictionary else dictionary
        self._names = _FILTER.findall(clear)
        self._largest = most * (_PICTURE_FACTOR if _PICTURE.search(clear) else 1) - n_used

    def unpack(self) -> bool:
        """Unpack it, filter by filter, and keep nothing; whether anything is packed.

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
        """The filter that is to be undone next: what shows, or else what is named."""
        shown, named = pdf_filters.detect_filter(head), pdf_filters.UNDO[self._names[0]] if self._names else None
        if named and shown in (None, named):
            del self._names[0]
        return shown or (None if named is pdf_filters.undo_flate else named)  # Flate shows, or is encrypted

    def _undo_first(self, undo: Callable[[Pieces], Undone]) -> Pieces:
        self.n_packed -= yield from undo(self._iter_packed())

    def _iter_packed(self) -> Pieces:
        """The bytes of the file behind the keyword."""
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
    """The pieces as they are, and the first bytes of them."""
    first: list[bytes] = []
    n_bytes = 0
    for piece in pieces:
        first.append(piece)
        n_bytes += len(piece)
        if n_bytes >= _HEAD_BYTES:
            break
    return chain(first, pieces), b"".join(first)[:_HEAD_BYTES]
