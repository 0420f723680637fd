"""Record of what a reader recognized and converted in a labelled file."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Conversions:
    """What was recognized and converted in one file; filled while its rows are read.

    Attributes:
        scheme: tag scheme of a file in columns, such as `BIO` or `BILOU`; None without tags.
        offsets: unit of the offsets in a file of spans, such as `UTF-16 code units`; None if undetermined.
        counts: number of conversions, by description and unit.
    """

    scheme: str | None = None
    offsets: str | None = None
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, what: str, unit: str, n: int = 1) -> None:
        """Add `n` to the count of a conversion; does nothing if `n` is 0.

        Args:
            what: description of the conversion.
            unit: what is counted, in the plural, such as `tasks`.
            n: number of units.
        """
        if n:
            self.counts[what, unit] += n

    def lines(self) -> list[str]:
        """Return a line for each conversion, such as `scheme IOB1, converted to BIO: 600 sentences`."""
        return [f"{what}: {n:,} {unit}" for (what, unit), n in self.counts.items()]

    def as_dict(self) -> dict[str, Any]:
        """Return the record for a JSON report."""
        conversions = [{"what": what, "n": n, "unit": unit} for (what, unit), n in self.counts.items()]
        return {"scheme": self.scheme, "offsets": self.offsets, "conversions": conversions}
