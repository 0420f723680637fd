"""Names that senders choose: held to a length, and apart from each other."""

import hashlib
from collections.abc import Iterable

MAX_CHARACTERS = 1_000
_SAME = "+"


def hash_name(name: str) -> str:
    """The SHA-256 of a name; half a surrogate pair, as in a name that is not UTF-8, counts as it is."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def bound_name(name: str, n_most: int = MAX_CHARACTERS) -> str:
    """A name of at most so many characters: a longer one is cut and ends in its SHA-256.

    Two long names that begin alike stay apart, and a name is always cut alike; one that is cut already stays as it is.

    Args:
        name: any string.
        n_most: characters, more than those of a SHA-256.
    """
    if len(name) <= n_most:
        return name
    digest = hash_name(name)
    return f"{name[: n_most - len(digest) - 1]}…{digest}"


class TakenNames:
    """Names in one file, told apart by what `bounded` leaves of them."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._taken = set(map(bound_name, names))
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def __contains__(self, name: str) -> bool:
        return bound_name(name) in self._taken

    def add(self, name: str) -> None:
        """Take a name."""
        self._taken.add(bound_name(name))

    def make_unique(self, wanted: str) -> str:
        """`wanted`, or with a `+` and a number to be called like nothing else; from now on it is taken."""
        name, number = wanted, 1
        if wanted in self:
            # Goes on where the last one of this name was found: a thousand files of one name are no million tries.
            key = bound_name(wanted)
            number = self._numbers.get(key, 1)
            while (name := f"{wanted}{_SAME}{number if number > 1 else ''}") in self:
                number += 1
            self._numbers[key] = number + 1
        self.add(name)
        return name
