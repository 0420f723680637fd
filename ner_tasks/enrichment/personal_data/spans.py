"""Spans of personal data: their kinds, and candidates for them with the evidence that there is."""

from enum import IntEnum
from typing import NamedTuple

KINDS = (
    "name",
    "place",
    "date",
    "phone",
    "fax",
    "mail",
    "url",
    "ip",
    "ssn",
    "mrn",
    "member-id",
    "account",
    "licence",
    "vehicle",
    "device",
    "npi",
    "mbi",
    "age",
)


class PersonalSpan(NamedTuple):
    """Personal data in a text.

    Attributes:
        start: first character.
        end: character after the last.
        kind: one of `KINDS`.
        source: what found it: `model:` and a label, or `context:`, `checksum:` or `pattern:` and what was recognized.
    """

    start: int
    end: int
    kind: str
    source: str


class Evidence(IntEnum):
    """What speaks for a candidate; where candidates overlap, more evidence wins."""

    MODEL = 0  # the tagger's entity
    PATTERN = 1  # a form
    CHECKSUM = 2  # a form whose check digits are right
    CONTEXT = 3  # a word beside it says what it is
    SHAPE = 4  # a form that nothing else has: an e-mail address, a URL


class SpanCandidate(NamedTuple):
    """A possible span, before overlaps are resolved; attributes as in `PersonalSpan`."""

    start: int
    end: int
    kind: str
    source: str
    evidence: Evidence
