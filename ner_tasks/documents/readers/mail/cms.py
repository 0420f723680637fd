"""Extract the content of signed or compressed S/MIME containers; encrypted ones are recognized by their type.

Source: RFC 5652 (CMS), RFC 3274 (compressed data), X.690 (BER, with indefinite lengths).
"""

import zlib
from dataclasses import dataclass

from ner_tasks.documents.types import CannotRead

_SIGNED = bytes.fromhex("2a864886f70d010702")
_ENVELOPED = bytes.fromhex("2a864886f70d010703")
_SIGNED_ENVELOPED = bytes.fromhex("2a864886f70d010704")
_ENCRYPTED = bytes.fromhex("2a864886f70d010706")
_AUTH_ENVELOPED = bytes.fromhex("2a864886f70d0109100117")
_COMPRESSED = bytes.fromhex("2a864886f70d0109100109")
_SEQUENCE, _OID, _OCTETS, _CONSTRUCTED_OCTETS, _EXPLICIT_0 = 0x30, 0x06, 0x04, 0x24, 0xA0


@dataclass(frozen=True)
class _Element:
    tag: int
    start: int  # offset of its content
    end: int
    after: int


def unwrap(data: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """Return the MIME entity in a signed or compressed container; empty for certificates or a detached signature.

    Returns:
        The entity, and whether the container is whole.

    Raises:
        CannotRead: `encrypted`, `broken`, `bomb`.
    """
    try:
        return _unwrap_element(data, max_bytes), _is_whole(data)
    except (IndexError, ValueError, zlib.error) as error:
        raise CannotRead("broken", f"found {type(error).__name__} in an S/MIME part, expected a whole one") from None


def _unwrap_element(data: bytes, max_bytes: int) -> bytes:
    outer = _read_element(data, 0)
    kind = _read_element(data, outer.start)
    if outer.tag != _SEQUENCE or kind.tag != _OID:
        raise ValueError("no container")
    oid = data[kind.start : kind.end]
    if oid in (_ENVELOPED, _SIGNED_ENVELOPED, _ENCRYPTED, _AUTH_ENVELOPED):
        raise CannotRead("encrypted", "found an encrypted S/MIME part, expected an unencrypted one")
    if oid not in (_SIGNED, _COMPRESSED):
        raise ValueError("no known container")
    inner = _read_element(data, _read_element(data, kind.after).start)
    version = _read_element(data, inner.start)
    algorithms = _read_element(data, version.after)
    encapsulated = _read_element(data, algorithms.after)
    content_type = _read_element(data, encapsulated.start)
    if content_type.after >= encapsulated.end:
        if not _is_whole(data):
            raise ValueError("truncated")
        return b""
    wrapper = _read_element(data, content_type.after)
    if wrapper.tag != _EXPLICIT_0:
        return b""
    content = _join_octets(data, _read_element(data, wrapper.start))
    return _inflate(content, max_bytes) if oid == _COMPRESSED else content


def _is_whole(data: bytes) -> bool:
    _, start, length = _read_header(data, 0)
    return start + length <= len(data) if length >= 0 else data.rstrip(b"\r\n").endswith(b"\0\0")


def _inflate(data: bytes, max_bytes: int) -> bytes:
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(data, max_bytes)
    if unpacker.unconsumed_tail:
        raise CannotRead("bomb", f"found more than {max_bytes} bytes in a compressed part, expected at most that many")
    return content


def _read_header(data: bytes, position: int) -> tuple[int, int, int]:
    """Return the tag, the start of the content and its length, -1 for an indefinite length."""
    tag, first = data[position], data[position + 1]
    position += 2
    if first == 0x80:
        return tag, position, -1
    if first < 0x80:
        return tag, position, first
    n_bytes = first & 0x7F
    if n_bytes > 8:
        raise ValueError("too long")
    return tag, position + n_bytes, int.from_bytes(data[position : position + n_bytes], "big")


def _read_element(data: bytes, position: int) -> _Element:
    tag, start, length = _read_header(data, position)
    if length >= 0:
        end = min(start + length, len(data))  # a truncated element is read up to its end
        return _Element(tag, start, end, end)
    n_open, position = 1, start
    while n_open and position < len(data):
        if data[position : position + 2] == b"\0\0":
            n_open, position = n_open - 1, position + 2
            continue
        _, inner, length = _read_header(data, position)
        n_open, position = (n_open + 1, inner) if length < 0 else (n_open, inner + length)
    return _Element(tag, start, position - 2 if not n_open else len(data), position)


def _join_octets(data: bytes, element: _Element) -> bytes:
    """Join the pieces of an octet string, which may be nested."""
    if element.tag == _OCTETS:
        return data[element.start : element.end]
    if element.tag != _CONSTRUCTED_OCTETS:
        raise ValueError("no octet string")
    pieces, position = [], element.start
    while position < element.end:
        tag, start, length = _read_header(data, position)
        if tag == _OCTETS and length >= 0:
            pieces.append(data[start : min(start + length, element.end)])
            position = start + length
        else:  # nested pieces, or an end mark
            position = start if tag == _CONSTRUCTED_OCTETS else start + max(length, 0)
    return b"".join(pieces)
