"""Small streams of a PDF that unpack to more than a file may, found before PDFium unpacks them.

Streams of pictures are left out: they are unpacked by no more than a page at a time, and only for OCR.

Source: PDF 32000-1, 7.3.8 (streams), 7.4.4 (FlateDecode); DEFLATE packs 1,032 bytes into one at most.
"""

import re
import zlib

from ner_tasks.documents.types import CannotRead, Limits

_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_FLATE = re.compile(rb"/(?:FlateDecode|Fl)\b")
_PICTURE = re.compile(rb"/Subtype\s*/Image\b")
_MAX_RATIO = 1_032
_DICTIONARY_BYTES = 1_000
_CHUNK = 2**20


def check(data: bytes, limits: Limits) -> None:
    """Refuse a PDF with a packed stream that is too large.

    Raises:
        CannotRead: `bomb`.
    """
    least = limits.max_unpacked_bytes // _MAX_RATIO
    for match in _STREAM.finditer(data):
        begin = match.end()
        dictionary = data[max(match.start() - _DICTIONARY_BYTES, 0) : match.start()].rpartition(b" obj")[2]
        n_packings = len(_FLATE.findall(dictionary))
        if not n_packings or _PICTURE.search(dictionary):
            continue
        end = data.find(b"endstream", begin, begin + least) if n_packings == 1 else -1
        if end >= 0:
            continue  # too short for a bomb
        end = data.find(b"endstream", begin)
        packed = data[begin : end if end >= 0 else len(data)]
        for _ in range(min(n_packings, 4)):
            packed = _unpacked(packed, limits.max_unpacked_bytes, keep=n_packings > 1)


def _unpacked(packed: bytes, largest: int, *, keep: bool) -> bytes:
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
    return b"".join(kept)
