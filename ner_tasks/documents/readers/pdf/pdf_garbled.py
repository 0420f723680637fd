r"""Detect garbled text layers: glyphs without Unicode values, or with wrong ones.

A font may lack the table from its glyphs to Unicode, or have a wrong one. The page looks right, but its text is `+HQU\`
instead of `Henry`. Text counts as garbled only if no language, table or list of codes looks like it.
"""

import re
import unicodedata
from collections import Counter

import numpy as np

from ner_tasks.documents.readers.pdf import pdfium
from ner_tasks.documents.readers.pdf.pdf_words import Codes

_LOST = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\ufffd\\ue000-\\uefff\\uf100-\\uf8ff\\uffff]")
_MIN_CHARACTERS = 5
_MAX_LOST_SHARE = 0.25
_SAMPLE = 300
_MAX_UNMAPPED_SHARE = 0.5
# Letters that are frequent in every Latin-script language tested: together half of a text or more.
_FREQUENT, _VOWELS = frozenset("eainrsto"), frozenset("aeiouy")
_N_ASCII = 128
_BEHIND_LATIN, _PRIVATE = 0x250, 0xE000
_OF_FREQUENT, _OF_VOWELS = (sorted(map(ord, "".join(some) + "".join(some).upper())) for some in (_FREQUENT, _VOWELS))
_NATURAL_FREQUENT, _NATURAL_VOWELS = 0.46, 0.28
_ODD_FREQUENT, _ODD_VOWELS = 0.38, 0.26
_WORD = re.compile(r"[^\W\d_]{3,}")
_MIN_ODD_WORDS = 40
_MIN_ODD_SHARE = 0.4
_MIN_LETTERS = 25
_MIN_TOKENS = 5
_CASED = re.compile(r"[(\"'“]?[A-Z]?[a-z]+[.,;:)\"'”!?]{0,2}$")
_MIN_CASED = 0.85
_MIN_WITH_VOWEL = 0.85
_SHIFTS = [shift for size in range(1, 32) for shift in (-size, size)]
_MAX_LOOKED_AT = 20_000
_MAX_SHIFTED = 2_000
_MAX_TOKEN = 40
_PUNCTUATION = frozenset("!\"#$%&'()*+/:;<=>?@[\\]^`{|}~")
_MAX_PUNCTUATION = 0.6
_MIN_SHORT = 20


def is_garbled(text: str, codes: Codes, text_page: int, n_chars: int) -> bool:
    """Whether the text of a page is garbled.

    Args:
        text: PDFium's text, before it is cleaned.
        codes: code points of the text.
        text_page: address of PDFium's text page.
        n_chars: number of characters of the page.
    """
    if _is_plainly_natural(codes):
        return False
    solid = "".join(text.split())
    if len(solid) < _MIN_CHARACTERS:
        return False
    n_lost = len(_LOST.findall(solid))
    if n_lost >= _MIN_CHARACTERS and n_lost > _MAX_LOST_SHARE * len(solid):
        return True
    if np.count_nonzero((codes >= _BEHIND_LATIN) & (codes < _PRIVATE)) > len(solid) / 2:
        return False  # another script, for which there are no statistics
    sample = text[:_MAX_LOOKED_AT]
    if _is_natural([char for char in unicodedata.normalize("NFD", sample).lower() if "a" <= char <= "z"]):
        return False
    if _unmapped_share(text_page, n_chars) > _MAX_UNMAPPED_SHARE:
        return True
    return _is_of_signs(solid[:_MAX_LOOKED_AT]) or _is_shifted(sample) or _is_exchanged(sample)


def _is_plainly_natural(codes: Codes) -> bool:
    """Whether frequent letters and vowels have their usual share: a fast test that most pages pass."""
    counts = np.bincount(np.minimum(codes, _N_ASCII), minlength=_N_ASCII + 1)
    n_solid = len(codes) - counts[32] - counts[10] - counts[13]
    return bool(
        n_solid >= _MIN_LETTERS
        and counts[_OF_FREQUENT].sum() >= _NATURAL_FREQUENT * n_solid
        and counts[_OF_VOWELS].sum() >= _NATURAL_VOWELS * n_solid
    )


