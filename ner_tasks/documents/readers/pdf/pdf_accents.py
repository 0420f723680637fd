"""Compose letters that TeX draws as several glyphs: accents over letters, ligatures without a Unicode value.

Source: the OT1 encoding of TeX's text fonts, The TeXbook, appendix F.
"""

import re
import unicodedata
from collections.abc import Callable

from ner_tasks.documents.source_map import Box

# Placeholder for a removed character until the text is cleaned, so that offsets stay valid.
GONE = "\uffff"
_COMBINING = {
    "`": "\u0300",
    "\u00b4": "\u0301",
    "^": "\u0302",
    "\u02c6": "\u0302",
    "~": "\u0303",
    "\u02dc": "\u0303",
    "\u00af": "\u0304",
    "\u02d8": "\u0306",
    "\u02d9": "\u0307",
    "\u00a8": "\u0308",
    "\u02da": "\u030a",
    "\u02dd": "\u030b",
    "\u02c7": "\u030c",
    "\u00b8": "\u0327",
    "\u02db": "\u0328",
}
_ACCENT = re.compile(f"[{re.escape(''.join(_COMBINING))}](?=[A-Za-z\u0131])")
LIGATURES = {"\x0b": "ff", "\x0c": "fi", "\x0e": "ffi", "\x0f": "ffl"}
_CODE = re.compile("(?<=[a-z])[\x0b\x0c\x0e\x0f]|[\x0b\x0c\x0e\x0f](?=[a-z])")
_MAX_ACCENTS = 20_000


def compose_accents(text: str, boxes_at: Callable[[int], tuple[Box, Box]]) -> str:
    """Compose accents and the letters under them; `GONE` takes the place of the accent.

    Args:
        text: PDFium's text.
        boxes_at: returns the boxes (left, top, right, bottom) of the character at an offset and of the next one.
    """
    accents = list(_ACCENT.finditer(text))
    if not accents:
        return text
    characters = list(text)
    for match in accents[:_MAX_ACCENTS]:
        place = match.start()
        letter = "i" if text[place + 1] == "\u0131" else text[place + 1]
        composed = unicodedata.normalize("NFC", letter + _COMBINING[text[place]])
        if len(composed) == 1 and _is_over(*boxes_at(place)):
            characters[place : place + 2] = [GONE, composed]
    return "".join(characters)


def find_ligatures(text: str) -> list[int]:
    """Return the offsets of codes within words that can only be ligatures of TeX's text fonts."""
    return [match.start() for match in _CODE.finditer(text)]


def has_ligatures(text: str) -> bool:
    """Whether a text has codes of such ligatures."""
    return any(code in text for code in LIGATURES) and _CODE.search(text) is not None


def _is_over(accent: Box, letter: Box) -> bool:
    width = max(letter[2] - letter[0], 0.1)
    return abs((accent[0] + accent[2]) - (letter[0] + letter[2])) < width
