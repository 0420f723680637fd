"""Words of a text and the phrases before a value, which say what the value is."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_TOKEN = re.compile(r"[^\W_]+(?:['’./&][^\W_]+)*")
# Between two words of a phrase, or between it and its value. A line may end there; only after a colon or a bar of a table is
# there an empty line, or an item of a list behind it.
_GAP = re.compile(
    r"[^\w\n;!]{0,16}(?:(?<=[:|#=])[^\w\n;!]{0,8}\n{1,2}[^\w\n;!]{0,16}|\n[ \t\u00a0>|]{0,16}[(\"'“‘#]?)?"
)
_LINE_START = re.compile(r"(?:^|[\n|;\t])[ \t>*-]{0,20}$")
_REACH = 72  # characters before a value in which its phrase lies
_LONGEST_ABBREVIATION = 4
_MOST_CONNECTORS = 4
_LONGEST_PHRASE = 10  # words, with the connectors behind it


class TextMark(NamedTuple):
    """A word, in lower case."""

    start: int
    end: int
    text: str


class Found(NamedTuple):
    """A phrase before a value: its first character and what it stands for."""

    start: int
    meaning: str


def normalize(word: str) -> str:
    """Return a word in lower case, with the apostrophe of keyboards."""
    return word.lower().replace("’", "'")


def words_before(text: str, end: int, most: int = _LONGEST_PHRASE) -> list[TextMark]:
    """Return the words that end within 72 characters before `end`, the nearest first.

    A word that begins earlier is cut; one of that length is in no phrase.

    Args:
        text: any text.
        end: character after the last that is looked at.
        most: how many words are wanted.
    """
    backwards = text[max(0, end - _REACH) : end][::-1]  # the form of a word is the same from both sides
    return [
        TextMark(end - match.end(), end - match.start(), normalize(match.group()[::-1]))
        for match in islice(_TOKEN.finditer(backwards), most)
    ]


def starts_line(text: str, start: int) -> bool:
    """Whether only spaces and marks of lists or quotations stand before, in the line or in the cell of a table."""
    return _LINE_START.search(text[max(0, start - 24) : start]) is not None


class Phrases:
    """Phrases of one or more words, each with what it stands for."""

    def __init__(self, meanings: Mapping[str, Iterable[str]]) -> None:
        """Index the phrases by their last word, the longest first.

        Args:
            meanings: phrases by what they stand for.
        """
        self._by_last: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for meaning, phrases in meanings.items():
            for phrase in phrases:
                words = tuple(_TOKEN.findall(normalize(phrase)))[::-1]
                if words:
                    self._by_last.setdefault(words[0], []).append((words, meaning))
        for candidates in self._by_last.values():
            candidates.sort(key=lambda each: -len(each[0]))

    def match(self, text: str, words: Sequence[TextMark]) -> Found | None:
        """Return the longest phrase that ends with the first of `words`.

        Args:
            text: text of the words.
            words: from right to left, as `words_before` returns them.
        """
        for phrase, meaning in self._by_last.get(words[0].text, ()) if words else ():
            if len(phrase) <= len(words) and all(
                word == words[index].text and (index == 0 or _joins(text, words[index], words[index - 1].start))
                for index, word in enumerate(phrase)
            ):
                return Found(words[len(phrase) - 1].start, meaning)
        return None

    def before(self, text: str, start: int, connectors: frozenset[str] = frozenset()) -> Found | None:
        """Return the phrase before a value, with nothing but connectors between them.

        Args:
            text: any text.
            start: first character of the value.
            connectors: words that may stand between, such as "number" and "is"; at most four do.
        """
        nearest = words_before(text, start, 1)
        if not nearest or (nearest[0].text not in self._by_last and nearest[0].text not in connectors):
            return None  # most numbers
        words = words_before(text, start)
        right = start
        for index, word in enumerate(words[: _MOST_CONNECTORS + 1]):
            if not _joins(text, word, right):
                return None
            if found := self.match(text, words[index:]):
                return found
            if word.text not in connectors:
                return None
            right = word.start
        return None


def _joins(text: str, word: TextMark, right: int) -> bool:
    """Whether a word and what begins at `right` belong together; a full stop may end short words only."""
    gap = text[word.end : right]
    return _GAP.fullmatch(gap) is not None and ("." not in gap or len(word.text) <= _LONGEST_ABBREVIATION)


class Marks:
    """Places of the words and phrases of some sets in a text."""

    def __init__(self, sets: Mapping[str, Iterable[str]], touching: str = "") -> None:
        """Remember which sets each word or phrase is in.

        Args:
            sets: words, and phrases with one space between two words, by the name of their set.
            touching: set whose words may touch digits, as months do in 12MAR2026.
        """
        self._touching = touching
        self._sets_of: dict[str, list[str]] = {}
        for name, phrases in sets.items():
            for phrase in sorted({normalize(phrase) for phrase in phrases}):
                self._sets_of.setdefault(phrase, []).append(name)
        self._names = tuple(sets)
        self._phrases_with: dict[str, list[str]] = {}
        for phrase in self._sets_of:
            self._phrases_with.setdefault(max(_WORD.findall(phrase), key=len, default=""), []).append(phrase)

    def find(self, text: str) -> dict[str, list[TextMark]]:
        """Return the words and phrases of each set in the order of the text; a line may end within a phrase."""
        lower = _lower(text).replace("\n", " ")
        found: dict[str, list[TextMark]] = {name: [] for name in self._names}
        # Few of our words are in a text: looking for these costs less than a look at every word.
        for word in self._phrases_with.keys() & set(_WORD.findall(lower)):
            for phrase in self._phrases_with[word]:
                places = [TextMark(start, start + len(phrase), phrase) for start in _places_of(lower, phrase)]
                for name in self._sets_of[phrase] if places else ():
                    found[name].extend(each for each in places if name == self._touching or not _touches(lower, each))
        return {name: sorted(places) for name, places in found.items()}


def _lower(text: str) -> str:
    """Return a text in lower case, with the same offsets."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(low if len(low := character.lower()) == 1 else character for character in text)
    return lower.replace("’", "'")


def _places_of(lower: str, word: str) -> Iterator[int]:
    """Places at which a word stands by itself, as `_WORD` separates words."""
    start = lower.find(word)
    while start >= 0:
        end = start + len(word)
        before, after = lower[max(0, start - 2) : start], lower[end : end + 2]
        if not (_is_letter(before[-1:]) or (before[-1:] == "'" and _is_letter(before[:-1]))) and not (
            _is_letter(after[:1]) or (after[:1] == "'" and _is_letter(after[1:]))
        ):
            yield start
        start = lower.find(word, end)


def _touches(lower: str, word: TextMark) -> bool:
    """Whether a digit or an underscore stands beside a word, which is then a part of a code."""
    beside = lower[word.start - 1 : word.start] + lower[word.end : word.end + 1]
    return any(character.isdecimal() or character == "_" for character in beside)


def _is_letter(character: str) -> bool:
    return character.isalnum() and not character.isdecimal()
