"""Split a sentence into words.

English words are tokenized as in the labelled data (Penn Treebank style, as in the Groningen Meaning Bank): punctuation,
currency signs, `'s` and `n't` are separate; `U.S.`, `Mr.`, hyphenated words, numbers, dates, mail addresses and URLs are
single words. In other languages, abbreviations, elisions (`l'|hôpital`) and ordinals (`3. März`) follow the language's
table.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from ner_tasks.segmentation.languages import find_rules

_MAX_JOINTS = 500  # parts of a word, such as those of a-b-c or a.b.c
# Characters within a word: letters and digits with combining marks, joiners, soft hyphens.
_W = r"[\w\u0300-\u036f\u1ab0-\u1aff\u200c\u200d\u20d0-\u20ff\ufe00-\ufe0f\u00ad]"
_LETTER = r"[^\W\d_]"
_JOINT = "|".join(
    (
        r"(?<=\d)[.,:/](?=\d)",  # 6.5  1,200  10:30  03/12/2026
        rf"['’](?={_LETTER})",  # O'Connor; clitics are cut off afterwards
        r"\.(?=[a-z0-9])",  # example.com
        r"(?<=[A-Z])&(?=[A-Z])",  # AT&T
    )
)
_TAIL_LENGTH = 3


class Word(NamedTuple):
    """The characters `[start, end)` of one word."""

    start: int
    end: int


class WordSplitter:
    """Splits the text of one language into words.

    Args:
        language: code of the language.
    """

    def __init__(self, language: str):
        rules = find_rules(language)
        self._word = _word_pattern(language)
        self._tail = re.compile(f"(?:{rules.clitics})$", re.IGNORECASE) if rules.clitics else None
        self._head = re.compile(rules.elisions, re.IGNORECASE) if rules.elisions else None
        self._unsplit = rules.unsplit

    def iter_words(self, text: str, start: int, end: int) -> Iterator[Word]:
        """Yield the words of `text[start:end]`."""
        for match in self._word.finditer(text, start, end):
            first, last = match.span()
            if self._head and (cut := self._cut_elision(text, first, last)):
                yield Word(first, cut)
                first = cut
            # A clitic is a separate word: do|n't, Mary|'s, can|not.
            is_long = last - first > _TAIL_LENGTH - 1
            tail = self._tail.search(text[max(first, last - 16) : last]) if self._tail and is_long else None
            cut = last - len(tail.group()) if tail else first
            if first < cut:
                yield Word(first, cut)
            yield Word(cut, last)

    def _cut_elision(self, text: str, first: int, last: int) -> int:
        """Return where `l'hôpital` is cut, or 0."""
        head = self._head.match(text, first, last) if self._head else None
        if head is None or head.end() == last:
            return 0
        return 0 if text[first:last].lower().replace("’", "'") in self._unsplit else head.end()


@cache
def word_splitter(language: str) -> WordSplitter:
    """Return the splitter of a language."""
    return WordSplitter(language)


def _word_pattern(language: str) -> re.Pattern[str]:
    abbreviation = "|".join(_abbreviations(language))
    part = rf"(?:{abbreviation}|{_W}+(?:(?:{_JOINT}){_W}+){{0,{_MAX_JOINTS}}})"
    leading = find_rules(language).leading
    return re.compile(
        "|".join(
            (
                r"(?:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]}'’]",
                r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,126}\.[^\W\d_]{2,}",
                "|".join(rf"{re.escape(sign)}{{2,}}" for sign in "-=_*~#.·•"),  # -- ... ====
                *((r"['’]\d0s\b", rf"['’](?:{leading})\b") if leading else ()),
                r"°[CFK]\b",
                rf"{part}(?:[-\u2010\u2011]{part}){{0,{_MAX_JOINTS}}}",
                r"\S",
            )
        )
    )


def _abbreviations(language: str) -> Iterator[str]:
    rules = find_rules(language)
    if rules.after_ordinal:
        yield rf"\d{{1,2}}\.(?=\s+(?:{rules.after_ordinal.replace(' ', '|')})\b)"  # 3. März
    yield rf"(?:{_LETTER}\.){{2,{_MAX_JOINTS}}}(?:{_LETTER}(?!{_W}))?"  # U.S., p.m., U.S
    yield rf"{_LETTER}\.{_LETTER}(?!{_W})"
    if rules.titles:
        titles = "|".join(re.escape(title) for title in rules.titles.split())
        yield rf"(?:{titles})\.(?!{_W})"
    if rules.numbered:
        yield rf"(?:{rules.numbered})\.(?=\s*[\d:#])"  # without a number it is a word
    # at a sentence's end the period is its own
    yield rf"(?:{'|'.join(filter(None, (_LETTER, rules.months)))})\.(?=\s+\S)"
    if rules.further:
        yield rules.further
