"""Labelled spans, as Label Studio, doccano and others export them, become rows of words.

Words and sentences are cut as the nightly run cuts them, so that what is learnt is what will be tagged. A span is
either exactly some of these words or it is wrong: the sentences that it touches are set aside with the reason. Only
spaces at its ends are cut off, where the mentions or the other spans of the file show that its offsets are right.
What offsets count is told by the whole file, see `offsets`. Nothing else is shifted into place.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from sys import intern

from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.rows import BAD_SPAN, BROKEN_ROW, LabelledRow
from ner_tasks.data.readers.span_offsets import Placed, is_mention, may_be_mention, place_spans
from ner_tasks.data.readers.span_tasks import Span, Task, read_tasks
from ner_tasks.labels import OUTSIDE
from ner_tasks.segmentation import Word, iter_sentences

SPAN_SUFFIXES = (".jsonl", ".json")
# Where the tool gives no mentions, spaces are cut off spans only if the file has so many spans, and so large a share
# of them begins and ends with a word once they are cut off: offsets that are one off do not.
_MIN_SPANS, _MIN_SHARE = 10, 0.9


def span_rows(text: str, name: str, conversions: Conversions) -> Iterator[LabelledRow]:
    """Rows of all annotated tasks.

    Args:
        text: a JSON list of tasks, or a task on each line.
        name: of the file, for messages.
        conversions: gets what the offsets count, and what was left out and converted.

    Raises:
        DataRejected: a list that is not JSON.
    """
    tasks = read_tasks(text, name, conversions)
    placed = place_spans(tasks, conversions)
    may_trim = _ends_are_right(tasks, placed)
    sentence = 0
    for task, one in zip(tasks, placed, strict=True):
        if task.problem:
            yield LabelledRow(task.line, sentence, task.text, "", "", task.problem, BROKEN_ROW)
            sentence += 1
            continue
        problem = one.problem or next((said for span in one.spans if (said := _outside(span, task.text))), "")
        spans = _tidy(task.text, one.spans, conversions, may_trim=may_trim)
        for rows in _sentences(task, one._replace(spans=spans, problem=problem)):
            yield from (row._replace(sentence=sentence) for row in rows)
            sentence += 1


def _ends_are_right(tasks: Sequence[Task], placed: Sequence[Placed]) -> bool:
    """Whether spans without a mention begin and end with words, but for spaces, nearly everywhere in the file."""
    n = n_right = 0
    for task, one in zip(tasks, placed, strict=True):
        for span in one.spans:
            if span.mention is None:
                n += 1
                n_right += may_be_mention(task.text, span.start, span.end, None)
    return n >= _MIN_SPANS and n_right >= _MIN_SHARE * n


def _tidy(text: str, spans: Sequence[Span], conversions: Conversions, *, may_trim: bool) -> list[Span]:
    """Spans without spaces at their ends, each once, in the order of their places."""
    tidy = []
    for span in spans:
        found = text[span.start : span.end]
        trimmed = found.strip()
        if span.mention is not None and span.mention not in (found, trimmed) and is_mention(found, span.mention):
            conversions.add("mentions that differ from the text in their spaces only, taken as equal", "spans")
        if trimmed and trimmed != found and (may_trim or span.mention is not None):
            conversions.add("spaces at the ends of spans, cut off", "spans")
            start = span.start + len(found) - len(found.lstrip())
            tidy.append(span._replace(start=start, end=start + len(trimmed)))
        else:
            tidy.append(span)
    unique = {(span.start, span.end, span.label): span for span in tidy}
    conversions.add("spans given twice, taken once", "spans", len(tidy) - len(unique))
    return [unique[key] for key in sorted(unique)]


def _sentences(task: Task, placed: Placed) -> Iterator[list[LabelledRow]]:
    """Rows of each sentence; their number in the file is for the caller to set."""
    text, spans = task.text, placed.spans
    overlapping = {span for pair in pairwise(spans) if pair[1].start < pair[0].end for span in pair}
    doubt_ends = [one.end for one in placed.doubts]
    at = 0
    for words in iter_sentences(text):
        start, end = words[0].start, words[-1].end
        while at < len(spans) and spans[at].end <= start:
            at += 1
        here = []
        for span in spans[at:]:
            if span.start >= end:
                break
            here.append(span)
        tags, problem = _tags(text, words, here, overlapping)
        near = bisect_right(doubt_ends, start)
        doubt = placed.doubts[near] if near < len(doubt_ends) and placed.doubts[near].start < end else None
        if problem := placed.problem or (doubt.problem if doubt else problem):
            yield [LabelledRow(task.line, 0, text[start:end], "", "", problem, BAD_SPAN)]
        else:
            yield [
                LabelledRow(task.line, 0, intern(text[word.start : word.end]), "", intern(tag), "")
                for word, tag in zip(words, tags, strict=True)
            ]


def _outside(span: Span, text: str) -> str:
    """What is wrong with a span's place; then no other offset of its task is to be believed either."""
    found = text[span.start : span.end]
    if span.mention is not None and not is_mention(found, span.mention):
        return f"found {found[:40]!r} at [{span.start}, {span.end}), expected {span.mention[:40]!r} as the tool says"
    if not found.strip():
        return f"found nothing but space in span [{span.start}, {span.end}) {span.label}, expected words"
    return ""


def _tags(text: str, words: Sequence[Word], spans: Sequence[Span], overlapping: set[Span]) -> tuple[list[str], str]:
    """BIO tags of a sentence's words, and what is wrong with the first wrong span in it."""
    tags = [OUTSIDE] * len(words)
    starts = {word.start: index for index, word in enumerate(words)}
    ends = {word.end: index for index, word in enumerate(words)}
    for span in spans:
        where = f"span [{span.start}, {span.end}) {text[span.start : span.end][:40]!r}"
        if span in overlapping:
            return tags, f"found {where} overlapping another, expected spans apart"
        if span.start not in starts or span.end not in ends:
            return tags, f"found {where}, expected it to begin and end with a word of one sentence"
        first, last = starts[span.start], ends[span.end]
        tags[first : last + 1] = [f"B-{span.label}", *[f"I-{span.label}"] * (last - first)]
    return tags, ""
