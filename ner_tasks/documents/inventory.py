"""What a file holds: every item that can hold text, and what became of it.

A reader enumerates what its format can hold (pages, form fields, parts of a package, MIME leaves) and gives each item
one fate: `read`, `unread` with a reason, or `ignored` by a rule that has a name. An item that a reader found and did
not account for counts as unread: it cannot vanish.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ner_tasks.bounded_names import bound_name

READ, UNREAD, IGNORED = "read", "unread", "ignored"
# Lines that name single items; of more, the rest is counted in one line.
MAX_NAMED = 200
_MAX_LINE = 300
_MAX_WHERE = 200  # of it


@dataclass(frozen=True)
class Items:
    """The items of one document, counted and named.

    Attributes:
        counts: items by kind and fate, such as `{"page": {"read": 2, "unread": 1}}`; no zeros.
        unread: one line for each unread item: where it is and why it was not read. At most `MAX_NAMED` + 1 lines.
        ignored: ignored items by the name of the rule.
    """

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)

    def n(self, fate: str) -> int:
        """Number of items of one fate."""
        return sum(fates.get(fate, 0) for fates in self.counts.values())

    @property
    def read_share(self) -> float:
        """Share of the items that were read, 0 to 1, those that a rule ignores left out; 1 for a file without items."""
        n_read, n_unread = self.n(READ), self.n(UNREAD)
        return n_read / (n_read + n_unread) if n_unread else 1.0

    def add_up(self) -> bool:
        """Whether the items by name and those by count are the same."""
        fates = {READ, UNREAD, IGNORED}
        is_known = all(set(counted) <= fates for counted in self.counts.values())
        return is_known and bool(self.unread) == bool(self.n(UNREAD)) and sum(self.ignored.values()) == self.n(IGNORED)


class Inventory:
    """Counts the items of one document while it is read."""

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()
        self._fates: dict[str, Counter[str]] = {}
        self._lines: list[str] = []
        self._n_unnamed = 0
        self._ignored: Counter[str] = Counter()

    def found(self, kind: str, n: int = 1) -> None:
        """Enumerate items of a kind before they are read; what gets no fate later is unread.

        Args:
            kind: what it is, in the format's own term, such as `page` or `form-field`.
            n: how many of them.
        """
        self._found[kind] += n

    def read(self, kind: str, n: int = 1) -> None:
        """Account for items whose text is in the document, or that became documents of their own."""
        self._count(kind, READ, n)

    def unread(self, kind: str, where: str, reason: str, n: int = 1) -> None:
        """Account for an item that was not read.

        Args:
            kind: what it is.
            where: which one, such as `page 3` or `word/media/image1.png`.
            reason: why it was not read, a phrase for a person.
            n: how many items the line stands for; for none, there is no line.
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
        """Account for items that hold nothing a person reads, by the name of the rule that says so."""
        if n:
            self._count(kind, IGNORED, n)
            self._ignored[rule] += n

    def items(self) -> Items:
        """Everything found so far, each item with its fate."""
        for kind, n_found in self._found.items():
            n_left = n_found - self._fates.get(kind, Counter()).total()
            if n_left > 0:
                self.unread(kind, f"{n_left} x {kind}", "the reader did not account for it", n_left)
        more = (f"{self._n_unnamed} more items",) if self._n_unnamed else ()
        counts = {kind: dict(sorted(fates.items())) for kind, fates in sorted(self._fates.items())}
        return Items(counts, (*self._lines, *more), dict(sorted(self._ignored.items())))

    def _count(self, kind: str, fate: str, n: int) -> None:
        if n:
            self._fates.setdefault(kind, Counter())[fate] += n
