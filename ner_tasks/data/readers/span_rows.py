"""Conversion of labelled spans, as exported by Label Studio, doccano and others, to rows of words.

Words and sentences are segmented as in the nightly run, so that training and tagging see the same words. A span must
cover whole words; otherwise the sentences that it touches are quarantined. Only white space at the ends of a span is
trimmed, if the mentions or the other spans of the file show that its offsets are right. `span_offsets` detects the unit
of the offsets. Spans are never moved otherwise.
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
# Without mentions, spans are trimmed only if the file has this many spans and this share of them starts and ends at
# word boundaries after trimming, which rules out offsets that are off by one.
_MIN_SPANS, _MIN_SHARE = 10, 0.9


def span_rows(text: str, name: str, conversions: Conversions) -> Iterator[LabelledRow]:
    """Read the rows of all annotated tasks.

    Args:
        text: a JSON list of tasks, or JSON Lines.
        name: name of the file, for error messages.
        conversions: filled with the unit of the offsets and what was left out or converted.

    Raises:
        DataRejected: a list that is not valid JSON.
    """
    return task_rows(read_tasks(text, name, conversions), conversions)


def task_rows(tasks: Sequence[Task], conversions: Conversions) -> Iterator[LabelledRow]:
    """Yield the rows of annotated tasks, sentence by sentence.

    Args:
        tasks: texts with spans in any unit of offsets.
        conversions: filled with the unit of the offsets and what was converted.
    """
    placed = place_spans(tasks, conversions)
    may_trim = _match_word_bounds(tasks, placed)
    sentence = 0
    for task, one in zip(tasks, placed, strict=True):
        if task.problem:
            yield LabelledRow(task.line, sentence, task.text, "", "", task.problem, BROKEN_ROW)
            sentence += 1
            continue
        problem = one.problem or next((line for span in one.spans if (line := _check_place(span, task.text))), "")
        spans = _trim_spans(task.text, one.spans, conversions, may_trim=may_trim)
        for rows in _iter_sentence_rows(task, one._replace(spans=spans, problem=problem)):
            yield from (row._replace(sentence=sentence) for row in rows)
            sentence += 1


def _match_word_bounds(tasks: Sequence[Task], placed: Sequence[Placed]) -> bool:
    """Return whether nearly all spans without a mention start and end at word boundaries after trimming."""
    n = n_right = 0
    for task, one in zip(tasks, placed, strict=True):
        for span in one.spans:
            if span.mention is None:
                n += 1
                n_right += may_be_mention(task.text, span.start, span.end, None)
    return n >= _MIN_SPANS and n_right >= _MIN_SHARE * n


def _trim_spans(text: str, spans: Sequence[Span], conversions: Conversions, *, may_trim: bool) -> list[Span]:
    """Trim white space at the ends of spans, drop duplicates, and sort by position."""
    result = []
    for span in spans:
        covered = text[span.start : span.end]
        trimmed = covered.strip()
        if span.mention is not None and span.mention not in (covered, trimmed) and is_mention(covered, span.mention):
            conversions.add("mentions that differ from the text in their spaces only, taken as equal", "spans")
        if trimmed and trimmed != covered and (may_trim or span.mention is not None):
            conversions.add("spaces at the ends of spans, cut off", "spans")
            start = span.start + len(covered) - len(covered.lstrip())
            result.append(span._replace(start=start, end=start + len(trimmed)))
        else:
            result.append(span)
    unique = {(span.start, span.end, span.label): span for span in result}
    conversions.add("spans given twice, taken once", "spans", len(result) - len(unique))
    return [unique[key] for key in sorted(unique)]


def _iter_sentence_rows(task: Task, placed: Placed) -> Iterator[list[LabelledRow]]:
    """Yield the rows of each sentence; the caller sets the sentence number."""
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
        tags, problem = _tag_words(text, words, here, overlapping)
        near = bisect_right(doubt_ends, start)
        doubt = placed.doubts[near] if near < len(doubt_ends) and placed.doubts[near].start < end else None
        if problem := placed.problem or (doubt.problem if doubt else problem):
            yield [LabelledRow(task.line, 0, text[start:end], "", "", problem, BAD_SPAN)]
        else:
            yield [
                LabelledRow(task.line, 0, intern(text[word.start : word.end]), "", intern(tag), "")
                for word, tag in zip(words, tags, strict=True)
            ]


def _check_place(span: Span, text: str) -> str:
    """Return the problem with the range of a span, which makes all offsets of its task unusable; empty if none."""
    covered = text[span.start : span.end]
    if span.mention is not None and not is_mention(covered, span.mention):
        return f"found {covered[:40]!r} at [{span.start}, {span.end}), expected the mention {span.mention[:40]!r}"
    if not covered.strip():
        return f"found nothing but space in span [{span.start}, {span.end}) {span.label}, expected words"
    return ""


def _tag_words(
    text: str, words: Sequence[Word], spans: Sequence[Span], overlapping: set[Span]
) -> tuple[list[str], str]:
    """Return the BIO tags of the words of a sentence, and the problem of its first invalid span."""
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
