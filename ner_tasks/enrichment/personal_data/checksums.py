"""Check digits of identifiers."""

from collections.abc import Callable

_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True))
VIN_CHECK = 8  # index of a VIN's check digit
_NPI_PREFIX = "80840"


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it.

    Args:
        digits: ASCII digits only.

    Source: ISO/IEC 7812-1, annex B.
    """
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0


def npi(digits: str) -> bool:
    """Whether ten digits are a National Provider Identifier: they begin with 1 or 2, and satisfy Luhn after 80840.

    Source: CMS, Requirements for NPI and NPI check digit.
    """
    return len(digits) == 10 and digits[0] in "12" and luhn(_NPI_PREFIX + digits)


def iban(text: str) -> bool:
    """Whether an International Bank Account Number without spaces has the remainder 1 modulo 97.

    Source: ISO 13616-1, with ISO 7064 MOD 97-10.
    """
    moved = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def vin_check_digit(vin: str) -> str:
    """Return the check digit of a vehicle identification number of 17 capitals and digits; I, O and Q do not occur.

    Source: 49 CFR 565.15(c).
    """
    values = (_VIN_VALUES[c] if c in _VIN_VALUES else int(c) for c in vin)
    rest = sum(value * weight for value, weight in zip(values, _VIN_WEIGHTS, strict=True)) % 11
    return "X" if rest == 10 else str(rest)


def vin(text: str) -> bool:
    """Whether the ninth of 17 capitals and digits is their check digit."""
    return text[VIN_CHECK] == vin_check_digit(text)


def dea(text: str) -> bool:
    """Whether two letters and seven digits are a registration of the Drug Enforcement Administration.

    Source: 21 CFR 1301; the last digit is that of (d1 + d3 + d5) + 2 (d2 + d4 + d6).
    """
    digits = [int(digit) for digit in text[2:]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def gtin(digits: str) -> bool:
    """Whether the last of 14 digits is the check digit of a Global Trade Item Number.

    Source: GS1 General Specifications, section 7.9.
    """
    return sum(int(digit) * (3 if index % 2 == 0 else 1) for index, digit in enumerate(digits)) % 10 == 0


def fix_last_digit(digits: str, is_valid: Callable[[str], bool]) -> str:
    """Return the digits with the last one changed so that they are valid; as they are if none is."""
    return next((fixed for digit in "0123456789" if is_valid(fixed := digits[:-1] + digit)), digits)
