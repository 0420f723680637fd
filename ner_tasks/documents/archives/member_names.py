"""Decode names of files in archives that declare no encoding, in the most plausible encoding.

ZIP has a flag for UTF-8. Without it, a name is in the code page of the machine that made the archive: a DOS code page
(cp850, cp437, cp866), a Windows code page (cp1252, cp1251), Shift JIS, GBK or another. An archive is made on one machine, so
all its names are judged together.
"""

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.types import CannotRead

# In order of preference among equally plausible ones.
_SINGLE_BYTE = ("cp850", "cp437", "cp1252", "cp852", "cp1250", "cp866", "cp1251", "koi8-r", "cp737", "cp1253", "cp862")
_MAX_JUDGED = 4_096
_MIN_COMMON_SHARE = 0.8
# Punctuation that is common in names.
_NEUTRAL = frozenset("§°–—’‘“”€·«»ºª¿¡½¼¾ \u00a0")
_VOWELS = frozenset("aeiouäöüyAEIOUÄÖÜY")


def _is_common_in_shift_jis(lead: int, trail: int) -> bool:
    is_kana = (lead == 0x82 and trail >= 0x9F) or (lead == 0x83 and trail <= 0x96)
    return is_kana or 0x88 <= lead <= 0x97


# Whether a two-byte character is in common use: kana, and level 1 of each standard.
_COMMON: dict[str, Callable[[int, int], bool]] = {
    "cp932": _is_common_in_shift_jis,
    "gbk": lambda lead, trail: 0xB0 <= lead <= 0xD7 and trail >= 0xA1,
    "big5": lambda lead, _: 0xA4 <= lead <= 0xC6,
    "cp949": lambda lead, trail: 0xB0 <= lead <= 0xC8 and trail >= 0xA1,
}
_ALIKE = {
    "cp932": ("cp932", "shift_jis"),
    "gbk": ("gbk", "gb18030", "gb2312"),
    "big5": ("big5", "big5hkscs", "cp950"),
    "cp949": ("cp949", "euc_kr"),
}


def decode(names: Sequence[bytes]) -> list[str]:
    """Decode the names of one archive; undecodable bytes become replacement characters."""
    encoding = ""
    decoded = []
    for name in names:
        try:
            decoded.append(name.decode())
        except UnicodeDecodeError:
            encoding = encoding or _guess_encoding([name for name in names if not _is_utf8(name)])
            decoded.append(name.decode(encoding, "replace"))
    return decoded


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _guess_encoding(names: Sequence[bytes]) -> str:
    joined = b"\n".join(names)[: 16 * _MAX_JUDGED]
    eastern = [encoding for encoding in _COMMON if _is_eastern(joined, encoding)]
    if len(eastern) > 1:
        try:
            detected = text_encoding.decode(joined)[1]
        except CannotRead:
            return eastern[0]
        return next((encoding for encoding in eastern if detected in _ALIKE[encoding]), eastern[0])
    if eastern:
        return eastern[0]
    scores = {encoding: _score(joined, encoding) for encoding in _SINGLE_BYTE}
    return max(_SINGLE_BYTE, key=lambda encoding: (scores[encoding], -_SINGLE_BYTE.index(encoding)))


def _is_eastern(joined: bytes, encoding: str) -> bool:
    """Whether the bytes are mostly common characters of a double-byte encoding.

    A single such character between two Latin letters does not count: it is an accented letter and its successor.
    """
    n_common = n_other = n_borders = 0
    at, before = 0, ""
    while at < min(len(joined), _MAX_JUDGED):
        lead = joined[at]
        if lead < 0x80:
            n_borders += before == "wide" and chr(lead).isalpha()
            before, at = "letter" if chr(lead).isalpha() else "", at + 1
            continue
        pair = joined[at : at + 2]
        try:
            pair.decode(encoding)
        except UnicodeDecodeError:
            return False
        if len(pair) < 2:
            return False
        is_common = _COMMON[encoding](pair[0], pair[1])
        n_common, n_other = n_common + is_common, n_other + (not is_common)
        n_borders += before == "letter"
        before, at = "wide", at + 2
    return n_common >= max(1, 2 * n_borders) and n_common >= _MIN_COMMON_SHARE * (n_common + n_other)


def _score(joined: bytes, encoding: str) -> float:
    """Score how well the characters beyond ASCII fit their neighbours; at most 1."""
    text = joined.decode(encoding, "replace")[:_MAX_JUDGED]
    marks = [at for at, character in enumerate(text) if ord(character) >= 0x80]
    n_fitting = sum(_score_letter(text, at) for at in marks)
    return round(n_fitting / max(len(marks), 1), 3)


def _score_letter(text: str, at: int) -> float:
    """Score one character: up to 1 for a letter that fits its neighbours, 0.3 for common punctuation, else negative."""
    character = text[at]
    if character in _NEUTRAL:
        return 0.3
    if not character.isalpha():
        return -1.0
    around = [other for other in (text[at - 1 : at], text[at + 1 : at + 2]) if other.isalpha()]
    if any(_script(other) != _script(character) for other in around):
        return -0.5
    before = text[at - 1 : at]
    if (character.isupper() and before.islower()) or (character == "ß" and before not in _VOWELS):
        return -0.5
    # Few letters of a Latin word have accents.
    return 0.6 if _script(character) == "LATIN" and any(other >= "\x80" for other in around) else 1.0


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
