"""Bytes to text: byte order mark, what is declared, UTF-8, then the most plausible old encoding, never a silent guess."""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from ner_tasks.documents.encodings import guesses, iso2022
from ner_tasks.documents.encodings.encoding_labels import ISO2022, UTF7, find_codec, is_ebcdic, is_unsupported
from ner_tasks.documents.types import CannotRead, ExtractBuilder

_MARKS = (  # UTF-32 begins like UTF-16, so it is asked for first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Text has none of these but a stray one; programs, pictures and archives are full of them.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MAX_CONTROL_SHARE = 0.01
# What tells that bytes really are of an encoding whose bytes are ASCII as well.
_SEVEN_BITS = {
    ISO2022: re.compile(rb"[\x1b\x0e]"),
    "hz": re.compile(rb"~\{[\x21-\x7e\r\n]*?~\}|~~|~\n"),
    UTF7: re.compile(rb"\+(?:[A-Za-z0-9+/]{2,}-?|-)"),
}
_SAMPLE_BYTES = 64 * 1024
# Share of a file's bytes that may be damaged for the rest to be read.
_MAX_DAMAGED_SHARE = 0.001
# Of a text in ASCII, the share of other characters that may stay unknown, and the least length.
_MAX_UNKNOWN_SHARE, _MIN_KNOWN, _BEYOND_ASCII = 0.005, 200, bytes(range(0x80, 0x100))
_MAX_JUDGED, _ODD = 4_000, frozenset({"Cc", "Cn", "Co", "Cs"})
_MIN_UNITS, _MIN_ZERO_SHARE, _MAX_ZERO_SHARE = 4, 0.05, 0.02


@dataclass(frozen=True)
class Decoded:
    """The text of some bytes.

    Attributes:
        text: what they say.
        encoding: what they were decoded by, a name of Python's.
        is_guessed: whether nothing declares the encoding and it was detected.
        n_replaced: damaged characters, each shown as U+FFFD.
    """

    text: str
    encoding: str
    is_guessed: bool = False
    n_replaced: int = 0

    def name_damage(self, builder: ExtractBuilder) -> None:
        """Name the characters that could not be read in a document's inventory."""
        if self.n_replaced:
            where = f"{self.n_replaced} damaged characters"
            builder.inventory.unread(
                "character", where, f"no {self.encoding}; each is shown as U+FFFD", self.n_replaced
            )


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """Text and the name of the encoding that it was in, see `decode_with_guess`."""
    decoded = decode_with_guess(data, declared)
    return decoded.text, decoded.encoding


def decode_with_guess(data: bytes, *declared: str) -> Decoded:
    """Text of bytes, and how it was stored.

    Args:
        data: a whole text file.
        declared: encodings that the file around it and the document itself name, the first of them tried first; labels
            that say nothing or are unknown are passed over.

    Raises:
        CannotRead: `not-text`, or `unknown-encoding` if no encoding is clearly more plausible than the others.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark) and (marked := _decode_marked(data, encoding)):
            return marked
    codecs_declared = list(dict.fromkeys(codec for label in declared if (codec := find_codec(label))))
    if decoded := _decode_wide(data, codecs_declared) or _decode_seven_bits(data, codecs_declared):
        return decoded
    if not any(is_ebcdic(codec) for codec in codecs_declared):
        filled = data.rstrip(b"\0")  # as fixed records are
        data = filled if 2 * len(filled) > len(data) else data
        _check_control(data)
        data = data.replace(b"\0", b" ")
    for codec in ("utf-8", *codecs_declared):
        text = None if codec in _SEVEN_BITS else _try_decode(data, codec)
        if text is not None:
            return Decoded(text, codec)
    for label in declared:
        if is_unsupported(label):
            raise CannotRead("unknown-encoding", f"found text in {label[:40]}, expected an encoding that is read")
    return _decode_detected(data, codecs_declared)


def _decode_marked(data: bytes, encoding: str) -> Decoded | None:
    try:
        return Decoded(data.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8-sig":
            return None  # joined from files of two encodings
        if encoding == "utf-32" and data.startswith(codecs.BOM_UTF16_LE) and len(data) % 4:
            return None
        # Cut off within a character, or a few pairs that are none.
        text = data.decode(encoding, "replace")
        n_replaced = text.count("\ufffd")
        if n_replaced <= max(1, _MAX_DAMAGED_SHARE * len(text)) and len(text) > n_replaced and _is_text(text):
            return Decoded(text, encoding, n_replaced=n_replaced)
        problem = f"found {error.reason} at byte {error.start}"
        raise CannotRead("not-text", f"{problem}, expected {encoding} as marked") from None


def _decode_wide(data: bytes, declared: list[str]) -> Decoded | None:
    """Text of two or four bytes per character without a mark: declared, or seen by the zero bytes of ASCII."""
    seen = detect_wide_codec(data)
    named = next((codec for codec in declared if codec.startswith(("utf-16", "utf-32"))), "")
    if named and not seen and b"\0" not in data and _try_decode(data, "utf-8") is not None:
        return None  # a page that was converted and still says what it was
    for codec in (seen, f"{named}-le" if named in ("utf-16", "utf-32") else named):
        if codec and (text := _try_decode(data, codec)) is not None and (named or _is_text(text)):
            return Decoded(text, codec, is_guessed=not named)
    return None


def _is_text(text: str) -> bool:
    """Whether characters are such as people write, and not what pairs of any bytes make."""
    sample = text[:_MAX_JUDGED]
    n_odd = sum(unicodedata.category(character) in _ODD and character not in "\t\r\n\f" for character in sample)
    return n_odd <= _MAX_CONTROL_SHARE * len(sample)


def detect_wide_codec(data: bytes) -> str:
    """UTF-16 or UTF-32 without a mark, told by where the zero bytes stand; "" for anything else."""
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
    """Text of an encoding whose bytes are ASCII as well, so that UTF-8 would always fit."""
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
    if text is None:  # beyond the sample
        damaged = _decode_damaged(data, codec)
        if damaged is None:
            raise CannotRead("unknown-encoding", f"found bytes that are no {codec} as at its beginning, expected UTF-8")
        text, n_replaced = damaged.text, damaged.n_replaced
    return Decoded(text, codec, is_guessed=True, n_replaced=n_replaced)


def _decode_damaged(data: bytes, codec: str) -> Decoded | None:
    """Text of which a few bytes are damaged, or that was cut within a character; None if it is another encoding."""
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
    """A text in ASCII with a few characters of which nobody can tell what they are: each of them is named."""
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
    """Characters of a code page by byte, "" for any other encoding.

    What the page leaves undefined from 0x80 to 0x9f is a control code, as in browsers.
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
