"""Decompress RTF (LZFu) as far as possible; the checksum is not verified.

Source: [MS-OXRTFCP].
"""

import struct

_START = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbol"
    rb"ArialTimes New RomanCourier{\colortbl\red0\green0\blue0" + b"\r\n" + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_WINDOW = 4096
_HEAD = struct.Struct("<IIII")
_COMPRESSED, _PLAIN = 0x75465A4C, 0x414C454D


def decompress(data: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """Decompress the RTF in a property, and tell whether it is complete.

    Raises:
        ValueError: the property is not compressed RTF.
    """
    if len(data) < _HEAD.size:
        raise ValueError("no compressed RTF")
    _, n_raw, kind, _ = _HEAD.unpack_from(data)
    if kind == _PLAIN:
        raw = data[_HEAD.size : _HEAD.size + n_raw]
        return raw, len(raw) == n_raw
    if kind != _COMPRESSED:
        raise ValueError("no compressed RTF")
    window = bytearray(_START.ljust(_WINDOW, b" "))
    inflated = _inflate(data, window, max_bytes)
    return bytes(inflated), len(inflated) >= n_raw


def _inflate(data: bytes, window: bytearray, max_bytes: int) -> bytearray:
    output, write, position, n_data = bytearray(), len(_START), _HEAD.size, len(data)
    while position < n_data and len(output) <= max_bytes:
        control = data[position]
        position += 1
        for bit in range(8):
            if position >= n_data:
                break
            if not control >> bit & 1:
                code = data[position]
                position += 1
                output.append(code)
                window[write] = code
                write = (write + 1) % _WINDOW
                continue
            if position + 1 >= n_data:
                return output
            reference = data[position] << 8 | data[position + 1]
            position += 2
            read = reference >> 4
            if read == write:
                return output
            for _ in range((reference & 15) + 2):
                code = window[read]
                read = (read + 1) % _WINDOW
                output.append(code)
                window[write] = code
                write = (write + 1) % _WINDOW
    return output
