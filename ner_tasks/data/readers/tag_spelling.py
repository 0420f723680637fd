"""Detection of the spelling of tags: `B-per`, `b-per`, `B_per`, `per-B`, or a bare label.

The spelling of most tags is used for the whole file; a tag in another spelling is kept and later quarantined as unknown.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ner_tasks.labels import OUTSIDE

BEGIN, INSIDE, END, SINGLE = "B", "IM", "EL", "SUW"
LETTERS = BEGIN + INSIDE + END + SINGLE
_OUTSIDE = ("O", "o")
_OTHER_OUTSIDE = ("_", "", "-")
_PREFIXES = re.compile(rf"([{LETTERS}{LETTERS.lower()}])([-_:])(.+)", re.DOTALL)
_SUFFIXES = re.compile(rf"(.+)([-_:])([{LETTERS}{LETTERS.lower()}])", re.DOTALL)
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# A tag column with more distinct values than this has no labels.
_MAX_BARE_LABELS = 200
# Rows without a tag count as outside only if a file has no O and at least this share of such rows.
_MIN_BLANK_SHARE = 0.2


class Tag(NamedTuple):
    """A parsed tag: its letter in upper case (`O` for outside), its label (empty for outside), and the case in the file."""

    letter: str
    label: str
    is_upper: bool = True


OUT = Tag(OUTSIDE, "")


@dataclass(frozen=True)
class Spelling:
    """Spelling of the tags of a file.

    Attributes:
        tags: parsed tag of each value that can be parsed.
        has_letters: whether tags have a letter; bare labels have none and are parsed with the letter `I`.
        unusual: descriptions of differences from `B-per` and `O`.
    """

    tags: Mapping[str, Tag] = field(default_factory=dict)
    has_letters: bool = True
    unusual: tuple[str, ...] = ()


def is_tag_like(text: str) -> bool:
    """Return whether `text` looks like a tag with a letter or like the outside tag."""
    return text in _OUTSIDE or bool(_PREFIXES.fullmatch(text) or _SUFFIXES.fullmatch(text))


def detect_spelling(counts: Mapping[str, int], *, is_strict: bool) -> Spelling:
    """Detect the spelling of the tags of a file.

    Args:
        counts: number of rows with each value in the tag column.
        is_strict: accept only tags with a letter and `O`, as in the Kaggle columns.
    """
    tags = {text: OUT for text in _OUTSIDE if text in counts}
    unusual = ["o for outside"] if "o" in tags else []
    if not tags and not is_strict:
        blank = max(_OTHER_OUTSIDE, key=lambda text: counts.get(text, 0))
        if counts.get(blank, 0) > _MIN_BLANK_SHARE * sum(counts.values()):
            tags[blank] = OUT
            unusual.append(f"{blank or 'nothing'} for outside")
    rest = {text: n for text, n in counts.items() if text not in tags}
    name, parsed = _find_best(rest)
    if parsed:
        return Spelling(tags | parsed, unusual=(*unusual, *_list_unusual(name, parsed)))
    if not is_strict and tags and _are_labels(rest):
        return Spelling(tags | {text: Tag("I", text) for text in rest}, has_letters=False, unusual=tuple(unusual))
    return Spelling(tags, unusual=tuple(unusual))


def _find_best(counts: Mapping[str, int]) -> tuple[str, dict[str, Tag]]:
    """Return the name and parsed tags of the spelling that most rows have; on a tie the more usual one."""
    best: tuple[str, dict[str, Tag]] = ("", {})
    most = 0
    for name, parse in _SPELLINGS.items():
        tags = {text: tag for text in counts if (tag := parse(text))}
        if tags:
            tags = _drop_lower_case(tags, counts)
        n = sum(counts[text] for text in tags)
        if n > most:
            best, most = (name, tags), n
    return best


def _drop_lower_case(tags: dict[str, Tag], counts: Mapping[str, int]) -> dict[str, Tag]:
    """Drop words such as `e-mail`: lower-case letters other than b and i count only if most letters are lower case."""
    lower = sum(counts[text] for text in tags if not tags[text].is_upper)
    if 2 * lower > sum(counts[text] for text in tags):
        return tags
    return {text: tag for text, tag in tags.items() if tag.letter in "BI" or tag.is_upper}


def _list_unusual(name: str, tags: Mapping[str, Tag]) -> list[str]:
    unusual = [] if name == "B-per" else [f"tags as in {name}"]
    if not all(tag.is_upper for tag in tags.values()):
        unusual.append("letters of tags in lower case")
    return unusual


def _are_labels(texts: Mapping[str, int]) -> bool:
    """Return whether all values could be bare labels; `B` and `I` alone are letters without a label."""
    return (
        0 < len(texts) <= _MAX_BARE_LABELS
        and all(_LABEL.fullmatch(text) for text in texts)
        and not all(text.upper() in LETTERS for text in texts)
    )


def _prefix_parser(separator: str) -> Callable[[str], Tag | None]:
    def parse(text: str) -> Tag | None:
        match = _PREFIXES.fullmatch(text)
        return Tag(match[1].upper(), match[3], match[1].isupper()) if match and match[2] == separator else None

    return parse


def _suffix_parser(separator: str) -> Callable[[str], Tag | None]:
    def parse(text: str) -> Tag | None:
        match = _SUFFIXES.fullmatch(text)
        return Tag(match[3].upper(), match[1], match[3].isupper()) if match and match[2] == separator else None

    return parse


_SPELLINGS = {
    "B-per": _prefix_parser("-"),
    "B_per": _prefix_parser("_"),
    "B:per": _prefix_parser(":"),
    "per-B": _suffix_parser("-"),
    "per_B": _suffix_parser("_"),
    "per:B": _suffix_parser(":"),
}
