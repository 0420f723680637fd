"""Labels (`geo`), their BIO tags (`B-geo`) and the ids of the tags in a model."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ner_tasks.errors import ConfigInvalid

OUTSIDE = "O"
_TAG = re.compile(r"O|[BI]-[A-Za-z][A-Za-z0-9_]*")


def tag_label(tag: str) -> str | None:
    """Return the label of a tag: `geo` for `B-geo`, None for `O`."""
    return None if tag == OUTSIDE else tag[2:]


def is_tag(text: str) -> bool:
    """Return whether `text` is a well-formed BIO tag with any label."""
    return _TAG.fullmatch(text) is not None


def find_bio_violation(tags: Sequence[str]) -> int | None:
    """Return the index of the first `I-` tag without an entity of its label to continue, or None."""
    before = OUTSIDE
    for index, tag in enumerate(tags):
        if tag.startswith("I-") and tag_label(before) != tag_label(tag):
            return index
        before = tag
    return None


@dataclass(frozen=True)
class LabelSet:
    """The labels of a model in a fixed order, which determines the tag ids: `O` is 0, then `B-` and `I-` of each label.

    Raises:
        ConfigInvalid: no label, a duplicate, or a malformed label.
    """

    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.labels:
            raise ConfigInvalid("found no label, expected at least one, in the label set")
        if len(set(self.labels)) != len(self.labels):
            raise ConfigInvalid(f"found a label twice in {list(self.labels)}, expected each once")
        for label in self.labels:
            if not is_tag(f"B-{label}"):
                raise ConfigInvalid(f"found label {label!r}, expected a letter, then letters, digits or _")

    @classmethod
    def from_tags(cls, tags: Iterable[str]) -> "LabelSet":
        """Create a label set from the labels in `tags`, in alphabetical order."""
        return cls(tuple(sorted({label for tag in tags if (label := tag_label(tag))})))

    @cached_property
    def tags(self) -> tuple[str, ...]:
        return (OUTSIDE, *(f"{prefix}-{label}" for label in self.labels for prefix in "BI"))

    @cached_property
    def id_of(self) -> dict[str, int]:
        return {tag: index for index, tag in enumerate(self.tags)}

    def may_follow(self, before: str, tag: str) -> bool:
        """Return whether BIO allows `tag` after `before`; `O` also stands for the start of the sentence."""
        return not tag.startswith("I-") or tag_label(before) == tag_label(tag)
