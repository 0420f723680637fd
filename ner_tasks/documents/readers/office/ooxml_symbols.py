"""Map characters that Word stores as codes of a symbol font to Unicode.

Source: Unicode's mapping tables for the fonts Symbol and Wingdings, limited to signs used in letters and forms.
"""

# For a code in no table: the object replacement character, which is not a letter.
_UNKNOWN = "\ufffc"
_PRIVATE = 0xF000


def _parse_table(pairs: str) -> dict[int, str]:
    """Parse a table of codes and characters, such as `A3 ≤ B0 °`."""
    places, characters = pairs.split()[::2], pairs.split()[1::2]
    return {int(place, 16): character for place, character in zip(places, characters, strict=True)}


_LETTERS = zip(
    b"ABGDEZHQIKLMNXOPRSTUFCYWabgdezhqiklmnxoprstufcyw",
    "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρστυφχψω",
    strict=True,
)
_SYMBOL = dict(_LETTERS) | _parse_table(
    "22 ∀ 24 ∃ 27 ∋ 2A ∗ 2D − 40 ≅ 5C ∴ 5E ⊥ 7E ∼ A2 ′ A3 ≤ A5 ∞ A8 ♦ A9 ♥ AA ♠ AB ↔ AC ← AD ↑ AE → AF ↓ B0 ° B1 ± "
    "B2 ″ B3 ≥ B4 × B7 • B8 ÷ B9 ≠ BA ≡ BB ≈ BC … D2 ® D3 © D4 ™ D6 √ E2 ® E3 © E4 ™ E5 ∑"
)
_WINGDINGS = _parse_table(
    "22 ✂ 28 ☎ 2A ✉ 4A ☺ 6C ● 6D ❍ 6E ■ 6F ☐ 70 ☐ 71 ❑ 72 ❒ 75 ◆ 76 ❖ 77 ◆ 78 ☒ 9F • A7 ▪ A8 ☐ D8 ➢ DF ← E0 → E1 ↑ "
    "E2 ↓ E8 ➔ F0 ⇨ FB ✘ FC ✔ FD ☒ FE ☑"
)
_WINGDINGS_2 = _parse_table("2A ☐ 4F ✗ 50 ✓ 51 ☒ 52 ☑ 53 ☒ 54 ☒ A3 ☐")
_TABLES = {"symbol": _SYMBOL, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2}


def decode_symbol(font: str, code: str) -> str:
    """Return the Unicode character for a code of a font.

    Args:
        font: name of the font.
        code: four hexadecimal digits, as Word stores them.
    """
    try:
        number = int(code, 16)
    except ValueError:
        return _UNKNOWN
    table = _TABLES.get(font.strip().lower())
    if table is None:
        is_character = 0x20 <= number <= 0x10FFFF and not (0xD800 <= number < 0xF900)
        return chr(number) if is_character else _look_up(number, {})
    return _look_up(number, table)


def _look_up(number: int, table: dict[int, str]) -> str:
    place = number - _PRIVATE if _PRIVATE <= number <= _PRIVATE + 0xFF else number
    if place in table:
        return table[place]
    # In the Symbol font, digits and punctuation have their ASCII codes.
    return chr(place) if table is _SYMBOL and 0x20 <= place < 0x40 else _UNKNOWN
