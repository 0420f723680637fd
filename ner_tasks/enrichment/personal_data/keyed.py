"""Keyed hashes of values, which tell equal values apart from others without showing them."""

import hmac

_LENGTH = 10
# Letters only: what follows "MRN:" in a redacted copy must not look like a number when the copy is read again.
_LETTERS = "abcdefghijklmnop"
_NUMBERS = {"phone", "fax", "ssn", "mrn", "member-id", "account", "licence", "vehicle", "device", "npi", "mbi"}


def hash_value(key: bytes, kind: str, value: str) -> str:
    """Return a hash of ten letters: equal for values that differ in case, spaces or the separators of a number only.

    Args:
        key: secret of HMAC-SHA-256.
        kind: kind of the value; equal values of different kinds have different hashes.
        value: any text.

    Returns:
        40 bits as letters from a to p.
    """
    digest = make_digest(key, kind, normalize_value(kind, value))
    return "".join(_LETTERS[byte & 15] for byte in digest[:_LENGTH])


def normalize_value(kind: str, value: str) -> str:
    """Return a value without what may differ between two writings of it."""
    if kind in _NUMBERS and any(map(str.isalnum, value)):
        return "".join(filter(str.isalnum, value)).casefold()
    return " ".join(value.casefold().split())


def make_digest(key: bytes, *parts: str) -> bytes:
    """Return the HMAC-SHA-256 of some texts, which may hold surrogates and NULs."""
    raw = [part.encode("utf-8", "surrogatepass") for part in parts]
    return hmac.digest(key, b"".join(len(part).to_bytes(8, "big") + part for part in raw), "sha256")
