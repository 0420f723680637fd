"""Inventory of a file: every item that can hold text, and its fate.

A reader enumerates the items of its format (pages, form fields, package parts, MIME leaves) and gives each one fate:
`read`, `unread` with a reason, or `ignored` by a named rule. An item that a reader enumerates but does not account for
counts as unread, so that nothing is lost silently.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ner_tasks.bounded_names import bound_name

READ, UNREAD, IGNORED = "read", "unread", "ignored"
# Unread items listed by name; the rest are only counted.
MAX_NAMED = 200
_MAX_LINE = 300
_MAX_WHERE = 200  # characters of a line


@dataclass(frozen=True)
class Items:
    """Items of one document by kind and fate.

    Attributes:
        counts: number of items by kind and fate, such as `{"page": {"read": 2, "unread": 1}}`; no zeros.
        unread: one line per unread item, with its location and the reason; at most `MAX_NAMED` + 1 lines.
        ignored: number of ignored items by rule.
    """

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)

    def n(self, fate: str) -> int:
        """Number of items with a given fate."""
        return sum(fates.get(fate, 0) for fates in self.counts.values())

    @property
    def read_share(self) -> float:
        """Share of items read, 0 to 1, ignored items excluded; 1 for a file without items."""
        n_read, n_unread = self.n(READ), self.n(UNREAD)
        return n_read / (n_read + n_unread) if n_unread else 1.0

    def add_up(self) -> bool:
        """Whether the listed items are consistent with the counts."""
        fates = {READ, UNREAD, IGNORED}
        is_known = all(set(counted) <= fates for counted in self.counts.values())
        return is_known and bool(self.unread) == bool(self.n(UNREAD)) and sum(self.ignored.values()) == self.n(IGNORED)


class Inventory:
    """Counts the items of one document during extraction."""

    def __init__(self) -> None:
        self._expected: Counter[str] = Counter()
        self._fates: dict[str, Counter[str]] = {}
        self._lines: list[str] = []
        self._n_unnamed = 0
        self._ignored: Counter[str] = Counter()

    def expect(self, kind: str, n: int = 1) -> None:
        """Register items before reading them; items that get no fate later count as unread.

        Args:
            kind: the format's term for the item, such as `page` or `form-field`.
            n: number of items.
        """
        self._expected[kind] += n

    def read(self, kind: str, n: int = 1) -> None:
        """Count items whose text is in the document, or that became separate documents."""
        self._count(kind, READ, n)

    def unread(self, kind: str, where: str, reason: str, n: int = 1) -> None:
        """Count and list an item that was not read.

        Args:
            kind: the format's term for the item.
            where: location of the item, such as `page 3` or `word/media/image1.png`.
            reason: why it was not read, a short phrase.
            n: number of items that the line stands for; 0 adds no line.
        """
        if not n:
            return
        self._count(kind, UNREAD, n)
        if len(self._lines) < MAX_NAMED:
            line = f"{bound_name(where, _MAX_WHERE)}: {reason[:_MAX_LINE]}"
            self._lines.append(" ".join(line.split())[:_MAX_LINE])
        else:
            self._n_unnamed += n

    def ignored(self, kind: str, rule: str, n: int = 1) -> None:
        """Count items without text for people to read, by the rule that ignores them."""
        if n:
            self._count(kind, IGNORED, n)
            self._ignored[rule] += n

    def items(self) -> Items:
        """Return the items so far, each with its fate."""
        for kind, n_expected in self._expected.items():
            n_left = n_expected - self._fates.get(kind, Counter()).total()
            if n_left > 0:
                self.unread(kind, f"{n_left} x {kind}", "the reader did not account for it", n_left)
        more = (f"{self._n_unnamed} more items",) if self._n_unnamed else ()
        counts = {kind: dict(sorted(fates.items())) for kind, fates in sorted(self._fates.items())}
        return Items(counts, (*self._lines, *more), dict(sorted(self._ignored.items())))

    def _count(self, kind: str, fate: str, n: int) -> None:
        if n:
            self._fates.setdefault(kind, Counter())[fate] += n
