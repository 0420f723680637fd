"""Labelled spans, as Label Studio and doccano export them, become rows of words.

    [{"data": {"text": ...}, "annotations": [{"result": [{"value": {"start", "end", "labels"}}]}]}]   Label Studio
    {"text": ..., "label": [[start, end, label]]}                                                    doccano, old form
    {"text": ..., "entities": [{"start_offset", "end_offset", "label"}]}                             doccano, with relations

Words and sentences are cut as the nightly run cuts them, so that what is learnt is what will be tagged. A span is
either exactly some of these words or it is wrong: the sentences that it touches are set aside with the reason. Nothing
is shifted into place, since a tool that counts characters in another way is off by more with every one of them.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from sys import intern
from typing import Any, NamedTuple

from ner_tasks.errors import DataRejected
from ner_tasks.labelled.rows import BAD_SPAN, BROKEN_ROW, Row
from ner_tasks.labels import OUTSIDE
from ner_tasks.text import Word, iter_sentences

SPAN_SUFFIXES = (".jsonl", ".json")


class Span(NamedTuple):
    """Characters `[start, end)` with a label; `mention` is what the tool says stands there, None if it does not say."""

    start: int
    end: int
    label: str
    mention: str | None


class _UnreadableTask(ValueError):
    """A task is not written as any of the tools writes it; says what was found."""


def span_rows(text: str, name: str) -> Iterator[Row]:
    """Rows of all annotated tasks; a task nobody has annotated is left out, for it says nothing about its text.

    Args:
        text: a JSON list of tasks, or a task on each line.
        name: of the file, for messages.

    Raises:
        DataRejected: a list that is not JSON.
    """
    sentence = n_tasks = n_open = 0
    for line, task in _tasks(text, name):
        n_tasks += 1
        try:
            read = _read(task)
        except _UnreadableTask as error:
            yield Row(line, sentence, str(task)[:80], "", "", str(error), BROKEN_ROW)
            sentence += 1
            continue
        if read is None:
            n_open += 1
            continue
        for rows in _sentences(line, *read):
            yield from (row._replace(sentence=sentence) for row in rows)
            sentence += 1
    if n_open:
        print(f"{name}: {n_open} of {n_tasks} tasks are not annotated and are left out", flush=True)


def _tasks(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """Place and value of each task; a line that is not JSON comes as the text that it is."""
    if text.lstrip().startswith("["):
        try:
            yield from enumerate(json.loads(text), start=1)
        except (ValueError, RecursionError) as error:
            raise DataRejected(f"found a list that is not JSON ({error}), expected tasks, at {name}") from None
        return
    for line, written in enumerate(text.split("\n"), start=1):
        if written.strip():
            try:
                yield line, json.loads(written)
            except (ValueError, RecursionError):
                yield line, written


def _read(task: Any) -> tuple[str, list[Span]] | None:
    """Text and spans of a task, None if nobody has annotated it."""
    if not isinstance(task, dict):
        raise _UnreadableTask("found no JSON object, expected a task of Label Studio or doccano")
    if "annotations" in task:
        return _label_studio(task)
    text = task.get("text", task.get("data"))
    listed = next((task[key] for key in ("label", "labels", "entities") if key in task), None)
    if not isinstance(text, str) or not isinstance(listed, list):
        raise _UnreadableTask(f"found keys {', '.join(map(str, task))[:80]}, expected text and label (or entities)")
    return text, sorted(_span(one) for one in listed)


def _label_studio(task: dict[str, Any]) -> tuple[str, list[Span]] | None:
    data, annotations = task.get("data"), task["annotations"]
    if not isinstance(data, dict) or not isinstance(annotations, list):
        raise _UnreadableTask("found no data or annotations, expected them, in a task of Label Studio")
    texts = [data["text"]] if "text" in data else [value for value in data.values() if isinstance(value, str)]
    if len(texts) != 1 or not isinstance(texts[0], str):
        raise _UnreadableTask(f"found {len(texts)} texts in data, expected one, best under the key text")
    done = [one for one in annotations if isinstance(one, dict) and not one.get("was_cancelled")]
    if not done:
        return None
    readings = [sorted(_span(part.get("value")) for part in _labels_in(one)) for one in done]
    if any(reading != readings[0] for reading in readings):
        raise _UnreadableTask(f"found {len(readings)} annotations that differ, expected one or equal ones")
    return texts[0], readings[0]


def _labels_in(annotation: dict[str, Any]) -> list[dict[str, Any]]:
    """The labelled spans of an annotation; its choices, ratings and relations are about something else."""
    result = annotation.get("result")
    if not isinstance(result, list) or not all(isinstance(part, dict) for part in result):
        raise _UnreadableTask("found an annotation without a list as result, expected one")
    return [part for part in result if part.get("type", "labels") in ("labels", "hypertextlabels")]


def _span(written: Any) -> Span:
    """A span in any of the forms; what is none is said, not left out."""
    if isinstance(written, dict):
        start, end = (written.get(f"{end}_offset", written.get(end)) for end in ("start", "end"))
        labels = written.get("labels", written.get("label"))
        mention = written.get("text")
    else:
        start, end, labels = written if isinstance(written, list) and len(written) == 3 else (None, None, None)
        mention = None
    if isinstance(labels, list):
        labels = labels[0] if len(labels) == 1 else None
    if type(start) is not int or type(end) is not int or not isinstance(labels, str):
        raise _UnreadableTask(f"found span {str(written)[:80]}, expected whole numbers start and end, and one label")
    return Span(start, end, labels, mention if isinstance(mention, str) else None)


def _sentences(line: int, text: str, spans: Sequence[Span]) -> Iterator[list[Row]]:
    """Rows of each sentence; their number in the file is for the caller to set."""
    wrong_offsets = next((problem for span in spans if (problem := _outside(span, text))), "")
    overlapping = {span for pair in pairwise(spans) if pair[1].start < pair[0].end for span in pair}
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
        if problem := wrong_offsets or problem:
            yield [Row(line, 0, text[start:end], "", "", problem, BAD_SPAN)]
        else:
            yield [
                Row(line, 0, intern(text[word.start : word.end]), "", intern(tag), "")
                for word, tag in zip(words, tags, strict=True)
            ]


def _outside(span: Span, text: str) -> str:
    """What is wrong with a span's place; then no other offset of its task is to be believed either."""
    if not 0 <= span.start < span.end <= len(text):
        return f"found span [{span.start}, {span.end}) {span.label}, expected it within {len(text)} characters"
    found = text[span.start : span.end]
    if span.mention is not None and span.mention != found:
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
