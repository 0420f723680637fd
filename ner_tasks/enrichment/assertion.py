"""Tell what a clinician asserts of a mention: denied, suspected, past, feared, or a relative's.

Phrases around the mention decide, each within a scope: a number of words in a direction, carried over the items of a list and
ended by conjunctions, by verbs of a new clause, and by punctuation. The section of a mention gives further statuses.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from ner_tasks.enrichment.assertion_lexicon import (
    EXCLUSIVE,
    MAX_PHRASE_WORDS,
    OURS,
    OVERRULED,
    YIELDING,
    Action,
    AssertionLexicon,
    LexiconLine,
    Reach,
    Status,
    compile_lexicon,
    read_lexicon,
    read_lines,
    split_words,
)
from ner_tasks.enrichment.names import normalize_name
from ner_tasks.errors import ConfigInvalid
from ner_tasks.fingerprint import make_version

_NONE: frozenset[str] = frozenset()
_OTHER_OF = {one: other for pair in EXCLUSIVE for one, other in (pair, pair[::-1])}
_EXAMPLE = re.compile(r"([^\[\]]*)\[([^\[\]]*\w[^\[\]]*)\]([^\[\]]*)")
_MENTION = ""  # stands for a word within a mention: no phrase has it


class _Node:
    """A node of the trie of phrases, by words."""

    __slots__ = ("action", "following")

    def __init__(self) -> None:
        self.following: dict[str, _Node] = {}
        self.action: Action | None = None


class Assessment(NamedTuple):
    """What is asserted of a mention.

    Attributes:
        statuses: some of `negated`, `uncertain`, `historical`, `hypothetical`, `family`; none: present, and the patient's.
        yields: whether `historical` is dropped where the text describes the same as present elsewhere.
    """

    statuses: frozenset[str] = _NONE
    yields: bool = False


class _Match(NamedTuple):
    """A phrase at the words `[start, end)`; `is_mark`: it is a mark of punctuation."""

    start: int
    end: int
    action: Action
    is_mark: bool


_Directed = tuple[_Match, Mapping[Status, Reach]]
_Found = dict[Status, bool]  # statuses by phrases, and whether each yields


class _Open(NamedTuple):
    """A scope: the words `[start, end)` that a trigger reaches."""

    start: int
    end: int
    reach: Reach


@dataclass(frozen=True)
class AssertionRules:
    """Rules that give each mention its statuses.

    Attributes:
        version: version of the lexicon.
        sections: statuses of mentions by kind of section, such as `family` in a family history.
        episodes: last words of findings that come again: a past one stays past beside a present one.
    """

    version: str
    sections: Mapping[str, frozenset[str]]
    episodes: frozenset[str]
    _phrases: Mapping[str, _Node]
    _language: str

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Load our lexicon, or a user's that extends or replaces ours.

        Args:
            path: YAML file of the user; None: ours.

        Raises:
            InputMissing: `path` does not exist.
            ConfigInvalid: not YAML, unknown key, invalid value, lines that contradict each other, or an example of the
                user's that does not show its line.
        """
        rules = cls.from_lexicon(read_lexicon(path), path or OURS)
        for line in read_lines(path).lines() if path else ():
            rules.check_example(line, path or OURS)
        return rules

    @classmethod
    def from_lexicon(cls, lexicon: AssertionLexicon, path: Path) -> Self:
        """Return the rules of a lexicon.

        Args:
            lexicon: the lexicon.
            path: its file, for messages.

        Raises:
            ConfigInvalid: unknown group, or lines that contradict each other.
        """
        root = _Node()
        for words, action in compile_lexicon(lexicon, path).items():
            node = root
            for word in words:
                parent, node = node, node.following.setdefault(word, _Node())
                parent.following[word.replace("'", "’")] = node
            node.action = action
        unheeded: dict[str, Any] = {
            kind: {"__all__": {"example"}} for kind in ("triggers", "pseudo_triggers", "terminators")
        }
        content = lexicon.model_dump(mode="json", exclude={**unheeded, "replace": True, "without": True})
        sections = {kind: frozenset[str](statuses) for kind, statuses in lexicon.sections.items()}
        episodes = frozenset(map(normalize_name, lexicon.episodes))
        return cls(make_version(content), sections, episodes, root.following, lexicon.language)

    def check_example(self, line: LexiconLine, path: Path) -> None:
        """Check that a line's example shows what the line does: the mention in brackets has its status, or has not.

        Args:
            line: a line; one without an example passes.
            path: its file, for messages.

        Raises:
            ConfigInvalid: it does not, or there is not exactly one mention in brackets.
        """
        if not line.example:
            return
        parts = _EXAMPLE.fullmatch(line.example)
        if parts is None:
            raise ConfigInvalid(f"found example {line.example!r}, expected one mention in brackets, in {path}")
        before, mention, after = (split_words(part, self._language) for part in parts.groups())
        place = len(before), len(before) + len(mention)
        given = self.assess([*before, *mention, *after], [place])[0].statuses
        if not line.is_shown_by(given):
            raise ConfigInvalid(f"found {sorted(given)} for {line.example!r}, expected {line.effect}, in {path}")

    def assess(
        self, words: Sequence[str], mentions: Sequence[tuple[int, int]], section: str | None = None
    ) -> list[Assessment]:
        """Return the statuses of each mention; none: the patient has it, now, and nobody doubts it.

        Args:
            words: words of one sentence. Time is linear in their number if mentions do not overlap.
            mentions: words `[start, end)` of each mention, in any order.
            section: kind of the section that the sentence stands in; None if unknown.

        Returns:
            One assessment per mention.

        Raises:
            ValueError: a mention is empty or not within the sentence.

        Source:
            Harkema, Dowling, Thornblade and Chapman 2009, ConText, doi:10.1016/j.jbi.2009.05.002; Chapman, Bridewell,
            Hanbury, Cooper and Buchanan 2001, NegEx, doi:10.1006/jbin.2001.1029.
        """
        if not mentions:
            return []
        if not all(0 <= start < end <= len(words) for start, end in mentions):
            raise ValueError(f"found mentions {list(mentions)}, expected ranges within {len(words)} words")
        of_section = self.sections.get(section, _NONE) if section else _NONE
        lowered = list(map(str.lower, words))
        if self._phrases.keys().isdisjoint(lowered):
            return [_resolve({}, of_section)] * len(mentions)
        found = [self._find_within(lowered, start, end) for start, end in mentions]
        for start, end in mentions:
            lowered[start:end] = [_MENTION] * (end - start)
        matches = list(self._find_phrases(lowered))
        if any(match.action.forward for match in matches):
            _sweep([(match, match.action.forward) for match in matches], mentions, found)
        if any(match.action.backward for match in matches):
            _sweep(*_mirror(matches, mentions, len(words)), found)
        return [_resolve(statuses, of_section) for statuses in found]

    def _find_phrases(self, words: Sequence[str]) -> Iterator[_Match]:
        """Yield the phrases in a sentence from left to right, the longest at each place; they do not overlap."""
        place = 0
        for start, word in enumerate(words):
            if start >= place and word in self._phrases and (match := self._match_at(words, start, len(words))):
                place = match.end
                if not match.action.is_pseudo:
                    yield match

    def _match_at(self, words: Sequence[str], start: int, end: int) -> _Match | None:
        """Return the longest phrase that begins at a word and ends before `end`."""
        found, following = None, self._phrases
        for place in range(start, end):
            node = following.get(words[place])
            if node is None:
                break
            if node.action:
                found = place + 1, node.action
            following = node.following
        if found is None:
            return None
        is_mark = found[0] == start + 1 and not any(map(str.isalnum, words[start]))
        return _Match(start, *found, is_mark)

    def _find_within(self, words: Sequence[str], start: int, end: int) -> _Found:
        """Return the statuses by a phrase that the mention itself begins or ends with, such as `no fever`."""
        reaches: list[Reach] = []
        head = self._match_at(words, start, end)
        if head and head.end < end:
            reaches += head.action.forward.values()
        for place in range(max(start + 1, end - MAX_PHRASE_WORDS), end):
            tail = self._match_at(words, place, end) if words[place] in self._phrases else None
            if tail and tail.end == end:
                reaches += tail.action.backward.values()
                break
        return {reach.status: reach.yields for reach in reaches}


