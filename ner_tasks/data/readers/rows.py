"""One word of a labelled file, as every reader hands it on."""

from typing import NamedTuple

BROKEN_ROW, BAD_SPAN = "broken-row", "bad-span"


class LabelledRow(NamedTuple):
    """One word's row as it was found.

    Attributes:
        line: 1-based line in the file; of a JSON list the 1-based place in it.
        sentence: 0-based number of its sentence in the file.
        problem: what is wrong with the row's form, in words; empty if nothing is. The word of a broken row
            is the whole line, its tag is empty.
        reason: with a problem the kind of it, `BROKEN_ROW` or `BAD_SPAN`.
    """

    line: int
    sentence: int
    word: str
    pos: str
    tag: str
    problem: str
    reason: str = BROKEN_ROW
