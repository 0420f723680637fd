"""Detection of the unit of span offsets: code points, UTF-16 code units or UTF-8 bytes.

Python counts code points. JavaScript, and so any labelling tool in a browser, counts UTF-16 code units: two for each
character beyond U+FFFF, such as an emoji. Others count UTF-8 bytes, CRLF as one character, or LF as two. A text in which
these countings differ supports those under which all of its spans are valid: the text at the span equals its mention,
or, without mentions, the span starts and ends at word boundaries. The counting that nearly all such texts support is
used for the whole file. A span that remains ambiguous is reported as doubtful, never guessed.
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
# An unusual counting without mentions as proof needs this many texts that support it alone.
_MIN_PROOFS = 3
# A counting may have one contradicting text for this many supporting ones.
_MIN_FOR_ONE_AGAINST = 50
_WIDE = {UTF16: re.compile("[\U00010000-\U0010ffff]"), UTF8: re.compile(r"[^\x00-\x7f]")}
_CRLF, _LF = re.compile("\r\n"), re.compile("(?<!\r)\n")
_SPACE = re.compile(r"\s+|\\[nrt]")

Places = tuple[tuple[int, int] | None, ...]


class Counting(NamedTuple):
    """Unit of an offset, and how line ends are counted."""

    unit: str
    line_ends: str = ""

    def __str__(self) -> str:
        return self.unit + self.line_ends


PLAIN = Counting(CODE_POINTS)
_COUNTINGS = [Counting(unit, ends) for ends in ("", _CRLF_AS_1, _LF_AS_2) for unit in (CODE_POINTS, UTF16, UTF8)]
# Countings that known tools use; the others need proof from the file.
_EXPECTED = [one for one in _COUNTINGS if one.unit != UTF8 and one.line_ends != _LF_AS_2]


class Doubt(NamedTuple):
    """Characters `[start, end)` that an ambiguous span may cover, and a description of the problem."""

    start: int
    end: int
    problem: str


class Placed(NamedTuple):
    """Spans of a task in code points.

    Attributes:
        spans: the unambiguous spans.
        doubts: ranges of the ambiguous spans, in order, without overlaps.
        problem: why the offsets of the whole task are unusable; empty if they are usable.
    """

    spans: list[Span]
    doubts: list[Doubt]
    problem: str = ""


class _Question(NamedTuple):
    """A text in which the countings differ.

    Attributes:
        places: ranges of the spans under each counting.
        holding: countings under which all spans are valid.
        is_proven: whether all spans have mentions.
    """

    places: dict[Counting, Places]
    holding: frozenset[Counting]
    is_proven: bool


def place_spans(tasks: Sequence[Task], conversions: Conversions) -> list[Placed]:
    """Convert the spans of all tasks to code points, with the counting of the whole file.

    Args:
        tasks: tasks of one file, with offsets as in the file.
        conversions: filled with the counting and the numbers of converted and doubtful texts.
    """
    questions = [_make_question(task) for task in tasks]
    open_questions = [one for one in questions if one]
    candidates = _find_candidates(open_questions)
    placed = []
    for task, question in zip(tasks, questions, strict=True):
        if question is None:
            placed.append(_place_at(task, _convert_spans(task, _identity(task.text)), PLAIN))
            continue
        counting = _choose_counting(question, candidates)
        if counting is None:
            spans = _place_doubtful(task, question, candidates)
            conversions.add("offsets that can be counted in two ways, set aside", "texts", bool(spans.doubts))
        else:
            spans = _place_at(task, question.places[counting], counting)
            if question.places[counting] != question.places[PLAIN]:
                conversions.add(f"offsets in {counting}, converted to characters", "texts")
        placed.append(spans)
    decided = [one for one in candidates if any(one in question.holding for question in open_questions)]
    if open_questions and len({one.unit for one in decided}) == 1:
        conversions.offsets = str(decided[0])
    return placed


def may_be_mention(text: str, start: int, end: int, mention: str | None) -> bool:
    """Return whether `[start, end)` is plausible for a span: it equals the mention, or starts and ends at word boundaries.

    Args:
        text: text of the task.
        start: start of the span.
        end: end of the span.
        mention: text of the span in the file; None if the tool does not export it.
    """
    covered = text[start:end]
    if not covered.strip():
        return False
    if mention is not None:
        return is_mention(covered, mention)
    start += len(covered) - len(covered.lstrip())
    end -= len(covered) - len(covered.rstrip())
    return not (_is_inside_word(text, start) or _is_inside_word(text, end))


def is_mention(covered: str, mention: str) -> bool:
    r"""Return whether two strings are equal except for white space, which tools trim, collapse or write as `\n`."""
    return covered == mention or _collapse_spaces(covered) == _collapse_spaces(mention)


def _collapse_spaces(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _is_inside_word(text: str, at: int) -> bool:
    """Return whether the position is inside a word."""
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


def _make_question(task: Task) -> _Question | None:
    """Convert the spans of a task with each counting; None if all agree."""
    if not task.spans or (task.text.isascii() and "\n" not in task.text):
        return None
    places = {PLAIN: _convert_spans(task, _identity(task.text))}
    for one in _COUNTINGS[1:]:
        places[one] = _convert_spans(task, _make_converter(task.text, one))
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


def _convert_spans(task: Task, convert: Callable[[int], int | None]) -> Places:
    places: list[tuple[int, int] | None] = []
    for span in task.spans:
        start, end = convert(span.start), convert(span.end)
        places.append((start, end) if start is not None and end is not None and start < end else None)
    return tuple(places)


def _identity(text: str) -> Callable[[int], int | None]:
    return lambda offset: offset if 0 <= offset <= len(text) else None


def _make_converter(text: str, counting: Counting) -> Callable[[int], int | None]:
    """Return a function from an offset to a code point; None if it is outside of the text or inside a character."""
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
        before = bisect_left(offsets, offset)  # number of special characters that start before the offset
        if before and offset < offsets[before - 1] + widths[special[before - 1]]:
            return None
        place = offset - aheads[before]
        return place if 0 <= place <= len(text) else None

    return convert


def _find_candidates(questions: Sequence[_Question]) -> list[Counting]:
    """Return the possible countings of a file: usual or proven, and not beaten by another.

    A counting beats another if it is valid in the texts where they differ and the other is not.
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