def _mirror(
    matches: Sequence[_Match], mentions: Sequence[tuple[int, int]], n_words: int
) -> tuple[list[_Directed], list[tuple[int, int]]]:
    """Return phrases and mentions of the sentence read from its end."""
    backward: list[_Directed] = [
        (_Match(n_words - end, n_words - start, action, is_mark), action.backward)
        for start, end, action, is_mark in reversed(matches)
    ]
    return backward, [(n_words - end, n_words - start) for start, end in mentions]


def _sweep(matches: Sequence[_Directed], mentions: Sequence[tuple[int, int]], found: Sequence[_Found]) -> None:
    """Add to each mention the statuses whose scopes it begins in, in one pass over the sentence.

    Args:
        matches: phrases in the order of the words, each with what it reaches in this direction.
        mentions: words `[start, end)` of each mention.
        found: statuses of each mention, changed in place.
    """
    scopes: dict[Status, _Open] = {}
    place = 0
    for index in sorted(range(len(mentions)), key=mentions.__getitem__):
        start = mentions[index][0]
        while place < len(matches) and matches[place][0].end <= start:
            if scopes or matches[place][1]:
                _apply(*matches[place], scopes)
            place += 1
        statuses = found[index]
        for status, scope in scopes.items():
            if start < scope.end:
                statuses[status] = scope.reach.yields and statuses.get(status, True)


def _apply(match: _Match, reaches: Mapping[Status, Reach], scopes: dict[Status, _Open]) -> None:
    """End, extend and open scopes at a phrase."""
    for status, scope in list(scopes.items()):
        # `Denies: fever`, `Murmurs: none`: a mark right behind the trigger is part of it.
        if match.action.ends and status in match.action.ends and not (match.is_mark and scope.start == match.start):
            del scopes[status]
        elif match.action.separator and match.start <= scope.end:
            if scope.reach.lists:
                scopes[status] = scope._replace(end=max(scope.end, match.end + scope.reach.scope))
            elif match.action.separator == "conjunctive":
                del scopes[status]
    for status, reach in reaches.items():
        end = match.end + reach.scope
        if status not in scopes or scopes[status].end <= end:
            scopes[status] = _Open(match.end, end, reach)
        if other := _OTHER_OF.get(status):
            scopes.pop(other, None)


def _resolve(by_phrases: Mapping[Status, bool], of_section: frozenset[str]) -> Assessment:
    """Return the statuses of a mention by phrases and section, without those that others overrule."""
    both = of_section.union(by_phrases)
    statuses = both - {overruled for status, overruled in OVERRULED if status in both}
    # a section says no more about today than `history of`
    return Assessment(statuses, YIELDING in statuses and by_phrases.get(YIELDING, True))
