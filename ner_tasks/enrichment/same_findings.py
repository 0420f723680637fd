"""Recognize two mentions as the same finding: by their words, a narrower name, or an acronym."""

from collections import defaultdict
from collections.abc import Iterable

from ner_tasks.enrichment.names import normalize_name, split_words, vary_number

_SMALL_WORDS = frozenset({"a", "and", "by", "in", "of", "or", "the", "to", "with"})
_ACRONYM_LETTERS = range(2, 7)


class NamedFindings:
    """The findings that some mentions name.

    Args:
        mentions: mentions, as they are written.
    """

    def __init__(self, mentions: Iterable[str]) -> None:
        self._names = defaultdict[str, list[frozenset[str]]](list)  # by the last word, which says what it is
        self._initials, self._acronyms = set[str](), set[str]()
        self._words = set[frozenset[str]]()
        for mention in mentions:
            words = split_words(normalize_name(mention))
            if words:
                self._names[words[-1]].append(frozenset(words))
                self._words.add(frozenset(words))
                self._initials.add(_initials(words))
                self._acronyms.update({words[0]} if _is_acronym(mention) else ())

    def have(self, mention: str) -> bool:
        """Whether a finding is named: by the same words, by a narrower name that ends alike, or by an acronym.

        Who has *ischemic stroke* has *stroke*; who has *stroke* need not have *ischemic stroke*. Number, case and order of
        words make no difference.
        """
        if _is_acronym(mention) and mention.lower() in self._initials:
            return True
        name = normalize_name(mention)
        return any(self._has(split_words(one)) for one in (name, *vary_number(name)))

    def _has(self, words: list[str]) -> bool:
        if not words:
            return False
        own = frozenset(words)
        return (
            own in self._words
            or any(own <= other for other in self._names.get(words[-1], ()))
            or _initials(words) in self._acronyms
        )


def find_head(mention: str) -> list[str]:
    """Return the last word of a finding, in the singular and in the plural; nothing for one without words."""
    words = split_words(normalize_name(mention))
    return [words[-1], *vary_number(words[-1])] if words else []


def _initials(words: list[str]) -> str:
    initials = "".join(word[0] for word in words if word not in _SMALL_WORDS)
    return initials if len(initials) in _ACRONYM_LETTERS else ""


def _is_acronym(mention: str) -> bool:
    return len(mention) in _ACRONYM_LETTERS and mention.isalpha() and mention.isupper()
