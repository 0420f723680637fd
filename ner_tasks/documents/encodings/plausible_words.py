"""Judge whether decoded text looks like words; text decoded with a wrong code page does not."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

# Letters beyond ASCII of languages with Latin script.
_ALPHABETS = tuple(
    frozenset(letters)
    for letters in (
        "äöüß",
        "àâæçéèêëîïôœùûüÿ",
        "áéíñóúüºª",
        "áâãàçéêíóôõúüºª",
        "àèéìíîòóùúº",
        "àçèéíïòóúü",
        "åäöæøéü",
        "áéíóúýþæðö",
        "ąćęłńóśźż",
        "áčďéěíňóřšťúůýž",
        "áäčďéíĺľňóôŕšťúýž",
        "áéíóöőúüű",
        "ăâîșțşţ",
        "čćđšž",
        "çğıöşüâîû",
        "ąčęėįšųūž",
        "āčēģīķļņšūž",
        "äõöüšž",
        "àáâãèéêìíòóôõùúýăđĩũơư",
    )
)
# Letters of windows-1252 that are rare in text written in it.
_RARE = frozenset("ðþÐÞšžŠŽŸƒ")
_HEBREW_FINALS = frozenset("ךםןףץ")
# Signs that occur before or after a letter, and within words.
_AROUND = frozenset("’'‘\"“”„«»‹›‚-–—…·­/.,:;()[]|*+&•@_%#¿¡®©™´،؛؟\u00a0\u2011\u02bc")
_WITHIN = frozenset("’'‘-–—·­/.,:;()|*+&@_…´®\u00a0\u2011\u02bc")
_TYPOGRAPHY = frozenset("’‘“”–—…•™®©\u00a0")
_DEGREES = frozenset("CFKcf")
_CYRILLIC = tuple(
    frozenset(letters)
    for letters in (
        "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
        "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
        "абвгдежзійклмнопрстуўфхцчшыьэюяё",
        "абвгдђежзијклљмнњопрстћуфхцчџш",
        "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
    )
)
# A single letter that is neither a word in some language nor an initial.
_LONELY = re.compile(
    r"[\W\d_]*[^\W\d_\x00-\x7f½¼¾¹²³àáâäåæèéêíîóôöøúüÀÁÄÅÈÉÓÔÖ\u0370-\U0010ffff](?:[^\w.\u0300-\u036f]|\d)*$"
)
# Dashes and similar signs between letters, an ellipsis after a letter, repeated signs, Icelandic and Macedonian letters.
_ODD = re.compile(
    r"(?<=[^\W\d_])[–—…|´‘®](?=[^\W\d_])|[^\W\d_]…|[–—’‘…]{2}(?=[^\W\d_])|[ðþÐÞªº]|[©®™»«¡¿]{2}|[ѓѕјљњќџћђЃЅЈЉЊЌЏЋЂ]"
)
_MAX_RARE_SHARE = 0.1
# First and last code points of scripts.
_SCRIPTS = (
    (0x0041, 0x024F, "Latin"),
    (0x0300, 0x036F, "mark"),
    (0x0370, 0x03FF, "Greek"),
    (0x0400, 0x052F, "Cyrillic"),
    (0x0590, 0x05FF, "Hebrew"),
    (0x0600, 0x06FF, "Arabic"),
    (0x0E00, 0x0E7F, "Thai"),
    (0x1E00, 0x1EFF, "Latin"),
    (0x3005, 0x3007, "Han"),
    (0x3041, 0x30FF, "Kana"),
    (0x3400, 0x9FFF, "Han"),
    (0xAC00, 0xD7A3, "Hangul"),
    (0xFF66, 0xFF9F, "half-width Kana"),
    (0xFF21, 0xFF5A, "full-width Latin"),
)
_APART = frozenset({"Latin", "Greek", "Cyrillic", "Hebrew", "Arabic", "half-width Kana"})
_EAST = frozenset({"Han", "Kana", "Hangul", "Thai", "full-width Latin"})


def bad_share(words: Sequence[str]) -> float:
    """Return the share of words that occur in no language, 0 to 1."""
    words = [word for word in words if word]
    return sum(not looks_like_a_word(word) for word in words) / len(words) if words else 0.0


def odd_share(words: Sequence[str]) -> float:
    """Return the share of words, 0 to 1, that are possible but far more often the result of a wrong code page."""
    words = [word for word in words if word]
    return sum(bool(_ODD.search(word)) for word in words) / len(words) if words else 0.0


def is_typography(text: str) -> bool:
    """Whether all characters beyond ASCII are typographic signs, such as the quotes and dashes of word processors."""
    return all(character.isascii() or character in _TYPOGRAPHY for character in text)


def is_rare(text: str) -> bool:
    """Whether there are so many Icelandic or Slovene letters that another code page is as likely."""
    n_beyond = sum(not character.isascii() and character.isalpha() for character in text)
    return sum(character in _RARE for character in text) > _MAX_RARE_SHARE * n_beyond


def looks_like_a_word(word: str) -> bool:
    """Whether a word, with adjacent signs, is possible in some language."""
    before = " "
    rare = n_han = 0
    for character, after in zip(word, [*word[1:], " "], strict=True):
        if not character.isascii():
            if not _fits(before, character, after):
                return False
            n_han += _script(character) == "Han"
            rare += _is_uncommon(character)
        elif character.isalpha() and before.isalpha() and not before.isascii() and not _follow(before, character):
            return False
        before = character
    return rare * 4 <= n_han and not _LONELY.match(word) and _has_alphabet(word)


def _fits(before: str, character: str, after: str) -> bool:
    category = _category(character)
    if category in ("Cc", "Co", "Cn", "Cs"):
        return character == "\x85"
    if category[0] in "LM":
        if character.isupper() and before.isalpha() and after.islower():
            return False
        return not (before.isalpha() and not _follow(before, character))
    is_within = before.isalpha() and after.isalpha()
    if character == "°":
        return not before.isalpha() and (not after.isalpha() or after in _DEGREES)
    if 0x3000 <= ord(character) <= 0x303F or 0xFF00 <= ord(character) <= 0xFFEF:
        return True
    if is_within and not (_script(before) in _EAST or _script(after) in _EAST):
        return character in _WITHIN
    if character in _AROUND or category in ("Pd", "Ps", "Pe", "Zs", "Cf"):
        return True
    # A currency, fraction or unit sign is next to a number or alone.
    return not (before.isalpha() or after.isalpha()) or _script(before) in _EAST or _script(after) in _EAST


def _follow(before: str, character: str) -> bool:
    """Whether a letter may follow another within a word."""
    if before.islower() and character.isupper() and before != "ß":
        return False
    if before == "ς" or before in _HEBREW_FINALS:
        return False
    first, second = _script(before), _script(character)
    if "mark" in (first, second) or first == second:
        return True
    if first in _APART and second in _APART:
        return False
    return not ({first, second} == {"Hangul", "Han"} or {first, second} == {"Hangul", "Kana"}) and "other" not in (
        first,
        second,
    )


def consistency(words: Sequence[str]) -> float:
    """Return the share of Latin and Cyrillic words that fit the best single language; 1 without such words."""
    share = 1.0
    for script, alphabets in (("Latin", _ALPHABETS), ("Cyrillic", _CYRILLIC)):
        if letter_sets := [letters for word in words if (letters := _letters(word, script))]:
            n_best = max(sum(letters <= alphabet for letters in letter_sets) for alphabet in alphabets)
            share *= max(n_best, sum(_is_vietnamese(letters) for letters in letter_sets)) / len(letter_sets)
    return share


def _has_alphabet(word: str) -> bool:
    letters = _letters(word, "Latin")
    if letters and not (any(letters <= alphabet for alphabet in _ALPHABETS) or _is_vietnamese(letters)):
        return False
    letters = _letters(word, "Cyrillic")
    return not letters or any(letters <= alphabet for alphabet in _CYRILLIC)


def _letters(word: str, script: str) -> frozenset[str]:
    return frozenset(
        character
        for character in unicodedata.normalize("NFC", word).lower()
        if not character.isascii()
        and character not in "µ\u0307"
        and character.isalpha()
        and _script(character) == script
    )


def _is_vietnamese(letters: frozenset[str]) -> bool:
    return any(0x1EA0 <= ord(letter) <= 0x1EF9 or letter in "ơư" for letter in letters)


@cache
def _is_uncommon(character: str) -> bool:
    """Whether an ideograph is in none of the standards' sets of common characters."""
    if _script(character) != "Han" or character == "々":
        return False
    return not (
        _leads(character, "gb2312", 0xB0, 0xD7)
        or _leads(character, "euc_jp", 0xB0, 0xCF)
        or _leads(character, "big5", 0xA4, 0xC6)
    )


def _leads(character: str, codec: str, first: int, last: int) -> bool:
    try:
        return first <= character.encode(codec)[0] <= last
    except UnicodeEncodeError:
        return False


@cache
def _category(character: str) -> str:
    return unicodedata.category(character)


@cache
def _script(character: str) -> str:
    code = ord(character)
    if character in "ªºµ":
        return "Latin"
    return next((script for first, last, script in _SCRIPTS if first <= code <= last), "other")
