"""Undo the filters of PDF streams piece by piece, to measure a stream without holding it in memory.

Damage ends the output, as in PDFium. Each generator returns the number of bytes of its last piece behind the end of the
data; 0 if the data is damaged.

Source: PDF 32000-1, 7.4.2 (ASCIIHexDecode) to 7.4.5 (RunLengthDecode).
"""

import base64
import re
import zlib
from collections.abc import Callable, Generator, Iterator

Pieces = Iterator[bytes]
Undone = Generator[bytes, None, int]

_SPACES = b"\0\t\n\f\r "
_PIECE = 2**18
_CLEAR, _END, _MAX_CODES = 256, 257, 4096
_CODES = [bytes([byte]) for byte in range(256)] + [b"", b""]
_RUN_END = 128
_NO_HEX = re.compile(rb"[^0-9A-Fa-f]")
_NO_BASE_85 = re.compile(rb"[^!-u]")
# First byte of a zlib header in hexadecimal: 08, 18, ... 78.
_HEX_OF_FLATE = re.compile(rb"[\0\t\n\f\r ]*[0-7][\0\t\n\f\r ]*8")
_BASE_85_OF_FLATE = re.compile(rb"[\0\t\n\f\r ]*([#().=38BG-][!-u]{4})")


def undo_flate(pieces: Pieces) -> Undone:
    """Undo FlateDecode: DEFLATE with a zlib header."""
    unpacker = zlib.decompressobj()
    try:
        for piece in pieces:
            packed = piece
            while packed and not unpacker.eof:
                yield unpacker.decompress(packed, _PIECE)
                packed = unpacker.unconsumed_tail
            if unpacker.eof:
                return len(unpacker.unused_data)
    except zlib.error:
        pass
    return 0


def undo_hexadecimal(pieces: Pieces) -> Undone:
    """Undo ASCIIHexDecode, up to its `>`."""

    def decode(digits: bytes) -> bytes:
        return bytes.fromhex(digits[: len(digits) & ~1].decode("ascii"))  # drops a single last digit

    return (yield from _undo_digits(pieces, 2, _NO_HEX, b">", decode))


def undo_base_85(pieces: Pieces) -> Undone:
    """Undo ASCII85Decode, up to its `~>`."""
    return (yield from _undo_digits(pieces, 5, _NO_BASE_85, b"~", base64.a85decode, z=b"!!!!!"))


def _undo_digits(
    pieces: Pieces,
    n_in_group: int,
    no_digit: re.Pattern[bytes],
    end_mark: bytes,
    decode: Callable[[bytes], bytes],
    *,
    z: bytes = b"z",
) -> Undone:
    """Undo a filter that encodes bytes as groups of digits, with optional spaces; `z` is the meaning of that letter."""
    kept = b""
    for piece in pieces:
        digits = kept + piece.translate(None, _SPACES).replace(b"z", z)
        if end := no_digit.search(digits):
            digits = digits[: end.start()]
        whole = len(digits) if end else len(digits) - len(digits) % n_in_group
        try:
            yield decode(digits[:whole])
        except ValueError:  # a group with an overflow
            return 0
        if end:
            return _count_rest(piece, end_mark)
        kept = digits[whole:]
    return 0


def undo_run_length(pieces: Pieces) -> Undone:
    """Undo RunLengthDecode: literal runs of bytes, and bytes to repeat."""
    kept = b""
    for piece in pieces:
        data, at = kept + piece, 0
        output: list[bytes] = []
        while at < len(data) and data[at] != _RUN_END:
            length = data[at]
            size = length + 2 if length < _RUN_END else 2
            if at + size > len(data):
                break
            output.append(data[at + 1 : at + size] if length < _RUN_END else data[at + 1 : at + 2] * (257 - length))
            at += size
        yield b"".join(output)
        if data[at : at + 1] == bytes([_RUN_END]):
            return len(data) - at
        kept = data[at:]
    return 0


def undo_lzw(pieces: Pieces) -> Undone:
    """Undo LZWDecode with early change, the default of the filter."""
    words = _CODES.copy()
    word, width, bits, n_bits = b"", 9, 0, 0
    for piece in pieces:
        output: list[bytes] = []
        for place, byte in enumerate(piece):
            bits, n_bits = (bits << 8 | byte) & 0xFFFFF, n_bits + 8
            if n_bits < width:
                continue
            n_bits -= width
            code = (bits >> n_bits) & ((1 << width) - 1)
            if code == _CLEAR:
                del words[len(_CODES) :]
                word, width = b"", 9
                continue
            if code == _END or code > len(words) or (code == len(words) and not word):
                yield b"".join(output)
                return len(piece) - place if code == _END else 0
            new = words[code] if code < len(words) else word + word[:1]
            if word and len(words) < _MAX_CODES:
                words.append(word + new[:1])
            output.append(new)
            word = new
            width = min(max((len(words) + 1).bit_length(), 9), 12)
        yield b"".join(output)
    return 0


def _count_rest(piece: bytes, end: bytes) -> int:
    """Return the number of bytes from the end mark of the data on; 0 without one."""
    at = piece.find(end)
    return len(piece) - at if at >= 0 else 0


UNDO: dict[bytes, Callable[[Pieces], Undone]] = {
    b"FlateDecode": undo_flate,
    b"Fl": undo_flate,
    b"LZWDecode": undo_lzw,
    b"LZW": undo_lzw,
    b"RunLengthDecode": undo_run_length,
    b"RL": undo_run_length,
    b"ASCIIHexDecode": undo_hexadecimal,
    b"AHx": undo_hexadecimal,
    b"ASCII85Decode": undo_base_85,
    b"A85": undo_base_85,
}


def detect_filter(head: bytes) -> Callable[[Pieces], Undone] | None:
    """Detect the filter of a stream by its first bytes: Flate, or a text encoding of Flate."""
    if is_flate(head):
        return undo_flate
    if _HEX_OF_FLATE.match(head):
        return undo_hexadecimal
    match = _BASE_85_OF_FLATE.match(head)
    return undo_base_85 if match and is_flate(next(undo_base_85(iter([match[1]])), b"")) else None


def is_flate(head: bytes) -> bool:
    """Whether bytes begin with a zlib header."""
    return len(head) > 1 and head[0] & 0x8F == 8 and (head[0] << 8 | head[1]) % 31 == 0
