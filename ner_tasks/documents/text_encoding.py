"""Bytes to text: byte order mark, then UTF-8, then the most plausible old encoding, never a silent guess."""

import codecs
import re

from ner_tasks.documents.types import CannotRead

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
# These never come without a mark, and would make a short text of any two bytes.
_NEVER_GUESSED = [
    "utf_16",
    "utf_16_be",
    "utf_16_le",
    "utf_32",
    "utf_32_be",
    "utf_32_le",
    "utf_7",
    "cp037",
    "cp500",
    "cp1026",
]
_MULTIBYTE = frozenset(
    {"big5", "big5hkscs", "cp932", "cp949", "euc_jp", "euc_kr", "gb18030", "gb2312", "gbk", "johab", "shift_jis"}
)
_MIN_COHERENCE, _CHAOS_MARGIN = 0.4, 0.02
_SAMPLE_BYTES = 256 * 1024


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """Text and the name of the encoding that it was in.

    Args:
        data: a whole text file.
        declared: encoding that the document itself names, tried before any guess.

    Raises:
        CannotRead: `not-text`, or `unknown-encoding` if no encoding is clearly more plausible than the others.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode_marked(data, encoding)
    if (control := _CONTROL.search(data)) and (
        b"\0" in data or len(_CONTROL.findall(data)) > max(1, _MAX_CONTROL_SHARE * len(data))
    ):
        raise CannotRead("not-text", f"found byte 0x{control.group()[0]:02x} at {control.start()}, expected text")
    for encoding in ("utf-8", declared):
        try:
            return data.decode(encoding), codecs.lookup(encoding).name
        except (UnicodeDecodeError, LookupError):
            continue
    encoding = _guess(data)
    try:
        return data.decode(encoding), codecs.lookup(encoding).name
    except UnicodeDecodeError as error:  # beyond the sample that was guessed by
        raise CannotRead("unknown-encoding", f"found {error}, expected text") from None


def _decode_marked(data: bytes, encoding: str) -> tuple[str, str]:
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError as error:
        raise CannotRead(
            "not-text", f"found {error.reason} at byte {error.start}, expected {encoding} as marked"
        ) from None


def _guess(data: bytes) -> str:
    """Most plausible encoding of bytes that are not UTF-8.

    Short texts fit many code pages equally well, so Windows' Western one, by far the most common where English is
    written, wins whenever it is as plausible as the best; any other needs letters that make sense in some language.
    """
    from charset_normalizer import from_bytes

    matches = from_bytes(data[:_SAMPLE_BYTES], cp_exclusion=_NEVER_GUESSED)
    best = matches.best()
    if best is None:
        raise CannotRead("unknown-encoding", "found bytes that are text in no encoding, expected UTF-8")
    western = [match for match in matches if "cp1252" in (match.encoding, *match.could_be_from_charset)]
    if any(match.chaos <= best.chaos + _CHAOS_MARGIN for match in western):
        return "cp1252"
    if best.encoding in _MULTIBYTE or best.coherence >= _MIN_COHERENCE:
        return best.encoding
    names = sorted({match.encoding for match in matches})
    raise CannotRead("unknown-encoding", f"found text that may be {', '.join(names[:3])}, expected UTF-8")