def _is_natural(letters: list[str]) -> bool:
    if len(letters) < _MIN_LETTERS:
        return False
    counts = Counter(letters)
    return _share(counts, _FREQUENT) >= _NATURAL_FREQUENT and _share(counts, _VOWELS) >= _NATURAL_VOWELS


def _share(counts: Counter[str], some: frozenset[str]) -> float:
    return sum(counts[char] for char in some) / max(counts.total(), 1)


def _unmapped_share(text_page: int, n_chars: int) -> float:
    """Return the share of characters without a Unicode value in the file, for which PDFium returns the glyph number."""
    places = range(0, n_chars, max(n_chars // _SAMPLE, 1))
    drawn = [place for place in places if not pdfium.char_is_generated(text_page, place)]
    n_unmapped = len([place for place in drawn if pdfium.char_is_unmapped(text_page, place) == 1])
    return n_unmapped / max(len(drawn), 1)


def _is_of_signs(solid: str) -> bool:
    """Whether most of a text is punctuation, as with glyphs numbered from 33 on in order of use."""
    counts = Counter(solid)
    signs = {char: counts[char] for char in _PUNCTUATION if counts[char]}
    n_signs = sum(signs.values()) - max(signs.values(), default=0)  # a row of dots or stars is one sign
    return len(solid) >= _MIN_SHORT and len(signs) >= 8 and n_signs > _MAX_PUNCTUATION * len(solid)


def _is_shifted(text: str) -> bool:
    """Whether the text is natural once all its codes are shifted by the same number."""
    text = text[:_MAX_SHIFTED]
    if not text.isascii():
        return False
    counts = Counter(char for char in text if not char.isspace())
    n_solid = counts.total()
    for shift in _SHIFTS:
        n_frequent = sum(counts[chr(code - shift)] for code in _OF_FREQUENT if code >= shift)
        if n_frequent >= _NATURAL_FREQUENT * _MIN_CASED * n_solid and _reads_well(_shift_codes(text, shift)):
            return True
    return False


def _shift_codes(text: str, shift: int) -> str:
    return text.translate({code: max(code + shift, 0) for code in range(128) if not chr(code).isspace()})


def _reads_well(text: str) -> bool:
    tokens = list(dict.fromkeys(text.split()))
    if len(tokens) < _MIN_TOKENS or max(map(len, tokens)) > _MAX_TOKEN:
        return False
    n_cased = sum(_CASED.match(token) is not None for token in tokens)
    if n_cased < _MIN_CASED * len(tokens):
        return False
    letters = [char for token in tokens for char in token.lower() if "a" <= char <= "z"]
    long = [token.lower() for token in tokens if len(token) >= 3]
    n_with_vowel = sum(not _VOWELS.isdisjoint(token) for token in long)
    return len(letters) >= _MIN_LETTERS and _is_natural(letters) and n_with_vowel >= _MIN_WITH_VOWEL * len(long)


def _is_exchanged(text: str) -> bool:
    """Whether words have natural lengths, but letter frequencies of no language."""
    words = _WORD.findall(text)
    if len(words) < _MIN_ODD_SHARE * len(text.split()):
        return False
    words = list(dict.fromkeys(words))
    if len(words) < _MIN_ODD_WORDS:
        return False
    decomposed = unicodedata.normalize("NFD", " ".join(words)).lower()
    letters = [char for char in decomposed if char.isalpha()]
    latin = [char for char in letters if "a" <= char <= "z"]
    if len(latin) < 0.9 * len(letters):
        return False
    lengths = [len(word) for word in words]
    mean = sum(lengths) / len(lengths)
    spread = (sum((length - mean) ** 2 for length in lengths) / len(lengths)) ** 0.5
    counts = Counter(latin)
    is_odd = _share(counts, _FREQUENT) < _ODD_FREQUENT and _share(counts, _VOWELS) < _ODD_VOWELS
    return is_odd and spread >= 1.5 and 3.5 <= mean <= 10