def _choose_counting(question: _Question, candidates: Sequence[Counting]) -> Counting | None:
    """Choose the counting of a text: that of the file unless the text supports another; None if ambiguous."""
    valid = _drop_equivalent(question, question.holding)
    if question.is_proven and len(valid) == 1:
        return valid[0]
    distinct = _drop_equivalent(question, candidates)
    if len(distinct) == 1:
        places = {question.places[one] for one in valid}
        return distinct[0] if not places or question.places[distinct[0]] in places else None
    holding = [one for one in distinct if one in question.holding]
    return holding[0] if len(holding) == 1 else None


def _drop_equivalent(question: _Question, countings: Iterable[Counting]) -> list[Counting]:
    """Return one counting, the first in the usual order, for each distinct conversion of the spans."""
    first: dict[Places, Counting] = {}
    for one in sorted(countings, key=_COUNTINGS.index):
        first.setdefault(question.places[one], one)
    return list(first.values())


def _place_at(task: Task, places: Places, counting: Counting) -> Placed:
    """Set the converted ranges of the spans; one invalid span makes all offsets of the text unusable."""
    spans = [span._replace(start=at[0], end=at[1]) for span, at in zip(task.spans, places, strict=True) if at]
    wrong = next((span for span, at in zip(task.spans, places, strict=True) if not at), None)
    return Placed(spans, [], _describe_misplaced(wrong, task.text, counting) if wrong else "")


def _describe_misplaced(span: Span, text: str, counting: Counting) -> str:
    where = f"{len(text)} characters" + ("" if counting == PLAIN else f" (offsets in {counting})")
    return f"found span [{span.start}, {span.end}) {span.label}, expected it within {where}"


def _place_doubtful(task: Task, question: _Question, candidates: Sequence[Counting]) -> Placed:
    """Separate spans with the same range under all countings from ambiguous ones."""
    countings = list(candidates) or list(_EXPECTED)
    countings = _drop_equivalent(question, [*countings, *question.holding])
    spans, doubts, wrong = [], [], ""
    for index, span in enumerate(task.spans):
        every = [question.places[one][index] for one in countings]
        places = list(dict.fromkeys(at for at in every if at))
        if len(places) == 1 and None not in every:
            spans.append(span._replace(start=places[0][0], end=places[0][1]))
        elif not places:
            wrong = wrong or _describe_misplaced(span, task.text, countings[0])
        else:
            texts = " or ".join(repr(task.text[start:end][:40]) for start, end in places)
            units = " or ".join(map(str, countings))
            problem = f"found span [{span.start}, {span.end}) {span.label} that may be {texts}, expected offsets that "
            problem += f"show whether they count {units}"
            doubts.append(Doubt(min(at[0] for at in places), max(at[1] for at in places), problem))
    return Placed(spans, _merge_overlapping(doubts), wrong)


def _merge_overlapping(doubts: Iterable[Doubt]) -> list[Doubt]:
    """Sort the doubts and merge those that overlap."""
    merged: list[Doubt] = []
    for doubt in sorted(doubts):
        if merged and doubt.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, doubt.end))
        else:
            merged.append(doubt)
    return merged
