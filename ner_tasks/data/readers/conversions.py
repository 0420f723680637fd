"""What a reader of labelled data recognised in a file, and what it changed on the way in."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Conversions:
    """What was recognised and changed in one file, counted; filled while the file's rows are read.

    Attributes:
        scheme: the tagging scheme of a file in columns, such as `BIO` or `BILOU`; None if it has no tags.
        offsets: what the offsets of a file of spans count, such as `UTF-16 code units`; None if its texts do not tell.
        counts: how often each thing was done, by what was done and the unit that is counted.
    """

    scheme: str | None = None
    offsets: str | None = None
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, what: str, unit: str, n: int = 1) -> None:
        """Count `n` more of `unit`, such as `tasks`, to which `what` applies; 0 leaves no trace."""
        if n:
            self.counts[what, unit] += n

    def lines(self) -> list[str]:
        """A line for each thing done, such as `scheme IOB1, converted to BIO: 600 sentences`."""
        return [f"{what}: {n:,} {unit}" for (what, unit), n in self.counts.items()]

    def as_dict(self) -> dict[str, Any]:
        """The same for a report in JSON."""
        done = [{"what": what, "n": n, "unit": unit} for (what, unit), n in self.counts.items()]
        return {"scheme": self.scheme, "offsets": self.offsets, "conversions": done}
