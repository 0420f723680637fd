"""Lists of mentions, some with `*` for any characters, matched in time proportional to the mention's length."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from ner_tasks.enrichment.names import normalize_name

MAX_PATTERNS = 1000  # with `*`; mentions without it are not limited
_ANY = "*"


@dataclass(frozen=True)
class MentionList:
    """A list of mentions, in their normalized spelling.

    Attributes:
        mentions: mentions without `*`.
        patterns: parts between the `*` of the others.
    """

    mentions: frozenset[str]
    patterns: tuple[tuple[str, ...], ...]

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Parse the entries of a list.

        Raises:
            ValueError: an entry is empty or matches everything, or there are more than `MAX_PATTERNS` with `*`.
        """
        names = {_normalize(entry): entry for entry in entries}
        for name, entry in names.items():
            if not name.strip(_ANY + " "):
                raise ValueError(f"{entry!r} names no mention")
        patterns = sorted(name for name in names if _ANY in name)
        if len(patterns) > MAX_PATTERNS:
            raise ValueError(f"{len(patterns):,} entries with {_ANY}, at most {MAX_PATTERNS:,}")
        return cls(frozenset(names) - set(patterns), tuple(tuple(name.split(_ANY)) for name in patterns))

    @property
    def entries(self) -> frozenset[str]:
        """All entries, in their normalized spelling."""
        return self.mentions | {_ANY.join(parts) for parts in self.patterns}

    def names(self, key: str) -> bool:
        """Return whether a normalized mention is on the list itself."""
        return key in self.mentions

    def matches(self, key: str) -> bool:
        """Return whether a normalized mention matches an entry with `*`."""
        return any(_matches(parts, key) for parts in self.patterns)


def _normalize(entry: str) -> str:
    """Return the normalized spelling of an entry; several `*` together are one."""
    name = normalize_name(entry)
    while _ANY * 2 in name:
        name = name.replace(_ANY * 2, _ANY)
    return name


def _matches(parts: tuple[str, ...], key: str) -> bool:
    first, *middle, last = parts
    if len(key) < len(first) + len(last) or not (key.startswith(first) and key.endswith(last)):
        return False
    place, end = len(first), len(key) - len(last)
    for part in middle:  # the leftmost place of each leaves most room for the next
        place = key.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True
