"""Decode the content of MIME parts: base64, quoted-printable, uuencode, yEnc.

Sources: RFC 2045, 6; POSIX uuencode; yEnc draft 1.3 (http://www.yenc.org/yenc-draft.1.3.txt).
"""

import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

from ner_tasks.documents.readers.mail.mime import Entity

_TOKEN = re.compile(r"[a-z0-9-]+")
_BASE64_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_MAX_OTHERS = 8  # a base64 line may have one other character in this many
_BASE64_CHUNK = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_WHITE = b" \t\r\n\x0b\x0c"
_UU_BEGIN = re.compile(rb"^begin(?:-base64)? [0-7]{3,4} ([^\r\n]{1,255})\r?\n", re.MULTILINE)
_UU_END = re.compile(rb"^(?:end|====)[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_LINE = re.compile(rb"[^\r\n]+")
_YENC_BEGIN = re.compile(rb"^=ybegin ([^\r\n]*?)name=([^\r\n]{1,255})\r?\n(?:=ypart [^\r\n]*\r?\n)?", re.MULTILINE)
_YENC_END = re.compile(rb"^=yend [^\r\n]*(?:\r?\n|\Z)", re.MULTILINE)
_YENC_TABLE = bytes((code - 42) % 256 for code in range(256))
_YENC_ESCAPE = re.compile(rb"=(.)", re.DOTALL)
BASE64_CUT = "base64 that is truncated or has invalid characters"
UNKNOWN_TRANSFER = "an unknown transfer encoding, read without decoding"


@dataclass(frozen=True)
class Embedded:
    """A file embedded in a text as uuencode or yEnc; its content is None if it could not be decoded."""

    name: bytes
    content: bytes | None


def decode_transfer(entity: Entity) -> tuple[bytes, bytes, str]:
    """Decode the content of a part.

    Returns:
        The content; unencoded text that mail servers appended to it; and a description of the damage, "" if none.
    """
    raw = entity.raw_body
    declared = entity.headers.get("content-transfer-encoding").decode("ascii", "replace").strip().lower()
    match token.group() if (token := _TOKEN.match(declared)) else "":
        case "base64":
            return _decode_base64(raw)
        case "quoted-printable":
            return binascii.a2b_qp(raw), b"", ""
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            text, files = split_embedded(raw)
            if len(files) == 1 and files[0].content is not None:
                return files[0].content, text.strip(), ""
            return raw, b"", "uuencode that cannot be decoded"
        case "" | "7bit" | "8bit" | "binary" | "7-bit" | "8-bit" | "none":
            return raw, b"", ""
    return raw, b"", UNKNOWN_TRANSFER


def _decode_base64(raw: bytes) -> tuple[bytes, bytes, str]:
    compact = raw.translate(None, _WHITE)
    whole = _BASE64_CHUNK.fullmatch(compact)
    if whole is None and compact:
        kept, tail = _split_base64(raw)
        if not kept:
            return raw, b"", "a part declared as base64 that is not base64"
        content = b"".join(_decode_chunk(chunk.group()) for chunk in _BASE64_CHUNK.finditer(kept))
        return content, tail, "" if tail and len(kept) % 4 == 0 else BASE64_CUT
    return _decode_chunk(compact), b"", BASE64_CUT if len(compact) % 4 else ""


def _split_base64(raw: bytes) -> tuple[bytes, bytes]:
    """Split base64 lines from the text after them; empty if the text is not base64."""
    lines = raw.splitlines()
    coded = [_is_base64(line.strip()) for line in lines]
    last = next(
        (index for index in range(len(lines) - 1, -1, -1) if coded[index] and len(lines[index].strip()) > 3), -1
    )
    first_text = next(
        (index for index, is_coded in enumerate(coded) if not is_coded and lines[index].strip()), len(lines)
    )
    n_text = sum(1 for line, is_coded in zip(lines, coded, strict=True) if not is_coded and line.strip())
    if first_text == 0 and n_text * 2 > sum(coded):
        return b"", b""
    if first_text > last or sum(len(line) for line in lines[:first_text]) >= sum(map(len, lines[first_text:])):
        return b"".join(lines[:first_text]).translate(None, _WHITE), b"\n".join(lines[first_text:])
    return b"".join(line for line, is_coded in zip(lines, coded, strict=True) if is_coded).translate(None, _WHITE), b""


def _is_base64(line: bytes) -> bool:
    """Whether a line is base64 with at most a few other characters; a line with spaces is not."""
    n_others = len(line.translate(None, _BASE64_CHARACTERS))
    return bool(line) and b" " not in line and n_others * _MAX_OTHERS <= len(line)


def _decode_chunk(chunk: bytes) -> bytes:
    usable = chunk.rstrip(b"=")
    usable = usable[: len(usable) - (len(usable) % 4 == 1)]
    return binascii.a2b_base64(usable + b"=" * (-len(usable) % 4))


def split_embedded(text: bytes) -> tuple[bytes, list[Embedded]]:
    """Split a text from the files embedded in it as uuencode or yEnc."""
    if not text.startswith((b"begin ", b"begin-base64 ", b"=ybegin ")) and not any(
        mark in text for mark in (b"\nbegin ", b"\nbegin-base64 ", b"\n=ybegin ")
    ):
        return text, []
    text, coded = _split_by(text, _UU_BEGIN, _UU_END, _decode_uu)
    text, yenc = _split_by(text, _YENC_BEGIN, _YENC_END, _decode_yenc)
    return text, coded + yenc


def _split_by(
    text: bytes,
    begin: re.Pattern[bytes],
    end: re.Pattern[bytes],
    decode: Callable[[re.Match[bytes], int], Embedded | None],
) -> tuple[bytes, list[Embedded]]:
    kept, files = [], []
    position = 0
    stop: re.Match[bytes] | None = None
    while start := begin.search(text, position):
        if stop is None or stop.start() < start.end():  # otherwise, this is the end of an earlier beginning
            stop = end.search(text, start.end())
        if stop is None:
            break
        embedded = decode(start, stop.start())
        if embedded is None:  # a sentence that looks like the beginning of a file
            kept.append(text[position : start.end()])
            position = start.end()
            continue
        kept.append(text[position : start.start()])
        files.append(embedded)
        position = stop.end()
    return b"".join((*kept, text[position:])), files


def _decode_uu(start: re.Match[bytes], stop: int) -> Embedded | None:
    """Decode the file between a beginning and its end; None if the first line shows that it is a sentence."""
    if start.group().startswith(b"begin-base64"):
        body = start.string[start.end() : stop]
        return Embedded(start.group(1), _decode_chunk(body.translate(None, _WHITE + b"=")))
    decoded: list[bytes] = []
    for match in _LINE.finditer(start.string, start.end(), stop):
        line = match.group()
        if not line.strip() or line[0] in b"`":
            continue
        n_bytes = (line[0] - 32) & 63
        needed = (n_bytes + 2) // 3 * 4
        if not 32 <= line[0] <= 96 or len(line) - 1 > needed + 4:
            return None if not decoded else Embedded(start.group(1), None)
        try:  # trailing spaces are often lost in transfer
            decoded.append(binascii.a2b_uu(line[: needed + 1].ljust(needed + 1)))
        except binascii.Error:
            return None if not decoded else Embedded(start.group(1), None)
    return Embedded(start.group(1), b"".join(decoded)) if decoded else None


def _decode_yenc(start: re.Match[bytes], stop: int) -> Embedded | None:
    if b"part=" in start.group(1) and b"part=1 total=1 " not in start.group(1):
        return Embedded(start.group(2), None)
    body = start.string[start.end() : stop]
    lines = b"".join(line[1:] if line.startswith(b"..") else line for line in re.split(rb"\r?\n", body))
    escaped = _YENC_ESCAPE.sub(lambda match: bytes([(match.group(1)[0] - 64) % 256]), lines)
    return Embedded(start.group(2), escaped.translate(_YENC_TABLE))
