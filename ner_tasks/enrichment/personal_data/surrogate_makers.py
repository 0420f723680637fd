"""Make plausible identifiers of each kind: in their form, with valid check digits, of nobody where that can be."""

import re
import string
from collections.abc import Callable
from random import Random

from ner_tasks.enrichment.personal_data import checksums
from ner_tasks.enrichment.personal_data.identifiers import IBAN, MBI, VIN
from ner_tasks.enrichment.personal_data.phones import EXTENSION_END

_VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_MBI_LETTERS = "ACDEFGHJKMNPQRTUVWXY"
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}")
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def make_surrogate(random: Random, kind: str, value: str) -> str:
    """Return a value of the same kind and, where it has a form of its own, of the same form.

    Args:
        random: source of what is drawn.
        kind: any kind but date, name and place.
        value: the original.
    """
    return _MAKERS.get(kind, vary)(random, value)


def invent_word(random: Random) -> str:
    """Return a word that can be spoken, for documents with more names than the lists have."""
    return "".join(random.choice(_CONSONANTS) + random.choice(_VOWELS) for _ in range(4)).capitalize()


def vary(random: Random, value: str) -> str:
    """Replace each ASCII digit by a digit and each letter by a letter of its case; other characters stay."""
    return "".join(_vary_character(random, character) for character in value)


def _vary_character(random: Random, character: str) -> str:
    if character.isdigit():
        return random.choice(string.digits)
    if character.isalpha():
        return random.choice(string.ascii_uppercase if character.isupper() else string.ascii_lowercase)
    return character


def _fill(form: str, characters: str) -> str:
    """Write characters in the places of the letters and digits of a form."""
    rest = iter(characters)
    return "".join(next(rest, "0") if character.isalnum() else character for character in form)


def _make_ssn(random: Random, value: str) -> str:
    """A number that is never assigned: it begins with 9, and its group is that of no taxpayer number."""
    digits = f"9{random.randrange(100):02}{random.randrange(1, 50):02}{random.randrange(1, 10_000):04}"
    return _fill(value, digits if sum(map(str.isalnum, value)) == 9 else digits[-4:] * 3)


def _make_npi(random: Random, value: str) -> str:
    digits = random.choice("12") + "".join(random.choices(string.digits, k=9))
    return _fill(value, checksums.fix_last_digit(digits, checksums.npi))


def _make_mbi(random: Random, value: str) -> str:
    if not MBI.fullmatch(value.upper()):
        return vary(random, value)
    sets = {"9": "123456789", "A": _MBI_LETTERS, "0": string.digits}
    return _fill(value, "".join(random.choice(sets[place]) for place in "9AA0AA0AA00"))


def _make_account(random: Random, value: str) -> str:
    """Card numbers and IBANs keep their first digits' meaning and valid check digits."""
    plain = "".join(filter(str.isalnum, value))
    if IBAN.fullmatch(plain.upper()):
        body = vary(random, plain[4:]).upper()
        check = next(f"{n:02}" for n in range(2, 99) if checksums.iban(plain[:2].upper() + f"{n:02}" + body))
        return _fill(value, plain[:2].upper() + check + body)
    if plain.isdigit() and plain.isascii() and checksums.luhn(plain) and len(plain) > 11:
        digits = plain[0] + "".join(random.choices(string.digits, k=len(plain) - 1))
        return _fill(value, checksums.fix_last_digit(digits, checksums.luhn))
    return vary(random, value)


def _make_vehicle(random: Random, value: str) -> str:
    if not VIN.fullmatch(value):
        return vary(random, value)
    characters = [random.choice(string.digits if c.isdigit() else _VIN_LETTERS) for c in value]
    characters[checksums.VIN_CHECK] = checksums.vin_check_digit("".join(characters))
    return "".join(characters)


def _make_phone(random: Random, value: str) -> str:
    """North American numbers become ones of fiction; others keep their form, plus sign and leading zeros."""
    digits = "".join(c for c in EXTENSION_END.sub("", value) if c.isdigit())
    area = f"{random.choice('23456789')}{random.choice('0123456')}{random.choice('23456789')}"
    fictional = f"{area}55501{random.randrange(100):02}"
    if len(digits) == 11 and digits[0] == "1":
        fictional = "1" + fictional
    if len(digits) != len(fictional):
        n_kept = 3 if value.lstrip("(").startswith("+") else len(digits) - len(digits.lstrip("0"))
        fictional = digits[:n_kept]
    rest = iter(fictional)
    return "".join(next(rest, random.choice(string.digits)) if c.isdigit() else c for c in value)


def _make_device(random: Random, value: str) -> str:
    """A hardware address becomes one that no maker owns."""
    if not _MAC.fullmatch(value):
        return vary(random, value)
    return _fill(value, "02" + "".join(random.choices("0123456789abcdef", k=10)))


def _make_mail(random: Random, _: str) -> str:
    return f"user{random.randrange(10**6):06}@example.org"


def _make_url(random: Random, _: str) -> str:
    return f"https://www.example.org/{random.randrange(10**6):06}"


def _make_ip(random: Random, value: str) -> str:
    """An address reserved for documentation."""
    if ":" in value:
        return f"2001:db8::{random.randrange(1, 2**16):x}:{random.randrange(1, 2**16):x}"
    return f"{random.choice(['192.0.2', '198.51.100', '203.0.113'])}.{random.randrange(1, 255)}"


def _make_age(random: Random, _: str) -> str:
    return str(random.randrange(90, 100))


_MAKERS: dict[str, Callable[[Random, str], str]] = {
    "ssn": _make_ssn,
    "npi": _make_npi,
    "mbi": _make_mbi,
    "account": _make_account,
    "vehicle": _make_vehicle,
    "device": _make_device,
    "phone": _make_phone,
    "fax": _make_phone,
    "mail": _make_mail,
    "url": _make_url,
    "ip": _make_ip,
    "age": _make_age,
}
