"""Decode ISO-2022 and EUC-JP as mail programs write them.

Python's codecs reject what Outlook and mobile phones write as ISO-2022-JP (NEC's row 13, half-width katakana, character
sets that the label does not allow), lack ISO-2022-CN, and require the header of ISO-2022-KR.

Source: RFC 1468, 1554, 1557, 1922, 2237; https://encoding.spec.whatwg.org/#iso-2022-jp
"""

import re

# Character sets by escape sequence. GL sets apply at once, the others from SO to SI.
_NOW = {
    b"(B": "ascii",
    b"(J": "roman",
    b"(H": "roman",
    b"(I": "kana",
    b"$@": "jis",
    b"$B": "jis",
    b"$(@": "jis",
    b"$(B": "jis",
    b"$(D": "jis2",
    b"$(O": "jisx0213",
    b"$(Q": "jisx0213",
    b"$(P": "jisx0213-2",
    b"$A": "gb",
    b"$(A": "gb",
    b"$(C": "ksc",
    b"&@": "",  # announces JIS X 0208-1990, which `$B` follows
}
_SHIFTED = {b"$)C": "ksc", b"$)A": "gb", b"$)E": "gb", b"$)G": "cns", b"$*H": "cns"}
_PIECE = re.compile(
    rb"\x1b(\$\([@A-DOPQ]|\$\)[ACEG]|\$\*H|\$[@AB]|\([BHIJ]|&@)|([\x0e\x0f])|([^\x1b\x0e\x0f]+)|(.)", re.DOTALL
)
_PAIRS = re.compile(rb"(?:[\x21-\x7e]{2})+|[\x00-\x20]+|(.)", re.DOTALL)
_EUC_JP = re.compile(rb"[\x00-\x7f]+|(?:[\xa1-\xfe]{2})+|\x8e[\xa1-\xdf]|\x8f[\xa1-\xfe]{2}|(.)", re.DOTALL)
_ROMAN = str.maketrans({"\\": "¥", "~": "‾"})
_KANA_OFFSET = 0xFF61 - 0x21
_TO_HIGH = bytes(byte | 0x80 for byte in range(256))
_TO_LOW = bytes(byte & 0x7F for byte in range(256))
_HALF_WIDTH = range(0xA1, 0xE0)
ESCAPES = re.compile(rb"\x1b(?:\$[@AB]|\$\([@A-DOPQ]|\$\)[ACEG]|\([IJ])")


def detect_variant(data: bytes) -> str:
    """Return the variant by its escape sequences: `iso2022_jp`, `iso2022_kr` or `iso2022_cn`."""
    if b"\x1b$)C" in data:
        return "iso2022_kr"
    return "iso2022_cn" if b"\x1b$)" in data else "iso2022_jp"


def decode(data: bytes) -> str:
    """Decode any version of ISO-2022-JP, -KR or -CN.

    Raises:
        UnicodeDecodeError: the bytes are none of these.
    """
    now, shifted, is_out = "ascii", "jis", False
    if not re.search(rb"\x1b\$\)", data) and b"\x0e" in data:
        shifted = "kana" if b"\x1b" in data else "ksc"  # Japanese phones shift to katakana without an escape sequence
    pieces: list[str] = []
    for piece in _PIECE.finditer(data):
        escape, shift, run, _ = piece.groups()
        if escape is not None:
            if escape in _SHIFTED:
                shifted = _SHIFTED[escape]
            else:
                now = _NOW[escape] or now
        elif shift is not None:
            is_out = shift == b"\x0e"
        elif run is not None:
            pieces.append(_decode_run(run, shifted if is_out else now, data, piece.start()))
        else:
            raise UnicodeDecodeError("iso2022", data, piece.start(), piece.start() + 1, "unknown escape sequence")
    return "".join(pieces)


def decode_euc_jp(data: bytes) -> str:
    """Decode EUC-JP with NEC's and IBM's extensions, as browsers do.

    Raises:
        UnicodeDecodeError: the bytes are not EUC-JP.
    """
    pieces: list[str] = []
    for piece in _EUC_JP.finditer(data):
        run = piece.group()
        if piece[1] is not None:
            raise UnicodeDecodeError("euc_jp", data, piece.start(), piece.end(), "illegal multibyte sequence")
        if run[0] < 0x80:
            pieces.append(run.decode("ascii"))
        elif run[0] == 0x8E:
            pieces.append(chr(run[1] - 0x80 + _KANA_OFFSET))
        elif run[0] == 0x8F:
            pieces.append(run.decode("euc_jp"))
        else:
            pieces.append(_decode_jis(run.translate(_TO_LOW)))
    return "".join(pieces)


def _decode_run(run: bytes, charset: str, data: bytes, start: int) -> str:
    if charset in ("ascii", "roman"):
        return _decode_single(run, charset, data, start)
    if charset == "kana":
        return "".join(chr(byte + _KANA_OFFSET) if 0x21 <= byte <= 0x5F else chr(byte) for byte in run)
    pieces: list[str] = []
    for piece in _PAIRS.finditer(run):
        if piece[1] is not None:
            at = start + piece.start()
            raise UnicodeDecodeError("iso2022", data, at, at + 1, "half a character")
        pairs = piece.group()
        pieces.append(pairs.decode("ascii") if pairs[0] <= 0x20 else _decode_pairs(pairs, charset))
    return "".join(pieces)


def _decode_single(run: bytes, charset: str, data: bytes, start: int) -> str:
    pieces: list[str] = []
    for at, byte in enumerate(run, start=start) if not run.isascii() else ():
        if byte >= 0x80 and byte not in _HALF_WIDTH:
            raise UnicodeDecodeError("iso2022", data, at, at + 1, "a byte beyond seven bits")
        pieces.append(chr(byte - 0x80 + _KANA_OFFSET) if byte >= 0x80 else chr(byte))
    text = "".join(pieces) if pieces else run.decode("ascii")
    return text.translate(_ROMAN) if charset == "roman" else text


def _decode_pairs(pairs: bytes, charset: str) -> str:
    high = pairs.translate(_TO_HIGH)
    if charset == "jis":
        return _decode_jis(pairs)
    if charset in ("jis2", "jisx0213-2"):
        codec = "euc_jp" if charset == "jis2" else "euc_jis_2004"
        return b"".join(b"\x8f" + high[at : at + 2] for at in range(0, len(high), 2)).decode(codec)
    if charset == "cns":
        raise UnicodeDecodeError("iso2022", pairs, 0, 2, "characters of CNS 11643")
    return high.decode({"jisx0213": "euc_jis_2004", "gb": "gb2312"}.get(charset, "euc_kr"))


def _decode_jis(pairs: bytes) -> str:
    """Decode JIS X 0208 as code page 932, which adds NEC's row 13 and IBM's characters in rows 89 to 92."""
    moved = bytearray()
    for row, cell in zip(pairs[::2], pairs[1::2], strict=True):
        first = (row - 0x21) // 2 + 0x81
        moved.append(first if first <= 0x9F else first + 0x40)
        if row % 2:
            moved.append(cell + 0x1F + (cell >= 0x60))
        else:
            moved.append(cell + 0x7E)
    return moved.decode("cp932")
