"""Decode bytes to text: by byte order mark, UTF-8, declared encoding, else by detection, which is always reported."""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from ner_tasks.documents.encodings import guesses, iso2022
from ner_tasks.documents.encodings.encoding_labels import ISO2022, UTF7, find_codec, is_ebcdic, is_unsupported
from ner_tasks.documents.types import CannotRead, ExtractBuilder

_MARKS = (  # UTF-32 first, since its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Rare in text, frequent in programs, pictures and archives.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MAX_CONTROL_SHARE = 0.01
# Evidence of an encoding whose bytes are all ASCII.
_SEVEN_BITS = {
    ISO2022: re.compile(rb"[\x1b\x0e]"),
    "hz": re.compile(rb"~\{[\x21-\x7e\r\n]*?~\}|~~|~\n"),
    UTF7: re.compile(rb"\+(?:[A-Za-z0-9+/]{2,}-?|-)"),
}
_SAMPLE_BYTES = 64 * 1024
# Maximum share of damaged bytes in a file that is still read.
_MAX_DAMAGED_SHARE = 0.001
# For ASCII text with unknown characters: their maximum share, and the minimum length of the text.
_MAX_UNKNOWN_SHARE, _MIN_KNOWN, _BEYOND_ASCII = 0.005, 200, bytes(range(0x80, 0x100))
_MAX_JUDGED, _ODD = 4_000, frozenset({"Cc", "Cn", "Co", "Cs"})
_MIN_UNITS, _MIN_ZERO_SHARE, _MAX_ZERO_SHARE = 4, 0.05, 0.02


@dataclass(frozen=True)
class Decoded:
    """Decoded text.

    Attributes:
        text: the text.
        encoding: Python's name of the encoding.
        is_guessed: whether the encoding was detected rather than declared.
        n_replaced: number of damaged characters, each U+FFFD in the text.
    """

    text: str
    encoding: str
    is_guessed: bool = False
    n_replaced: int = 0

    def name_damage(self, builder: ExtractBuilder) -> None:
        """List the damaged characters in the inventory of a document."""
        if self.n_replaced:
            where = f"{self.n_replaced} damaged characters"
            builder.inventory.unread(
                "character", where, f"invalid {self.encoding}; each is U+FFFD in the text", self.n_replaced
            )


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """Return the text and the name of its encoding, see `decode_with_guess`."""
    decoded = decode_with_guess(data, declared)
    return decoded.text, decoded.encoding


def decode_with_guess(data: bytes, *declared: str) -> Decoded:
    """Decode a text file.

    Args:
        data: content of the file.
        declared: encoding labels declared by the enclosing file and by the document itself, in order of precedence;
            unknown labels and those without information are skipped.

    Raises:
        CannotRead: `not-text`; `unknown-encoding` if no encoding is clearly more plausible than the others.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark) and (marked := _decode_marked(data, encoding)):
            return marked
    codecs_declared = list(dict.fromkeys(codec for label in declared if (codec := find_codec(label))))
    if decoded := _decode_wide(data, codecs_declared) or _decode_seven_bits(data, codecs_declared):
        return decoded
    if not any(is_ebcdic(codec) for codec in codecs_declared):
        filled = data.rstrip(b"\0")  # padding of fixed-length records
        data = filled if 2 * len(filled) > len(data) else data
        _check_control(data)
        data = data.replace(b"\0", b" ")
    for codec in ("utf-8", *codecs_declared):
        text = None if codec in _SEVEN_BITS else _try_decode(data, codec)
        if text is not None:
            return Decoded(text, codec)
    for label in declared:
        if is_unsupported(label):
            raise CannotRead("unknown-encoding", f"found text in {label[:40]}, expected a supported encoding")
    return _decode_detected(data, codecs_declared)


def _decode_marked(data: bytes, encoding: str) -> Decoded | None:
    try:
        return Decoded(data.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8-sig":
            return None  # concatenated from files in two encodings
        if encoding == "utf-32" and data.startswith(codecs.BOM_UTF16_LE) and len(data) % 4:
            return None
        # Truncated within a character, or with a few invalid pairs.
        text = data.decode(encoding, "replace")
        n_replaced = text.count("\ufffd")
        if n_replaced <= max(1, _MAX_DAMAGED_SHARE * len(text)) and len(text) > n_replaced and _is_text(text):
            return Decoded(text, encoding, n_replaced=n_replaced)
        problem = f"found {error.reason} at byte {error.start}"
        raise CannotRead("not-text", f"{problem}, expected {encoding} as its byte order mark declares") from None


def _decode_wide(data: bytes, declared: list[str]) -> Decoded | None:
    """Decode UTF-16 or UTF-32 without a byte order mark: declared, or recognised by the zero bytes of ASCII."""
    seen = detect_wide_codec(data)
    named = next((codec for codec in declared if codec.startswith(("utf-16", "utf-32"))), "")
    if named and not seen and b"\0" not in data and _try_decode(data, "utf-8") is not None:
        return None  # a converted page that still declares its former encoding
    for codec in (seen, f"{named}-le" if named in ("utf-16", "utf-32") else named):
        if codec and (text := _try_decode(data, codec)) is not None and (named or _is_text(text)):
            return Decoded(text, codec, is_guessed=not named)
    return None


def _is_text(text: str) -> bool:
    """Whether a text consists of ordinary characters; decoding arbitrary byte pairs does not yield them."""
    sample = text[:_MAX_JUDGED]
    n_odd = sum(unicodedata.category(character) in _ODD and character not in "\t\r\n\f" for character in sample)
    return n_odd <= _MAX_CONTROL_SHARE * len(sample)


def detect_wide_codec(data: bytes) -> str:
    """Detect UTF-16 or UTF-32 without a byte order mark by the positions of zero bytes; "" for anything else."""
    sample = data[: _SAMPLE_BYTES // 4 * 4]
    if b"\0" not in sample or len(sample) < 2 * _MIN_UNITS:
        return ""
    quarters = [sample[at::4].count(0) / max(1, len(sample[at::4])) for at in range(4)]
    if min(quarters[1:]) > 1 - _MAX_ZERO_SHARE * 2 and quarters[0] < _MAX_ZERO_SHARE:
        return "utf-32-le"
    if min(quarters[:3]) > 1 - _MAX_ZERO_SHARE * 2 and quarters[3] < _MAX_ZERO_SHARE:
        return "utf-32-be"
    even, odd = (quarters[0] + quarters[2]) / 2, (quarters[1] + quarters[3]) / 2
    if odd >= _MIN_ZERO_SHARE and even <= _MAX_ZERO_SHARE:
        return "utf-16-le"
    return "utf-16-be" if even >= _MIN_ZERO_SHARE and odd <= _MAX_ZERO_SHARE else ""


def _decode_seven_bits(data: bytes, declared: list[str]) -> Decoded | None:
    """Decode an encoding whose bytes are all ASCII, and which UTF-8 would therefore always accept."""
    for codec in declared:
        if codec in _SEVEN_BITS and _SEVEN_BITS[codec].search(data) and (text := _try_decode(data, codec)) is not None:
            return Decoded(text, iso2022.detect_variant(data) if codec == ISO2022 else codec)
    if iso2022.ESCAPES.search(data) and (text := _try_decode(data, ISO2022)) is not None:
        return Decoded(text, iso2022.detect_variant(data), is_guessed=ISO2022 not in declared)
    return None


def _check_control(data: bytes) -> None:
    if (control := _CONTROL.search(data)) and len(_CONTROL.findall(data)) > max(1, _MAX_CONTROL_SHARE * len(data)):
        raise CannotRead("not-text", f"found byte 0x{control.group()[0]:02x} at {control.start()}, expected text")


def _decode_detected(data: bytes, declared: list[str]) -> Decoded:
    for codec in ("utf-8", *declared):
        if codec not in _SEVEN_BITS and (decoded := _decode_damaged(data, codec)):
            return decoded
    try:
        codec = guesses.detect(data[:_SAMPLE_BYTES])
    except CannotRead:
        if few := _decode_mostly_ascii(data):
            return few
        raise
    text, n_replaced = _try_decode(data, codec), 0
    if text is None:  # the sample decodes, but a later part does not
        damaged = _decode_damaged(data, codec)
        if damaged is None:
            raise CannotRead("unknown-encoding", f"found {codec} at the beginning only, expected UTF-8")
        text, n_replaced = damaged.text, damaged.n_replaced
    return Decoded(text, codec, is_guessed=True, n_replaced=n_replaced)


def _decode_damaged(data: bytes, codec: str) -> Decoded | None:
    """Decode text with a few damaged bytes, or truncated within a character; None if it is in another encoding."""
    if codec == ISO2022 or _load_table(codec) or codec.startswith(("utf-16", "utf-32")):
        return None
    text = data.decode(codec, "replace")
    n_replaced = text.count("\ufffd") - data.count("\ufffd".encode()) * (codec == "utf-8")
    n_good = sum(map(len, re.findall(r"[^\x00-\x7f\ufffd]+", text)))
    is_cut = n_replaced <= 1 and text.endswith("\ufffd") and n_good >= 1
    if is_cut or (n_good > 20 * n_replaced and n_replaced <= max(1, _MAX_DAMAGED_SHARE * len(data))):
        return Decoded(text, codec, n_replaced=n_replaced)
    return None


def _decode_mostly_ascii(data: bytes) -> Decoded | None:
    """Decode ASCII text with a few characters in an unknown encoding, each of which is reported as damaged."""
    n_beyond = len(data) - len(data.translate(None, _BEYOND_ASCII))
    if n_beyond > max(1, _MAX_UNKNOWN_SHARE * len(data)) or len(data) < _MIN_KNOWN:
        return None
    return Decoded(data.decode("ascii", "replace"), "ascii", is_guessed=True, n_replaced=n_beyond)


def _try_decode(data: bytes, codec: str) -> str | None:
    try:
        return _decode(data, codec)
    except (UnicodeDecodeError, LookupError):
        return None


def _decode(data: bytes, codec: str) -> str:
    if codec == ISO2022:
        return iso2022.decode(data)
    if codec == "euc_jp":
        return iso2022.decode_euc_jp(data)
    if codec == "big5hkscs":
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            return data.decode("cp950")
    if is_ebcdic(codec):
        return data.decode(codec).replace("\x85", "\n")
    if table := _load_table(codec):
        return codecs.charmap_decode(data, "strict", table)[0]
    return data.decode(codec)


@cache
def _load_table(codec: str) -> str:
    """Return the characters of a code page by byte; "" for an encoding that is not a code page.

    Undefined bytes from 0x80 to 0x9f are control codes, as in browsers.
    """
    try:
        module = import_module(f"encodings.{codecs.lookup(codec).name.replace('-', '_')}")
    except (LookupError, ImportError):
        return ""
    table: str = getattr(module, "decoding_table", "")
    undefined = "\ufffe"
    return "".join(
        chr(byte) if character == undefined and byte in range(0x80, 0xA0) else character
        for byte, character in enumerate(table)
    )
