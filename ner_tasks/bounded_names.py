"""Truncate names chosen by senders, and keep them unique."""

import hashlib
from collections.abc import Iterable

MAX_CHARACTERS = 1_000
_SAME = "+"


def hash_name(name: str) -> str:
    """Return the SHA-256 of a name in hexadecimal; lone surrogates, as in a name that is not UTF-8, are allowed."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def bound_name(name: str, n_most: int = MAX_CHARACTERS) -> str:
    """Truncate a name to at most `n_most` characters; a truncated name ends in the SHA-256 of the whole name.

    Different names stay different, and truncating a truncated name again does not change it.

    Args:
        name: any string.
        n_most: maximum number of characters, more than the 64 of a SHA-256.
    """
    if len(name) <= n_most:
        return name
    digest = hash_name(name)
    return f"{name[: n_most - len(digest) - 1]}…{digest}"


class TakenNames:
    """Set of the names in one file, compared after truncation by `bound_name`."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._taken = set(map(bound_name, names))
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def __contains__(self, name: str) -> bool:
        return bound_name(name) in self._taken

    def add(self, name: str) -> None:
        """Add a name."""
        self._taken.add(bound_name(name))

    def make_unique(self, wanted: str) -> str:
        """Return `wanted`, with `+` and a number appended if it is taken, and add the result."""
        name, number = wanted, 1
        if wanted in self:
            # Continue from the last number of this name, so that many files with one name take linear time.
            key = bound_name(wanted)
            number = self._numbers.get(key, 1)
            while (name := f"{wanted}{_SAME}{number if number > 1 else ''}") in self:
                number += 1
            self._numbers[key] = number + 1
        self.add(name)
        return name
