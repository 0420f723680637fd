"""Row of a labelled file, the common output of all readers."""

from typing import NamedTuple

BROKEN_ROW, BAD_SPAN = "broken-row", "bad-span"


class LabelledRow(NamedTuple):
    """One word of a labelled file.

    Attributes:
        line: line in the file, from 1; for a JSON list the position in the list.
        sentence: number of the sentence in the file, from 0.
        word: the word; the whole line if the row is broken.
        pos: part-of-speech tag, or empty.
        tag: the tag; empty if the row is broken.
        problem: description of what is wrong with the row; empty if nothing is.
        reason: kind of the problem, `BROKEN_ROW` or `BAD_SPAN`.
    """

    line: int
    sentence: int
    word: str
    pos: str
    tag: str
    problem: str
    reason: str = BROKEN_ROW
