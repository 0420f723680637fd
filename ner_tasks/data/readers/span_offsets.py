"""What the offsets of a file of spans count, told by the spans themselves.

Python counts code points. JavaScript, and so a labelling tool in a browser, counts UTF-16 code units: two for each
character beyond U+FFFF, such as an emoji. Others count UTF-8 bytes, or take CRLF for one character, or LF for two.
Where these differ for a text, it speaks for those under which all of its spans hold: a span holds if its mention
stands there, or, where the tool gives none, if it begins and ends with a word. What nearly all of these texts agree
on counts for the whole file. A span that may still lie in two places is named as doubtful and never guessed at.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.span_tasks import Span, Task

CODE_POINTS, UTF16, UTF8 = "code points", "UTF-16 code units", "UTF-8 bytes"
_CRLF_AS_1, _LF_AS_2 = ", CRLF as 1", ", LF as 2"
# A counting without mentions to prove it, of those that are not expected, needs so many texts that speak for it alone.
_MIN_PROOFS = 3
# The counting of a file may have one text against it for so many that speak for it.
_MIN_FOR_ONE_AGAINST = 50
_WIDE = {UTF16: re.compile("[\U00010000-\U0010ffff]"), UTF8: re.compile(r"[^\x00-\x7f]")}
_CRLF, _LF = re.compile("\r\n"), re.compile("(?<!\r)\n")
_SPACE = re.compile(r"\s+|\\[nrt]")

Places = tuple[tuple[int, int] | None, ...]


class Counting(NamedTuple):
    """What an offset counts, and how line ends count."""

    unit: str
    line_ends: str = ""

    def __str__(self) -> str:
        return self.unit + self.line_ends


PLAIN = Counting(CODE_POINTS)
_COUNTINGS = [Counting(unit, ends) for ends in ("", _CRLF_AS_1, _LF_AS_2) for unit in (CODE_POINTS, UTF16, UTF8)]
# Tools that count in one of these are about; the others are believed only when the file proves them.
_EXPECTED = [one for one in _COUNTINGS if one.unit != UTF8 and one.line_ends != _LF_AS_2]


class Doubt(NamedTuple):
    """Characters `[start, end)` in which a span may lie, and what is doubtful about it."""

    start: int
    end: int
    problem: str


class Placed(NamedTuple):
    """Spans of a task in code points; those that are doubtful are left out of them.

    Attributes:
        doubts: where the others may lie, in order and apart.
        problem: why none of the offsets is to be believed; empty if nothing speaks against them.
    """

    spans: list[Span]
    doubts: list[Doubt]
    problem: str = ""


class _Question(NamedTuple):
    """A text in which countings differ: where each of them places its spans, and those under which all spans hold."""

    places: dict[Counting, Places]
    holding: frozenset[Counting]
    is_proven: bool


def place_spans(tasks: Sequence[Task], conversions: Conversions) -> list[Placed]:
    """Spans of all tasks in code points, by the counting that the file as a whole has.

    Args:
        tasks: of one file, offsets as the tool wrote them.
        conversions: gets the counting, how many texts were converted, and how many have doubtful spans.
    """
    questions = [_question(task) for task in tasks]
    asked = [one for one in questions if one]
    candidates = _candidates(asked)
    placed = []
    for task, question in zip(tasks, questions, strict=True):
        if question is None:
            placed.append(_at(task, _places(task, _identity(task.text)), PLAIN))
            continue
        chosen = _chosen(question, candidates)
        if chosen is None:
            made = _doubtful(task, question, candidates)
            conversions.add("offsets that can be counted in two ways, set aside", "texts", bool(made.doubts))
        else:
            made = _at(task, question.places[chosen], chosen)
            if question.places[chosen] != question.places[PLAIN]:
                conversions.add(f"offsets in {chosen}, converted to characters", "texts")
        placed.append(made)
    decided = [one for one in candidates if any(one in question.holding for question in asked)]
    if asked and len({one.unit for one in decided}) == 1:
        conversions.offsets = str(decided[0])
    return placed


def may_be_mention(text: str, start: int, end: int, mention: str | None) -> bool:
    """Whether a span may be meant as `[start, end)`: its mention stands there, or it begins and ends with a word."""
    found = text[start:end]
    if not found.strip():
        return False
    if mention is not None:
        return is_mention(found, mention)
    start += len(found) - len(found.lstrip())
    end -= len(found) - len(found.rstrip())
    return not (_goes_on(text, start) or _goes_on(text, end))


def is_mention(found: str, mention: str) -> bool:
    """Whether two strings are the same but for their spaces, which tools trim, collapse, or write as a backslash and n."""
    return found == mention or _collapsed(found) == _collapsed(mention)


def _collapsed(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _goes_on(text: str, at: int) -> bool:
    """Whether a word goes on over a place."""
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


def _question(task: Task) -> _Question | None:
    """Where the countings place the spans of a task, None if they all say the same."""
    if not task.spans or (task.text.isascii() and "\n" not in task.text):
        return None
    places = {PLAIN: _places(task, _identity(task.text))}
    for one in _COUNTINGS[1:]:
        places[one] = _places(task, _converter(task.text, one))
    if len({places[one] for one in places}) == 1:
        return None
    holding = frozenset(
        one
        for one in _COUNTINGS
        if all(
            at and may_be_mention(task.text, *at, span.mention)
            for at, span in zip(places[one], task.spans, strict=True)
        )
    )
    return _Question(places, holding, all(span.mention is not None for span in task.spans))


def _places(task: Task, convert: Callable[[int], int | None]) -> Places:
    found: list[tuple[int, int] | None] = []
    for span in task.spans:
        start, end = convert(span.start), convert(span.end)
        found.append((start, end) if start is not None and end is not None and start < end else None)
    return tuple(found)


def _identity(text: str) -> Callable[[int], int | None]:
    return lambda offset: offset if 0 <= offset <= len(text) else None


def _converter(text: str, counting: Counting) -> Callable[[int], int | None]:
    """A function from an offset to the code point there, None if it lies outside of the text or within a character."""
    widths: dict[int, int] = {}
    if counting.unit == UTF16:
        widths |= dict.fromkeys((match.start() for match in _WIDE[UTF16].finditer(text)), 2)
    elif counting.unit == UTF8:
        wide = _WIDE[UTF8].finditer(text)
        widths |= {match.start(): len(match[0].encode("utf-8", errors="surrogatepass")) for match in wide}
    if counting.line_ends == _CRLF_AS_1:
        widths |= dict.fromkeys((match.start() for match in _CRLF.finditer(text)), 0)
    elif counting.line_ends == _LF_AS_2:
        widths |= dict.fromkeys((match.start() for match in _LF.finditer(text)), 2)
    if not widths:
        return _identity(text)
    special = sorted(widths)
    ahead = 0  # how far offsets are ahead of code points
    offsets, aheads = [], [0]
    for at in special:
        offsets.append(at + ahead)
        ahead += widths[at] - 1
        aheads.append(ahead)

    def convert(offset: int) -> int | None:
        before = bisect_left(offsets, offset)  # special characters that begin before the offset
        if before and offset < offsets[before - 1] + widths[special[before - 1]]:
            return None
        place = offset - aheads[before]
        return place if 0 <= place <= len(text) else None

    return convert


def _candidates(questions: Sequence[_Question]) -> list[Counting]:
    """Countings that the file may have: expected or proven, and beaten by no other.

    One counting beats another by the texts for which they differ, and under which it holds and the other does not.
    """
    wins, proofs = Counter[tuple[Counting, Counting]](), Counter[Counting]()
    for question in questions:
        places, holding = question.places, question.holding
        if len(holding) < len(_COUNTINGS):
            wins.update((a, b) for a in holding for b in places if b not in holding and places[a] != places[b])
        if holding and not holding & set(_EXPECTED):
            proofs.update(dict.fromkeys(holding, _MIN_PROOFS if question.is_proven else 1))
    allowed = [one for one in _COUNTINGS if one in _EXPECTED or proofs[one] >= _MIN_PROOFS]
    return [one for one in allowed if not any(_beats(other, one, wins) for other in allowed)]


def _beats(one: Counting, other: Counting, wins: Counter[tuple[Counting, Counting]]) -> bool:
    return wins[one, other] > 0 and wins[other, one] * _MIN_FOR_ONE_AGAINST <= wins[one, other]


def _chosen(question: _Question, candidates: Sequence[Counting]) -> Counting | None:
    """The counting of a text: that of the file, if the text does not speak for another; None in doubt."""
    held = _different(question, question.holding)
    if question.is_proven and len(held) == 1:
        return held[0]
    found = _different(question, candidates)
    if len(found) == 1:
        places = {question.places[one] for one in held}
        return found[0] if not places or question.places[found[0]] in places else None
    holding = [one for one in found if one in question.holding]
    return holding[0] if len(holding) == 1 else None


def _different(question: _Question, countings: Iterable[Counting]) -> list[Counting]:
    """Those of the countings that place the spans differently, each the first in the usual order."""
    first: dict[Places, Counting] = {}
    for one in sorted(countings, key=_COUNTINGS.index):
        first.setdefault(question.places[one], one)
    return list(first.values())


def _at(task: Task, places: Places, counting: Counting) -> Placed:
    """Spans at their places; one that has none speaks against all offsets of its text."""
    spans = [span._replace(start=at[0], end=at[1]) for span, at in zip(task.spans, places, strict=True) if at]
    wrong = next((span for span, at in zip(task.spans, places, strict=True) if not at), None)
    return Placed(spans, [], _misplaced(wrong, task.text, counting) if wrong else "")


def _misplaced(span: Span, text: str, counting: Counting) -> str:
    where = f"{len(text)} characters" + ("" if counting == PLAIN else f" (offsets in {counting})")
    return f"found span [{span.start}, {span.end}) {span.label}, expected it within {where}"


def _doubtful(task: Task, question: _Question, candidates: Sequence[Counting]) -> Placed:
    """Spans that lie in one place under all countings, and the doubtful others."""
    countings = list(candidates) or list(_EXPECTED)
    countings = _different(question, [*countings, *question.holding])
    spans, doubts, wrong = [], [], ""
    for index, span in enumerate(task.spans):
        every = [question.places[one][index] for one in countings]
        places = list(dict.fromkeys(at for at in every if at))
        if len(places) == 1 and None not in every:
            spans.append(span._replace(start=places[0][0], end=places[0][1]))
        elif not places:
            wrong = wrong or _misplaced(span, task.text, countings[0])
        else:
            said = " or ".join(repr(task.text[start:end][:40]) for start, end in places)
            counted = " or ".join(map(str, countings))
            problem = f"found span [{span.start}, {span.end}) {span.label} that may be {said}, expected offsets that "
            problem += f"show whether they count {counted}"
            doubts.append(Doubt(min(at[0] for at in places), max(at[1] for at in places), problem))
    return Placed(spans, _apart(doubts), wrong)


def _apart(doubts: Iterable[Doubt]) -> list[Doubt]:
    """Doubts in the order of their places, those that overlap as one."""
    apart: list[Doubt] = []
    for doubt in sorted(doubts):
        if apart and doubt.start < apart[-1].end:
            apart[-1] = apart[-1]._replace(end=max(apart[-1].end, doubt.end))
        else:
            apart.append(doubt)
    return apart
