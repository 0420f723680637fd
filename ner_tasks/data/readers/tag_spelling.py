"""How the tags of a file are spelled: `B-per`, `b-per`, `B_per`, `per-B`, or a bare label.

One spelling is recognised for the whole file, the one that most of its tags have; a tag in another spelling is left
as it is and later set aside as an unknown tag.
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
# More different words than this in the column of tags are no labels.
_MAX_BARE_LABELS = 200
# Rows without a tag are outside only where a file has no O and so many of them.
_MIN_BLANK_SHARE = 0.2


class Tag(NamedTuple):
    """A tag taken apart: its letter in upper case, `O` for outside, and its label, empty for outside."""

    letter: str
    label: str
    is_upper: bool = True


OUT = Tag(OUTSIDE, "")


@dataclass(frozen=True)
class Spelling:
    """How the tags of a file are spelled.

    Attributes:
        tags: each spelling of a tag that is understood, taken apart.
        has_letters: whether tags have a letter; bare labels have none, and all of their letters are `I`.
        unusual: what is unlike `B-per` and `O`, in words; empty if nothing is.
    """

    tags: Mapping[str, Tag] = field(default_factory=dict)
    has_letters: bool = True
    unusual: tuple[str, ...] = ()


def is_tag_like(text: str) -> bool:
    """Whether `text` looks like a tag that has a letter, or like the tag for outside."""
    return text in _OUTSIDE or bool(_PREFIXES.fullmatch(text) or _SUFFIXES.fullmatch(text))


def recognise_spelling(counts: Mapping[str, int], *, is_strict: bool) -> Spelling:
    """How the tags of a file are spelled, given how often each occurs.

    Args:
        counts: rows of each tag, as it is written.
        is_strict: whether only tags with a letter and `O` count, as in the Kaggle columns.
    """
    tags = {text: OUT for text in _OUTSIDE if text in counts}
    unusual = ["o for outside"] if "o" in tags else []
    if not tags and not is_strict:
        blank = max(_OTHER_OUTSIDE, key=lambda text: counts.get(text, 0))
        if counts.get(blank, 0) > _MIN_BLANK_SHARE * sum(counts.values()):
            tags[blank] = OUT
            unusual.append(f"{blank or 'nothing'} for outside")
    rest = {text: n for text, n in counts.items() if text not in tags}
    name, spelled = _best(rest)
    if spelled:
        return Spelling(tags | spelled, unusual=(*unusual, *_unusual(name, spelled)))
    if not is_strict and tags and _are_labels(rest):
        return Spelling(tags | {text: Tag("I", text) for text in rest}, has_letters=False, unusual=tuple(unusual))
    return Spelling(tags, unusual=tuple(unusual))


def _best(counts: Mapping[str, int]) -> tuple[str, dict[str, Tag]]:
    """Name of the spelling that most rows have, and what it understands; in doubt the more usual one."""
    best: tuple[str, dict[str, Tag]] = ("", {})
    most = 0
    for name, take_apart in _SPELLINGS.items():
        found = {text: tag for text in counts if (tag := take_apart(text))}
        if found:
            found = _with_trusted_letters(found, counts)
        n = sum(counts[text] for text in found)
        if n > most:
            best, most = (name, found), n
    return best


def _with_trusted_letters(tags: dict[str, Tag], counts: Mapping[str, int]) -> dict[str, Tag]:
    """Without `e-mail` and its like: letters in lower case but b and i count only if most are in lower case."""
    lower = sum(counts[text] for text in tags if not tags[text].is_upper)
    if 2 * lower > sum(counts[text] for text in tags):
        return tags
    return {text: tag for text, tag in tags.items() if tag.letter in "BI" or tag.is_upper}


def _unusual(name: str, tags: Mapping[str, Tag]) -> list[str]:
    unusual = [] if name == "B-per" else [f"tags as in {name}"]
    if not all(tag.is_upper for tag in tags.values()):
        unusual.append("letters of tags in lower case")
    return unusual


def _are_labels(texts: Mapping[str, int]) -> bool:
    """Whether all of these could be labels without a letter; `B` and `I` alone are letters without a label."""
    return (
        0 < len(texts) <= _MAX_BARE_LABELS
        and all(_LABEL.fullmatch(text) for text in texts)
        and not all(text.upper() in LETTERS for text in texts)
    )


def _prefixed(joint: str) -> Callable[[str], Tag | None]:
    def take_apart(text: str) -> Tag | None:
        match = _PREFIXES.fullmatch(text)
        return Tag(match[1].upper(), match[3], match[1].isupper()) if match and match[2] == joint else None

    return take_apart


def _suffixed(joint: str) -> Callable[[str], Tag | None]:
    def take_apart(text: str) -> Tag | None:
        match = _SUFFIXES.fullmatch(text)
        return Tag(match[3].upper(), match[1], match[3].isupper()) if match and match[2] == joint else None

    return take_apart


_SPELLINGS = {
    "B-per": _prefixed("-"),
    "B_per": _prefixed("_"),
    "B:per": _prefixed(":"),
    "per-B": _suffixed("-"),
    "per_B": _suffixed("_"),
    "per:B": _suffixed(":"),
}
