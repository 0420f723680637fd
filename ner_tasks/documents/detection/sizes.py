"""How much of a file is read, by its name and size alone: for planning, which opens none of its millions of files."""

from typing import NamedTuple

from ner_tasks.documents.detection.formats import ARCHIVE, FORMATS, JSON_LINES, SUFFIXES
from ner_tasks.documents.types import Limits

OTHER = "other"  # format of a file whose name says none


class SizeRule(NamedTuple):
    """How files with a suffix are counted.

    Attributes:
        format: name of their format.
        most_bytes: size up to which a file is read as a whole.
        excess_bytes: how much is read of a larger one: nothing of a document, a part of a file of many documents.
    """

    format: str
    most_bytes: int
    excess_bytes: int

    def count_bytes(self, n_bytes: int) -> int:
        """Return how much is read of a file of this size."""
        return n_bytes if n_bytes <= self.most_bytes else self.excess_bytes


def _make_rule(name: str) -> SizeRule:
    if name in FORMATS and FORMATS[name].shape in (ARCHIVE, JSON_LINES):
        return SizeRule(name, Limits.max_unpacked_bytes, Limits.max_unpacked_bytes)
    return SizeRule(name, Limits.max_bytes, 0)


SIZE_RULES = {suffix: _make_rule(format_.name) for suffix, format_ in SUFFIXES.items()}
OTHER_RULE = _make_rule(OTHER)


def find_size_rule(name: str) -> SizeRule:
    """Return the rule of a file's last suffix."""
    return SIZE_RULES.get(name[name.rfind(".") :].lower(), OTHER_RULE)
