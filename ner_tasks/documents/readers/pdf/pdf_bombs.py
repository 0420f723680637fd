"""Small streams of a PDF that unpack to more than a file may, found before PDFium unpacks them.

Streams of pictures are left out: they are unpacked by no more than a page at a time, and only for OCR.

Source: PDF 32000-1, 7.3.8 (streams), 7.4.4 (FlateDecode); DEFLATE packs 1,032 bytes into one at most.
"""

import re
import zlib

from ner_tasks.documents.types import CannotRead, Limits

_STREAM = re.compile(rb"stream\r?\n")
_FLATE = re.compile(rb"/(?:FlateDecode|Fl)\b")
_PICTURE = re.compile(rb"/Subtype\s*/Image\b")
_PACKED_TWICE = re.compile(rb"/Fl(?:ateDecode)?\s*/Fl(?:ateDecode)?\b")
_MAX_RATIO = 1_032
_MAX_PACKINGS = 4
_DICTIONARY_BYTES = 1_000
_CHUNK = 2**20
_MAX_TRIED = 10_000


def check(data: bytes, limits: Limits) -> None:
    """Refuse a PDF with a packed stream that is too large.

    Raises:
        CannotRead: `bomb`.
    """
    least = limits.max_unpacked_bytes // _MAX_RATIO
    if _PACKED_TWICE.search(data):
        least = 0
    begin = 0
    while True:
        end = data.find(b"endstream", begin)
        if (end if end >= 0 else len(data)) - begin > least:
            _check_one(data[begin : end if end >= 0 else len(data)], limits)
        if end < 0:
            return
        begin = end + len(b"endstream")


def _check_one(piece: bytes, limits: Limits) -> None:
    """Check the stream at the end of a piece of the file, behind whatever stands before it.

    Only a parser can tell where it begins, as a comment may say `stream`, too: each place is tried, and what they unpack
    to is added up. A place where no packed stream begins costs little: zlib refuses its first bytes.
    """
    n_left, n_tried = limits.max_unpacked_bytes, 0
    for start in _STREAM.finditer(piece):
        dictionary = piece[max(start.start() - _DICTIONARY_BYTES, 0) : start.start()].rpartition(b" obj")[2]
        n_packings = len(_FLATE.findall(dictionary))
        if not n_packings or _PICTURE.search(dictionary):
            continue
        n_tried += 1
        if n_tried > _MAX_TRIED:
            raise CannotRead("bomb", f"found more than {_MAX_TRIED} streams before the end of one, expected one")
        packed: bytes | memoryview = memoryview(piece)[start.end() :]
        for _ in range(min(n_packings, _MAX_PACKINGS)):
            packed, n_bytes = _unpacked(packed, n_left, keep=n_packings > 1)
        n_left -= n_bytes


def _unpacked(packed: bytes | memoryview, largest: int, *, keep: bool) -> tuple[bytes, int]:
    """What some bytes unpack to, where it is kept, and the number of its bytes."""
    unpacker = zlib.decompressobj()
    kept: list[bytes] = []
    n_bytes = 0
    try:
        piece = unpacker.decompress(packed, _CHUNK)
        while piece:
            n_bytes += len(piece)
            if n_bytes > largest:
                raise CannotRead("bomb", f"found a stream that unpacks to more than {largest} bytes, expected less")
            if keep:
                kept.append(piece)
            piece = unpacker.decompress(unpacker.unconsumed_tail, _CHUNK)
    except zlib.error:
        pass  # damaged, or encrypted
    return b"".join(kept), n_bytes
